"""What the tests of the own engines serve: one app, a path for each thing that an app may do."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

seen: list[str] = []
"""What has happened inside the app, told by `/seen`."""
big = os.urandom(1 << 16) * 64


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Go where the path says."""
    name = environ["PATH_INFO"].strip("/").partition("/")[0].replace("-", "_")
    found: Iterable[bytes] = globals()["do_" + (name or "hello")](environ, start_response)
    return found


def do_hello(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def do_seen(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [",".join(seen).encode()]


def do_environ(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [repr({key: value for key, value in environ.items() if isinstance(value, str | bool | tuple)}).encode()]


def do_echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("X-Token", environ.get("HTTP_X_TOKEN", ""))])
    return [environ["wsgi.input"].read()]


def do_lines(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"%d lines" % len(list(environ["wsgi.input"]))]


def do_write(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    write = start_response("200 OK", [])
    write(b"a")
    write(b"b")
    return [b"c", b"d"]


def do_write_much(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """4 MiB by write(), and a little more."""
    write = start_response("200 OK", [("Content-Length", str(len(big) + 3))])
    for at in range(0, len(big), 1 << 16):
        write(big[at : at + (1 << 16)])
    return [b"end"]


def do_pieces(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    yield b""
    for number in range(100):
        yield b"%d " % number


class Closing:
    """An iterable that tells what becomes of it."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        print("the iterable is closed", file=sys.stderr, flush=True)


def do_closing(environ: dict[str, Any], start_response: Any) -> Closing:
    start_response("200 OK", [])
    return Closing([b"a", b"b"])


def do_closing_raises(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "2")])

    class Raises(Closing):
        def close(self) -> None:
            super().close()
            raise ValueError("in close")

    return Raises([b"a", b"b"])


def do_raise(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    raise ValueError("before start_response")


def do_exit(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    raise SystemExit(3)


def do_raise_late(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])

    def pieces() -> Iterator[bytes]:
        yield b"a"
        raise ValueError("after the first piece")

    return Closing(pieces())


def do_exc_info(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("X-First", "1")])
    try:
        raise ValueError("changed my mind")
    except ValueError as error:
        start_response("503 Sorry", [("X-Second", "2")], (type(error), error, error.__traceback__))
    return [b"sorry"]


def do_exc_info_late(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    yield b"a"
    try:
        raise ValueError("too late")
    except ValueError as error:
        start_response("503 Sorry", [], (type(error), error, error.__traceback__))


def do_too_long(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Length", "3")])
    yield b"ab"
    yield b"cd"


def do_too_short(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Length", "3")])
    yield b"ab"


def do_short_list(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "3")])
    return [b"ab"]


def do_write_too_long(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    write = start_response("200 OK", [("Content-Length", "3")])
    write(b"abc")
    write(b"d")
    return []


def do_start_twice(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    start_response("500 Oops", [])
    return [b"never"]


def do_start_after_write(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "6")])(b"abc")
    start_response("500 Oops", [("X-Late", "1")])
    return [b"never"]


def do_input(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """How wsgi.input is kept, and what each way to read it gives."""
    file = environ["wsgi.input"]
    told = [
        type(file).__name__,
        file.readline(),
        file.read(3),
        file.readlines(),
        file.read(),
        file.read(1),
        file.readline(),
    ]
    start_response("200 OK", [])
    return [repr(told).encode()]


def do_endless(environ: dict[str, Any], start_response: Any) -> Closing:
    start_response("200 OK", [])
    return Closing(iter(lambda: big[: 1 << 16], b""))


def do_write_endless(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    write = start_response("200 OK", [])
    try:
        while True:
            write(big[: 1 << 16])
    except ConnectionError as error:
        print(f"write() raised {type(error).__name__}", file=environ["wsgi.errors"], flush=True)
        raise


def do_smuggle(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("X", "a\r\nSet-Cookie: b")])
    return [b"never"]


def do_hop(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Connection", "close")])
    return [b"never"]


def do_no_start(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    return [b"never"]


def do_text(environ: dict[str, Any], start_response: Any) -> list[Any]:
    start_response("200 OK", [])
    return ["text"]


def do_file(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    path = environ["QUERY_STRING"]

    class Told:
        """A file that tells when it is closed."""

        def __init__(self) -> None:
            self.file = open(path, "rb")  # noqa: SIM115 - the server closes it
            self.read, self.seek = self.file.read, self.file.seek

        def close(self) -> None:
            seen.append("file closed")
            self.file.close()

    file = Told()
    file.seek(int(environ.get("HTTP_X_SKIP", "0")))
    headers = [("Content-Length", environ["HTTP_X_LENGTH"])] if "HTTP_X_LENGTH" in environ else []
    start_response("200 OK", headers)
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
    return wrapped


def do_filelike(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    import io

    length = environ["QUERY_STRING"]
    start_response("200 OK", [("Content-Length", length)] if length else [])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](io.BytesIO(b"in memory"), 4)
    return wrapped


def do_gzip(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A file of another content than what its file descriptor gives."""
    import gzip

    start_response("200 OK", [])
    file = gzip.open(environ["QUERY_STRING"])  # noqa: SIM115 - the server closes it
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
    return wrapped


def do_events(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """More than the kernel takes at once, then an event for each "!" in the pipe, and for each "+" as much again."""
    start_response("200 OK", [])
    much = (big * 3)[:12_000_000]
    pipe = os.open(environ["QUERY_STRING"], os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield much
        while (word := _read(pipe)) != b".":
            yield b"event" if word == b"!" else much
    except GeneratorExit:
        print("GeneratorExit", file=sys.stderr, flush=True)
    finally:
        os.close(pipe)


def _read(pipe: int) -> bytes:
    """The next byte, waited for in a way that lets gevent's hub go on."""
    while True:
        with contextlib.suppress(BlockingIOError):
            return os.read(pipe, 1)
        time.sleep(0.01)


def do_until(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """As long as nothing can be read from the pipe."""
    pipe = os.open(environ["QUERY_STRING"], os.O_RDONLY | os.O_NONBLOCK)
    print("waiting for the pipe", file=sys.stderr, flush=True)
    _read(pipe)
    os.close(pipe)
    return do_hello(environ, start_response)


def do_nap(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    time.sleep(0.03)
    return do_hello(environ, start_response)


def do_fork(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """A child that lives until it can read from the pipe, and has all files open that we have."""
    if os.fork() == 0:
        _read(os.open(environ["QUERY_STRING"], os.O_RDONLY | os.O_NONBLOCK))
        print("the child ends", file=sys.stderr, flush=True)
        os._exit(0)
    return do_hello(environ, start_response)


inside: set[int] = set()
most = 0


def do_crowd(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """More than a slow client takes, and then pieces that take a while each. Told by `/most`: how many were at one at once."""
    global most
    start_response("200 OK", [])
    yield from (big[at : at + (1 << 16)] for at in range(0, len(big), 1 << 16))
    yield big
    for _ in range(20):
        inside.add(id(environ))
        most = max(most, len(inside))
        time.sleep(0.01)
        inside.discard(id(environ))
        yield b"piece"


def do_most(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"%d" % most]


def do_long_text(environ: dict[str, Any], start_response: Any) -> list[Any]:
    start_response("200 OK", [])
    return ["never" * 20_000]


def do_long_piece(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Length", "3")])
    yield b"never"


def do_204(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("204 No Content", [])
    return []


def do_big(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", str(len(big)))])
    return [big]


def do_stream(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """64 MiB, more than any buffer; tells when it is stopped."""
    start_response("200 OK", [])
    try:
        for _ in range(1024):
            yield big[: 1 << 16]
    except GeneratorExit:
        print("GeneratorExit", file=environ["wsgi.errors"], flush=True)
        raise


def do_thread(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """16 MiB, and whether one thread made them all."""
    start_response("200 OK", [])
    threads = set()
    for _ in range(256):
        threads.add(threading.get_ident())
        yield big[: 1 << 16]
    seen.append(f"{len(threads)} thread")


def do_sleep(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    print("falling asleep", file=sys.stderr, flush=True)
    time.sleep(float(environ["QUERY_STRING"]))
    return do_hello(environ, start_response)


barrier = threading.Condition()
waiting = 0


def do_meet(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answered when as many requests as the query says are in here at once."""
    print("waiting for the others", file=sys.stderr, flush=True)
    met = wait_for(int(environ["QUERY_STRING"]))
    start_response("200 OK", [])
    return [b"met" if met else b"alone"]


def wait_for(count: int) -> bool:
    """Whether that many are in here at once."""
    global waiting
    with barrier:
        waiting += 1
        barrier.notify_all()
        return barrier.wait_for(lambda: waiting >= count, 20)


def do_burst(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """Pieces in quick succession, by both ways there are; what follows takes until another request comes to `/meet`."""
    write = start_response("200 OK", [])
    for number in range(5):
        yield b"%d," % number
        write(b"%d;" % number)
    yield b"met" if wait_for(2) else b"alone"


def do_length(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """An answer that is whole before its generator ends, as those of frameworks are."""
    start_response("200 OK", [("Content-Length", "5")])
    yield b"hello"


def do_late(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """The same, and then an error."""
    yield from do_length(environ, start_response)
    raise ValueError("too late to matter")


def do_toolong(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """More than the Content-Length says, in a piece of its own."""
    yield from do_length(environ, start_response)
    yield b"!"


def do_pid(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]


def do_compute(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Compute for 3 ms, as an app does that renders a page."""
    end = time.thread_time() + 0.003
    while time.thread_time() < end:
        pass
    start_response("200 OK", [])
    return [b"computed"]


def do_work(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Compute, and never wait."""
    start_response("200 OK", [])
    return [b"%d" % sum(range(10_000))]
