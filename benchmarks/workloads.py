"""The eleven workloads: what is asked, of which app, and what the answer must be.

The answer is checked before anything is measured, so that a server is never praised for a wrong one.
"""

import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse

from . import workload_apps as apps
from .apps import HELLO
from .load import BROWSER, Load, body
from .process import ServerFailedError

APP = "benchmarks.workload_apps:all_of_them"
FLASK = "benchmarks.flask_app:app"

_CLOSE = tuple("Connection: close" if each.startswith("Connection:") else each for each in BROWSER)
_KB = 1000
_MB = 1 << 20
_CHECK_SECONDS = 10.0
_END_SECONDS = 2.0
_WARM_SECONDS = 0.1
_WARM_REQUESTS = 20


@dataclass(frozen=True, slots=True)
class Workload:
    """A kind of request, asked again and again."""

    name: str
    title: str
    load: Load
    expected: bytes
    app: str = APP
    rate: bool = False
    """Whether requests per second say what CPU time cannot: how many requests wait at once."""
    streamed: bool = False
    """Whether the app makes the answer piece by piece, each of which must leave before the next is made."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a server gave the right answer."""

    kept: bool
    """Whether it keeps the connection."""
    ends: bool
    """Whether it ends the connection without a word before, which wrk takes for an error."""


WORKLOADS = (
    Workload("hello", "hello", Load(), HELLO),
    Workload("close", "hello, Connection: close", Load(headers=_CLOSE), HELLO),
    Workload("json", "JSON of 1 kB", Load(path="/json"), apps.JSON),
    Workload("post-1k", "POST of 1 kB echoed", Load("POST", path="/echo", body=_KB), body(_KB)),
    Workload("post-1m", "POST of 1 MB echoed", Load("POST", path="/echo", body=_MB, answer=_MB), body(_MB)),
    Workload("64k", "answer of 64 kB", Load(path="/64k"), apps.LARGE[: 64 << 10]),
    Workload("10m", "answer of 10 MB", Load(path="/10m", answer=len(apps.LARGE)), apps.LARGE),
    Workload("chunks", "100 chunks of 1 kB streamed", Load(path="/chunks"), apps.CHUNK * apps.CHUNKS, streamed=True),
    Workload("file", "file of 10 MB", Load(path="/file", answer=len(apps.LARGE)), apps.LARGE),
    Workload("sleep", "app sleeps 5 ms", Load(path="/sleep"), HELLO, rate=True),
    Workload("flask", "Flask hello", Load(), HELLO, app=FLASK),
)


def check(port: int, workload: Workload) -> Manner:
    """Ask, compare, and go on for an instant to warm the server up.

    Raises ServerFailedError if an answer is not what it must be.
    """
    client = HTTPConnection("127.0.0.1", port, timeout=_CHECK_SECONDS)
    end = time.monotonic() + _WARM_SECONDS
    left = _WARM_REQUESTS
    try:
        while True:
            _send(client, workload.load)
            answer = client.getresponse()
            kept, ends = not answer.will_close, _without_length(answer)
            _compare(answer, workload.expected)
            if kept and workload.load.headers == _CLOSE:
                _await_end(client)
                ends = True
            left -= 1
            if not left or time.monotonic() > end:
                return Manner(kept, ends)
    except TimeoutError:
        raise ServerFailedError(f"timeout: no whole answer within {_CHECK_SECONDS:g} s") from None
    except (OSError, HTTPException) as error:
        raise ServerFailedError(f"wrong answer: {type(error).__name__}: {error}") from None
    finally:
        client.close()


def streams(port: int) -> bool:
    """Whether the server sends a piece of an answer before the app makes the next (PEP 3333, buffering and streaming).

    Raises ServerFailedError if it does not answer.
    """
    client = HTTPConnection("127.0.0.1", port, timeout=_CHECK_SECONDS)
    try:
        _send(client, Load(path="/paused"))
        answer = client.getresponse()
        answer.read(1)
        began = time.monotonic()
        answer.read()
        return time.monotonic() - began > apps.PAUSE_SECONDS / 2
    except (OSError, HTTPException) as error:
        raise ServerFailedError(f"wrong answer: {type(error).__name__}: {error}") from None
    finally:
        client.close()


def _without_length(answer: HTTPResponse) -> bool:
    return answer.headers["Content-Length"] is None and answer.headers["Transfer-Encoding"] is None


def _await_end(client: HTTPConnection) -> None:
    client.sock.settimeout(_END_SECONDS)
    try:
        if client.sock.recv(1):
            raise ServerFailedError("wrong answer: more than was asked for")
    except TimeoutError:
        raise ServerFailedError("wrong answer: the connection that was to be closed is kept") from None
    client.close()


def _send(client: HTTPConnection, load: Load) -> None:
    client.putrequest(load.method, load.path, skip_accept_encoding=True)
    for header in load.headers:
        client.putheader(*header.split(": ", 1))
    if load.body:
        client.putheader("Content-Length", str(load.body))
    client.endheaders(body(load.body) or None)


def _compare(answer: HTTPResponse, expected: bytes) -> None:
    came = answer.read()
    if answer.status != 200:
        raise ServerFailedError(f"wrong answer: status {answer.status}")
    if came == expected:
        return
    if len(came) != len(expected):
        raise ServerFailedError(f"wrong answer: {len(came):,} bytes of {len(expected):,}")
    first = next(at for at, (one, other) in enumerate(zip(came, expected, strict=True)) if one != other)
    raise ServerFailedError(f"wrong answer: it differs from byte {first:,}")
