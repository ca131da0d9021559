/* A client that asks at a given rate, whatever the server does: what wrk cannot.
 *
 * Usage: paced PORT CONNECTIONS RATE SECONDS CORE... < REQUEST
 * Prints JSON: answers, errors, whether the cores were watched, how many answers count, and the latency of those in
 * microseconds.
 *
 * Requests fall due at random moments, as those of many clients do (a Poisson process; the same moments in each run).
 * Latency counts from the moment a request fell due, not from when it was sent: a server that stalls delays those that
 * queue for a connection too, and leaving them out would praise it for its stall (coordinated omission).
 * The client never sleeps, as a sleep would add to what it measures: it needs a core of its own.
 *
 * What fell due near a moment in which a CORE stood still does not count, see gaps.h.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "gaps.h"

#define MOST 1024
#define EVENTS 64
#define PATIENCE 5.0 /* seconds for what is under way at the end */

struct connection {
    int fd;
    int busy;
    double due;
    size_t size;
    char answer[16384];
};

struct answered {
    double due, took;
};

static struct connection connections[MOST];
static int idle[MOST], idles;
static char request[65536];
static size_t request_size;
static struct answered *done;
static long answers, errors, wanted;
static int epoll_fd;
static struct sockaddr_in server = {.sin_family = AF_INET};

static double until_next(double rate)
{
    static uint64_t state = 0x9E3779B97F4A7C15u; /* xorshift64*: Vigna, "An experimental exploration", 2016 */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    double drawn = ((state * 0x2545F4914F6CDD1Du) >> 11) / 9007199254740992.0;
    return -log(1.0 - drawn) / rate;
}

static void dial(int number)
{
    struct connection *connection = &connections[number];
    int one = 1;
    if (connection->fd > 0)
        close(connection->fd);
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection->fd, (struct sockaddr *)&server, sizeof server)) {
        perror("connect");
        exit(1);
    }
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event);
    connection->busy = 0;
    connection->size = 0;
}

static void ask(int number, double due)
{
    struct connection *connection = &connections[number];
    connection->busy = 1;
    connection->due = due;
    connection->size = 0;
    if (send(connection->fd, request, request_size, MSG_NOSIGNAL) == (ssize_t)request_size)
        return;
    dial(number); /* the server has closed it just now: ask once more */
    connection->busy = 1;
    send(connection->fd, request, request_size, MSG_NOSIGNAL);
}

/* 1 when the answer is whole, 0 when it is not yet; an answer has a Content-Length. */
static int whole(struct connection *connection, int *closes)
{
    connection->answer[connection->size] = 0;
    char *end = strstr(connection->answer, "\r\n\r\n");
    if (!end)
        return 0;
    char *length = strcasestr(connection->answer, "\r\ncontent-length:");
    char *closing = strcasestr(connection->answer, "\r\nconnection: close");
    *closes = closing && closing < end;
    if (!length || length > end)
        return 0;
    return connection->size >= (size_t)(end + 4 - connection->answer) + strtoul(length + 17, NULL, 10);
}

static void take(int number)
{
    struct connection *connection = &connections[number];
    size_t room = sizeof connection->answer - 1 - connection->size;
    ssize_t size = recv(connection->fd, connection->answer + connection->size, room, MSG_DONTWAIT);
    int closes = 0;
    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0) {
        if (connection->busy) {
            errors++;
            idle[idles++] = number;
        }
        dial(number);
        return;
    }
    connection->size += size;
    if (!connection->busy || !whole(connection, &closes))
        return;
    if (memcmp(connection->answer, "HTTP/1.1 200", 12) && memcmp(connection->answer, "HTTP/1.0 200", 12))
        errors++;
    else if (answers < wanted)
        done[answers++] = (struct answered){connection->due, (now() - connection->due) * 1e6};
    connection->busy = 0;
    idle[idles++] = number;
    if (closes)
        dial(number);
}

static int by_due(const void *one, const void *other)
{
    double difference = ((const struct answered *)one)->due - ((const struct answered *)other)->due;
    return (difference > 0) - (difference < 0);
}

static int by_took(const void *one, const void *other)
{
    double difference = ((const struct answered *)one)->took - ((const struct answered *)other)->took;
    return (difference > 0) - (difference < 0);
}

/* Keep what counts, and return how many these are. */
static long undisturbed(void)
{
    long kept = 0;
    qsort(done, answers, sizeof *done, by_due);
    for (long each = 0; each < answers; each++)
        if (!near_a_gap(done[each].due))
            done[kept++] = done[each];
    qsort(done, kept, sizeof *done, by_took);
    return kept;
}

int main(int count, char **words)
{
    if (count < 5 || count > 5 + CORES)
        return 2;
    server.sin_port = htons(atoi(words[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int most = atoi(words[2]);
    double rate = atof(words[3]), seconds = atof(words[4]);
    request_size = fread(request, 1, sizeof request, stdin);
    wanted = rate * seconds * 2 + 1000;
    done = malloc(wanted * sizeof *done);
    if (most < 1 || most > MOST || rate <= 0 || !done)
        return 2;
    for (int each = 5; each < count; each++)
        watch(atoi(words[each]));
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (int number = 0; number < most; number++) {
        dial(number);
        idle[idles++] = number;
    }
    struct epoll_event ready[EVENTS];
    double began = now(), end = began + seconds, due = began + until_next(rate);
    while (now() < end + PATIENCE && (due < end || idles < most)) {
        while (idles && due < end && due <= now()) {
            ask(idle[--idles], due);
            due += until_next(rate);
        }
        int found = epoll_wait(epoll_fd, ready, EVENTS, 0);
        for (int each = 0; each < found; each++)
            take(ready[each].data.u32);
    }
    errors += most - idles;
    int watched = watched_all();
    long kept = undisturbed();
    printf("{\"answers\": %ld, \"errors\": %ld, \"watched\": %d, \"counted\": %ld", answers, errors, watched, kept);
    if (kept)
        printf(", \"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f", done[kept / 2].took, done[kept * 99 / 100].took,
               done[kept * 999 / 1000].took);
    puts("}");
    return 0;
}
