"""Every option, declared once.

A field of `Config` is an option. Its declaration carries everything that is ever said about it: the default and why that
one, the unit, the help text, how text becomes a value. The flag (`--graceful-timeout`), the environment variable
(`CHAUSSETTE_GRACEFUL_TIMEOUT`), the key in a TOML file (`graceful-timeout`) and the reference page are derived from the
field, never written a second time.

A `Config` is a value: making one reads no file, opens nothing, warns of nothing. A field that is None was not asked for;
whoever uses it knows what to do then (an engine that has no threads must tell "4, by default" from "4, please").
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .errors import UsageError

LOG_LEVELS = ("critical", "error", "warning", "info", "debug")
ADDRESS_FAMILIES = ("AF_INET", "AF_INET6", "AF_UNIX")
SOCKET_TYPES = ("SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET")


@dataclass(frozen=True, slots=True)
class Option:
    """What is known of one option beside its name and default."""

    help: str
    parse: Callable[[str], Any]
    metavar: str = ""
    why: str = ""
    """Why the default is what it is, for the reference page."""
    shown_default: str = ""
    """The default in words, where None stands for "it depends"."""
    choices: tuple[str, ...] = ()
    repeat: bool = False
    positional: bool = False
    group: str = ""


def _option(default: Any, help: str, parse: Callable[[str], Any] = str, **about: Any) -> Any:
    return field(default=default, metadata={"option": Option(help, parse, **about)})


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError("seconds, 0 or more")
    return value


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return parse


def _octal(text: str) -> int:
    value = int(text, 8)
    if not 0 <= value <= 0o777:
        raise ValueError("an octal mode from 000 to 777")
    return value


def _truth(text: str) -> bool:
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    try:
        return words[text.lower()]
    except KeyError:
        raise ValueError("true or false") from None


def _bytes(text: str) -> int:
    """`1048576`, `1024k`, `1M`, `2G`."""
    number, scale = text, 1
    for letter, power in (("k", 10), ("m", 20), ("g", 30)):
        if text.lower().endswith(letter):
            number, scale = text[:-1], 1 << power
    if not (number.isascii() and number.isdigit()):
        raise ValueError("a number of bytes, such as 500, 64k, 1M or 2G")
    return int(number) * scale


_SOCKET, _ENGINE, _DRAIN, _APP, _LOG = "listening socket", "engine", "drain", "app", "log"
_LIMIT = "limits and deadlines, in the engines fast and fastgevent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All that one process was asked to do."""

    app: str = _option(
        "chaussette.demo:hello_app",
        "the app: pkg.module:app, pkg.module.app, pkg.module:create_app(), path/to/file.py:app or paste:config.ini",
        positional=True,
        shown_default="a hello app",
    )
    arguments: tuple[str, ...] = _option(
        (), "what the app finds in sys.argv[1:]", positional=True, repeat=True, metavar="ARGUMENT"
    )

    fd: tuple[str, ...] = _option(
        (),
        "a listening socket that this process inherited: a number, or the expression of Circus that stands for it",
        metavar="FD",
        repeat=True,
        group=_SOCKET,
    )
    bind: tuple[str, ...] = _option(
        (),
        "HOST:PORT, [::1]:8000, unix:/path, unix:@abstract or fd://12",
        metavar="ADDRESS",
        repeat=True,
        group=_SOCKET,
    )
    host: str | None = _option(
        None,
        "the host to bind, also fd://12 or unix:/path",
        metavar="HOST",
        group=_SOCKET,
        shown_default="localhost",
        why="nobody but this machine, until you say so",
    )
    port: int | None = _option(
        None,
        "the TCP port to bind, 0 for any that is free",
        _whole(0, 65535),
        metavar="PORT",
        group=_SOCKET,
        shown_default="8080",
    )
    address_family: str | None = _option(
        None,
        "which addresses of a host name to bind; an inherited socket and a literal address say it by themselves",
        choices=ADDRESS_FAMILIES,
        group=_SOCKET,
        shown_default="the first that the name has",
    )
    socket_type: str | None = _option(
        None,
        "kept for Chaussette 1.3; a WSGI server has stream sockets only",
        choices=SOCKET_TYPES,
        group=_SOCKET,
        shown_default="SOCK_STREAM",
    )
    backlog: int = _option(
        2048,
        "connections that may wait in the accept queue of a socket that we bind",
        _whole(1, 2**31 - 1),
        metavar="N",
        group=_SOCKET,
        why="long enough for the arrivals of a reload; the kernel caps it at net.core.somaxconn, 4096 on Linux",
    )
    unix_mode: int | None = _option(
        None,
        "permissions of a unix socket that we bind, in octal, such as 660",
        _octal,
        metavar="MODE",
        group=_SOCKET,
        shown_default="what the umask leaves",
    )

    backend: str = _option(
        "waitress",
        "the engine that speaks HTTP; `chaussette backends` lists them",
        metavar="NAME",
        group=_ENGINE,
        why="pure Python, strict, threaded: right for most apps, and installed with Chaussette",
    )
    threads: int | None = _option(
        None,
        "requests that the app may work on at once, in engines with threads",
        _whole(1, 10_000),
        metavar="N",
        group=_ENGINE,
        shown_default="4",
        why="an app that waits for a database keeps serving, and the GIL leaves little to win beyond",
    )
    spawn: int | None = _option(
        None,
        "requests that the app may work on at once, in engines with greenlets",
        _whole(1, 1_000_000),
        metavar="N",
        group=_ENGINE,
        shown_default="no limit",
    )
    no_monkey: bool = _option(
        False, "do not patch the standard library, in engines that do", _truth, group=_ENGINE
    )

    limit_request_line: int | None = _option(
        None,
        "bytes that a request line may have; more is answered with 414",
        _bytes,
        metavar="BYTES",
        group=_LIMIT,
        shown_default="8190",
        why="RFC 9112 asks for 8000 at least; Apache's number, so what passes there passes here",
    )
    limit_header_size: int | None = _option(
        None,
        "bytes that all header lines together may have; more is answered with 431",
        _bytes,
        metavar="BYTES",
        group=_LIMIT,
        shown_default="64k",
        why="cookies of single sign-on reach 16 kB and more",
    )
    limit_header_count: int | None = _option(
        None,
        "header lines that a request may have; more is answered with 431",
        _whole(1, 10_000),
        metavar="N",
        group=_LIMIT,
        shown_default="100",
        why="browsers send 10 to 20, and a proxy adds 10 more",
    )
    limit_body: int | None = _option(
        None,
        "bytes that a request body may have; more is answered with 413",
        _bytes,
        metavar="BYTES",
        group=_LIMIT,
        shown_default="1G",
        why="uploads are spooled to a file, so it is the disk that this protects; waitress's number",
    )
    limit_connections: int | None = _option(
        None,
        "connections that may be open; at so many the rest waits in the accept queue, and the log says so",
        _whole(1, 1_000_000),
        metavar="N",
        group=_LIMIT,
        shown_default="10000, or 50 short of the limit on open files",
        why="an idle connection costs 1 kB, and an open file",
    )
    inbuf: int | None = _option(
        None,
        "bytes of a request body that are kept in memory; a longer one goes to a temporary file",
        _bytes,
        metavar="BYTES",
        group=_LIMIT,
        shown_default="1M",
        why="most forms and API calls are shorter, and need no disk",
    )
    high_water: int | None = _option(
        None,
        "bytes of a streamed response that may wait for a slow client before the app has to wait too",
        _bytes,
        metavar="BYTES",
        group=_LIMIT,
        shown_default="1M",
        why="enough to keep a fast client busy while the app makes the next piece",
    )
    header_timeout: float | None = _option(
        None,
        "seconds from the first byte of a request to the end of its headers; then it is answered with 408",
        _seconds,
        metavar="SECONDS",
        group=_LIMIT,
        shown_default="30",
        why="a phone with a bad link needs a few seconds, and an attacker would take for ever",
    )
    body_rate: int | None = _option(
        None,
        "bytes a second that a request body must come at, on average; else it is answered with 408",
        _bytes,
        metavar="BYTES",
        group=_LIMIT,
        shown_default="500",
        why="Apache's number: a tenth of what a modem did",
    )
    body_grace: float | None = _option(
        None,
        "seconds that a request body may come at any rate",
        _seconds,
        metavar="SECONDS",
        group=_LIMIT,
        shown_default="20",
        why="Apache's number: a client that is slow to start is not a slow client",
    )
    keep_alive: float | None = _option(
        None,
        "seconds that a connection may be idle between two requests",
        _seconds,
        metavar="SECONDS",
        group=_LIMIT,
        shown_default="75",
        why="more than the 60 seconds that proxies keep their side, so that the proxy hangs up first and loses nothing",
    )
    send_timeout: float | None = _option(
        None,
        "seconds that a client may take nothing of a response that waits for it",
        _seconds,
        metavar="SECONDS",
        group=_LIMIT,
        shown_default="60",
        why="nginx's number",
    )
    app_timeout: float | None = _option(
        None,
        "seconds after which an app that still works on a request is named in the log",
        _seconds,
        metavar="SECONDS",
        group=_LIMIT,
        shown_default="60",
        why="no client waits longer; a thread cannot be stopped in Python, so it is only told",
    )

    graceful_timeout: float = _option(
        25.0,
        "seconds that requests in flight are given to finish after SIGTERM",
        _seconds,
        metavar="SECONDS",
        group=_DRAIN,
        why="Circus kills without a word after 30 seconds, so end well before",
    )
    keep_alive_grace: float = _option(
        2.0,
        "seconds that an idle keep-alive connection may still send a request after SIGTERM",
        _seconds,
        metavar="SECONDS",
        group=_DRAIN,
        why="a client that is sending just then gets its answer; one second was enough for every client measured",
    )

    factory: bool = _option(False, "the app is a function that makes the app: call it", _truth, group=_APP)
    python_path: tuple[str, ...] = _option(
        (),
        "folders to import the app from, before the current one; several joined by ':' or ','",
        lambda text: tuple(part for part in text.replace(",", os.pathsep).split(os.pathsep) if part),
        metavar="FOLDER",
        repeat=True,
        group=_APP,
    )
    pre_hook: str | None = _option(
        None, "a callable to run before serving, given this configuration", metavar="CALLABLE", group=_APP
    )
    post_hook: str | None = _option(
        None, "a callable to run after serving, given this configuration", metavar="CALLABLE", group=_APP
    )
    use_reloader: bool = _option(False, "restart when a source file changes", _truth, group=_APP)

    log_level: str = _option(
        "info", "the least important messages to log", str.lower, choices=LOG_LEVELS, group=_LOG
    )
    log_output: str = _option("-", "the log file; - is the standard error", metavar="FILE", group=_LOG)

    @classmethod
    def from_text(cls, texts: Mapping[str, str | Iterable[str]], source: Callable[[str], str]) -> "Config":
        """Make a Config of texts, as a command line, an environment or a file has them.

        `source(name)` says where the text of the option `name` came from, for the error message. Raises UsageError.
        """
        values = {name: parse(name, text, source(name)) for name, text in texts.items()}
        return cls(**values)

    @property
    def linger(self) -> float:
        """Seconds that idle connections are kept in a drain: `keep_alive_grace`, and within the time for it all."""
        return min(self.keep_alive_grace, self.graceful_timeout / 2)

    @property
    def application(self) -> str:
        """The name that hooks written for Chaussette 1.3 know `app` by."""
        return self.app

    @property
    def loglevel(self) -> str:
        """The name that hooks written for Chaussette 1.3 know `log_level` by."""
        return self.log_level

    @property
    def logoutput(self) -> str:
        """The name that hooks written for Chaussette 1.3 know `log_output` by."""
        return self.log_output


OPTIONS: dict[str, Option] = {each.name: each.metadata["option"] for each in fields(Config)}
DEFAULTS: dict[str, Any] = {each.name: each.default for each in fields(Config)}


def flag(name: str) -> str:
    """The command line's spelling of an option."""
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """The environment's spelling of an option."""
    return "CHAUSSETTE_" + name.upper()


def parse(name: str, text: str | Iterable[str], source: str) -> Any:
    """Turn the text of one option into its value. Raises UsageError, which names `source` as the culprit."""
    option = OPTIONS[name]
    if not option.repeat:
        return _parse_one(option, str(text), source)
    texts = [text] if isinstance(text, str) else list(text)
    values = [_parse_one(option, each, source) for each in texts]
    return tuple(part for value in values for part in (value if isinstance(value, tuple) else (value,)))


def _parse_one(option: Option, text: str, source: str) -> Any:
    try:
        value = option.parse(text)
    except ValueError as error:
        wanted = str(error) if "literal" not in str(error) and "convert" not in str(error) else "a number"
        raise UsageError(f"{source}: {text!r} is not {wanted}.") from None
    if option.choices and value not in option.choices:
        raise UsageError(f"{source}: {text!r} is not one of {', '.join(option.choices)}.")
    return value
