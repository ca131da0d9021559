/* Moments in which a core stood still.
 *
 * A hypervisor stops a core for milliseconds without a word, and each stop is in the 99th percentile of whichever server
 * it hits. On each core that is watched, a thread that goes before all others (SCHED_FIFO of sched(7): root) asks to be
 * woken every PERIOD. If it wakes LATE, nothing else ran on that core either.
 *
 * Whether a request counts is told from the moment it fell due, never from what its answer took.
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#define PERIOD 250e-6
#define LATE 200e-6
#define BEFORE 5e-3 /* what was due then should have been answered */
#define AFTER 20e-3 /* the queue that a gap left, beside four times its length, as a server has half of its time to spare */
#define GAPS 65536
#define CORES 2

struct watch {
    pthread_t thread;
    int core, failed;
    long gaps, passed;
    double from[GAPS], to[GAPS]; /* what is near */
};

static struct watch watches[CORES];
static int watching;
static volatile int over;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void *find_gaps(void *given)
{
    struct watch *here = given;
    struct sched_param first = {.sched_priority = 50};
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(here->core, &cores);
    if (sched_setaffinity(0, sizeof cores, &cores) || sched_setscheduler(0, SCHED_FIFO, &first)) {
        here->failed = 1;
        return NULL;
    }
    while (!over && here->gaps < GAPS) {
        double slept = now();
        nanosleep(&(struct timespec){.tv_nsec = PERIOD * 1e9}, NULL);
        double woke = now(), late = woke - slept - PERIOD;
        if (late > LATE) {
            here->from[here->gaps] = slept - BEFORE;
            here->to[here->gaps++] = woke + AFTER + 4 * late;
        }
    }
    return NULL;
}

/* From now on, and until watched_all(). */
static void watch(int core)
{
    struct watch *here = &watches[watching++];
    here->core = core;
    here->failed = pthread_create(&here->thread, NULL, find_gaps, here);
}

/* 1 if each core that should have been watched was, 0 if this program may not. */
static int watched_all(void)
{
    int failed = 0;
    over = 1;
    for (int each = 0; each < watching; each++) {
        pthread_join(watches[each].thread, NULL);
        failed |= watches[each].failed;
    }
    return !failed;
}

/* To be called with moments that ascend. */
static int near_a_gap(double moment)
{
    int near = 0;
    for (int each = 0; each < watching; each++) {
        struct watch *here = &watches[each];
        while (here->passed < here->gaps && here->to[here->passed] <= moment)
            here->passed++;
        near |= here->passed < here->gaps && here->from[here->passed] <= moment;
    }
    return near;
}
