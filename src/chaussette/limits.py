"""The limits and deadlines of our own engines, `fast` and `fastgevent`, and of WebSockets: what each protects, and why its
default.

Here and not in `config` for their number alone; their names, types and places are there.
"""

from .option import Option, seconds, size, whole

GROUP = "limits and deadlines, in the engines fast and fastgevent"

LIMIT_REQUEST_LINE = Option(
    "bytes that a request line may have; more is answered with 414",
    size,
    metavar="BYTES",
    group=GROUP,
    shown_default="8190",
    why="RFC 9112 asks for 8000 at least; Apache's number, so what passes there passes here",
)
LIMIT_HEADER_SIZE = Option(
    "bytes that all header lines together may have; more is answered with 431",
    size,
    metavar="BYTES",
    group=GROUP,
    shown_default="64k",
    why="cookies of single sign-on reach 16 kB and more",
)
LIMIT_HEADER_COUNT = Option(
    "header lines that a request may have; more is answered with 431",
    whole(1, 10_000),
    metavar="N",
    group=GROUP,
    shown_default="100",
    why="browsers send 10 to 20, and a proxy adds 10 more",
)
LIMIT_BODY = Option(
    "bytes that a request body may have; more is answered with 413",
    size,
    metavar="BYTES",
    group=GROUP,
    shown_default="1G",
    why="uploads are spooled to a file, so it is the disk that this protects; waitress's number",
)
LIMIT_CONNECTIONS = Option(
    "connections that may be open; at so many the rest waits in the accept queue, and the log says so",
    whole(1, 1_000_000),
    metavar="N",
    group=GROUP,
    shown_default="10000, or 50 short of the limit on open files",
    why="an idle connection costs 1 kB, and an open file",
)
INBUF = Option(
    "bytes of a request body that are kept in memory; a longer one goes to a temporary file",
    size,
    metavar="BYTES",
    group=GROUP,
    shown_default="1M",
    why="most forms and API calls are shorter, and need no disk",
)
HIGH_WATER = Option(
    "bytes of a streamed response that may wait for a slow client before the app has to wait too",
    size,
    metavar="BYTES",
    group=GROUP,
    shown_default="1M",
    why="enough to keep a fast client busy while the app makes the next piece",
)
HEADER_TIMEOUT = Option(
    "seconds from the first byte of a request to the end of its headers; then it is answered with 408",
    seconds,
    metavar="SECONDS",
    group=GROUP,
    shown_default="30",
    why="a phone with a bad link needs a few seconds, and an attacker would take for ever",
)
BODY_RATE = Option(
    "bytes a second that a request body must come at, on average; else it is answered with 408",
    size,
    metavar="BYTES",
    group=GROUP,
    shown_default="500",
    why="Apache's number: a tenth of what a modem did",
)
BODY_GRACE = Option(
    "seconds that a request body may come at any rate",
    seconds,
    metavar="SECONDS",
    group=GROUP,
    shown_default="20",
    why="Apache's number: a client that is slow to start is not a slow client",
)
KEEP_ALIVE = Option(
    "seconds that a connection may be idle between two requests",
    seconds,
    metavar="SECONDS",
    group=GROUP,
    shown_default="75",
    why="more than the 60 seconds that proxies keep their side, so that the proxy hangs up first and loses nothing",
)
SEND_TIMEOUT = Option(
    "seconds that a client may take nothing of a response that waits for it",
    seconds,
    metavar="SECONDS",
    group=GROUP,
    shown_default="60",
    why="nginx's number",
)
APP_TIMEOUT = Option(
    "seconds after which an app that still works on a request is named in the log",
    seconds,
    metavar="SECONDS",
    group=GROUP,
    shown_default="60",
    why="no client waits longer; a thread cannot be stopped in Python, so it is only told",
)
LIMIT_MESSAGE = Option(
    "bytes that a message of a WebSocket may have, in engines that have them in the environ; more ends it with 1009",
    size,
    metavar="BYTES",
    group="engine",
    shown_default="16M",
    why="a message is kept in memory; uvicorn's number",
)
