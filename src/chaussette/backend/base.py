"""The contract of a backend, and what is known of one without importing its engine.

A backend is glue: it hands listening sockets to an engine, puts right what the engine gets wrong about them, and drains.
Its life is `setup`, construction, `serve`; `shutdown` ends `serve`:

- `setup()` patches the standard library where the engine wants that. It comes before the app is imported.
- Construction keeps what it is given and opens nothing.
- `serve()` accepts and serves until the drain has ended. A listener is closed or left, never shut down: others share it.
- `shutdown()` asks for the drain: accept no more, finish what is in flight, answer on connections that were idle for
  `keep_alive_grace` seconds more, then hang up. It is called by a signal handler.
- `pulse`, which `serve()` is given, is called about once a second by whoever would serve a request that came now, and for
  the first time when the engine accepts: where there are threads, by one of those that call the app, so that it stops when
  all of them hang. It does not block and does not raise. An engine without it says so in its BackendInfo.
- `settings()` says which settings of the engine's own `--option` may set, see `tuning`; the glue gets their values from
  `chosen(type(self), config)`. An engine that has none has no such method.
- `in_flight()` counts the requests that a kill would lose now. It is asked when the drain ran out of time.

Whoever calls `serve` bounds it: a backend needs no clock for `graceful_timeout`.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..config import Config
from ..listeners import Listener

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


Pulse = Callable[[], None]


def no_pulse() -> None:
    """Nobody feels the pulse."""


class Backend(Protocol):
    """What an engine's glue must do."""

    @classmethod
    def setup(cls) -> None:
        """Patch the standard library, if the engine wants that; called before the app is imported."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None: ...

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve. Returns when a drain has ended; raises what the engine raises."""

    def shutdown(self) -> None:
        """Ask for a drain, and return at once. Safe in a signal handler; asking again changes nothing."""

    def in_flight(self) -> int:
        """How many requests have been received, in part at least, and not yet been answered in full."""


class BackendInfo(NamedTuple):
    """What an engine can do: read by the command line, its refusals, `chaussette backends`, the docs and the tests."""

    name: str
    target: str
    """`package.module:Class` of the glue, imported when the engine is chosen."""
    package: str = ""
    """The distribution that brings the engine; empty for the standard library, `chaussette` for what is ours alone."""
    install: str = ""
    """The command that installs it."""
    summary: str = ""
    choose: str = ""
    """When to take it, in a sentence or two."""
    families: frozenset[str] = frozenset({"tcp", "tcp6", "unix"})
    several_listeners: bool = True
    keep_alive: bool = True
    """Whether a connection serves more than one request."""
    protocols: frozenset[str] = frozenset({"wsgi"})
    """The kinds of app that it serves: `wsgi`, `asgi`, `tornado`."""
    concurrency: str = ""
    """What works on requests: threads, greenlets, or one at a time."""
    monkey: bool = False
    """Whether `setup()` patches the standard library, unless `--no-monkey`."""
    pulse: bool = False
    """Whether `serve` takes `pulse`, and calls it."""
    options: frozenset[str] = frozenset()
    """The options, of those that only some engines can honour, that this one does."""
    lacks: frozenset[str] = frozenset()
    """Of `ABILITIES`, those that it does not have."""
    limits: tuple[str, ...] = ()
    """What else it cannot do, in sentences for the table."""
    settings: str = ""
    """What `--option` sets, in a few words; empty for an engine without settings of its own."""
    bugs: tuple[str, ...] = ()
    """What is known to be wrong with it, and whether that reaches who uses it here; `owner/repository#number` is an issue."""
    upstream: str = ""
    """Whether its upstream is alive, and its last release."""
    loggers: tuple[str, ...] = ()
    """The names of the engine's own loggers."""

    @property
    def weaknesses(self) -> list[str]:
        """What it cannot do, in sentences."""
        return [*self.limits, *(sentence for ability, sentence in ABILITIES.items() if ability in self.lacks)]

    @property
    def declared(self) -> dict[str, bool]:
        """What it can do and what not, by the names that a measurement has: see `measured.py`."""
        return {
            **{family: family in self.families for family in FAMILIES},
            "several sockets": self.several_listeners,
            "keep-alive": self.keep_alive,
            **{ability: ability not in self.lacks for ability in ABILITIES},
        }


FAMILIES = ("tcp", "tcp6", "unix")
ABILITIES = {
    "streaming": "sends an answer when the app has made all of it, not piece by piece",
    "write": "no write() callable",
    "chunked bodies": "cannot read chunked request bodies",
    "100-continue": "never sends 100 Continue",
    "pipelining": "answers the first of several requests that are sent at once",
    "HEAD": "sends the body of an answer to HEAD, if the app gives one",
    "late errors": "ends an answer in which the app raises as if it were whole",
    "early errors": "an app that raises after start_response gets no 500, though nothing was sent",
    "strict framing": "accepts ambiguous framing: not behind an untrusting proxy, which may read it otherwise; fast is strict",
    "headers apart": "takes X_Name for X-Name: let no proxy rely on a header that it sets",
    "repeated headers": "of a header that is sent twice the app sees one",
    "leaving clients": "does not end an answer whose client has gone",
    "client ports": "no REMOTE_PORT",
    "IPv6 clients": "REMOTE_ADDR is empty for clients on IPv6",
    "slow clients": "a client that sends half a request keeps a thread, or all there is, from others",
}
"""What every engine should do, and what it means where one does not. The tests hold each engine to what it declares, in both
directions: a weakness that an upgrade mends fails them too."""

LIMITS = {
    "limit_request_line": "limit on request lines that can be set",
    "limit_header_size": "limit on headers that can be set",
    "limit_header_count": "limit on headers that can be set",
    "limit_body": "limit on bodies that can be set",
    "limit_connections": "limit on connections that can be set",
    "inbuf": "buffer for bodies that can be set",
    "high_water": "high-water mark that can be set",
    "header_timeout": "deadline for headers that can be set",
    "body_rate": "least rate of a body that can be set",
    "body_grace": "least rate of a body that can be set",
    "keep_alive": "deadline for idle connections that can be set",
    "send_timeout": "deadline for sending that can be set",
    "app_timeout": "clock on the app",
}
"""Options of the engines that are our own."""
ENGINE_OPTIONS = {"threads": "threads", "spawn": "greenlets", "limit_message": "WebSockets in the environ", **LIMITS}
"""Options that only some engines can honour, and what an engine must have to do so."""
