/* The limit: what a request costs where there is no Python and no HTTP, only the system calls.
 *
 * Usage: limit FD. Serves the listening socket FD with one answer, whatever is asked: two system calls a request on
 * a connection that is kept. A request ends with an empty line and has no body; the last four bytes of each read
 * tell, which holds for a load generator that sends a request in one piece.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 64

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n";
static const char last[] =
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n";
static const char asked_to_close[] = "\r\nConnection: close\r\n";

static void serve(int connection)
{
    char request[16384];
    ssize_t size = recv(connection, request, sizeof request, MSG_DONTWAIT);
    if (size <= 0) {
        close(connection);
        return;
    }
    if (size < 4 || memcmp(request + size - 4, "\r\n\r\n", 4))
        return;
    if (memmem(request, size, asked_to_close, sizeof asked_to_close - 1)) {
        send(connection, last, sizeof last - 1, MSG_NOSIGNAL);
        close(connection);
    } else {
        send(connection, answer, sizeof answer - 1, MSG_NOSIGNAL);
    }
}

int main(int count, char **words)
{
    if (count != 2)
        return 2;
    int listener = atoi(words[1]);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[EVENTS];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int found = epoll_wait(poll, ready, EVENTS, -1);
        for (int each = 0; each < found; each++) {
            if (ready[each].data.fd != listener) {
                serve(ready[each].data.fd);
                continue;
            }
            int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            if (connection < 0)
                continue;
            event.data.fd = connection;
            epoll_ctl(poll, EPOLL_CTL_ADD, connection, &event);
        }
    }
}
