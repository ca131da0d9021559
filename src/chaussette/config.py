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
from typing import Annotated, Any, NamedTuple

from . import limits
from .option import Option, octal, pairs, seconds, truth, value_of, whole

LOG_LEVELS = ("critical", "error", "warning", "info", "debug")
ADDRESS_FAMILIES = ("AF_INET", "AF_INET6", "AF_UNIX")
SOCKET_TYPES = ("SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET")


_SOCKET, _ENGINE, _DRAIN, _APP, _LOG = "listening socket", "engine", "drain", "app", "log"
_MANAGER = "process manager"


class Config(NamedTuple):
    """All that one process was asked to do.

    A named tuple, as all our values are: every start makes the class, in 1.3 ms where a dataclass took 5.4.
    """

    app: Annotated[
        str,
        Option(
            "the app: pkg.module:app, pkg.module.app, pkg.module:create_app(), path/to/file.py:app or paste:config.ini",
            positional=True,
            shown_default="a hello app",
        ),
    ] = "chaussette.demo:hello_app"
    arguments: Annotated[
        tuple[str, ...], Option("what the app finds in sys.argv[1:]", positional=True, repeat=True, metavar="ARGUMENT")
    ] = ()

    fd: Annotated[
        tuple[str, ...],
        Option(
            "a listening socket that this process inherited: a number, or the expression of Circus that stands for it",
            metavar="FD",
            repeat=True,
            group=_SOCKET,
        ),
    ] = ()
    bind: Annotated[
        tuple[str, ...],
        Option(
            "HOST:PORT, [::1]:8000, unix:/path, unix:@abstract, fd://12; systemd for all sockets that systemd has passed on, "
            "which is the default if there are any, systemd:NAME for those of a name",
            metavar="ADDRESS",
            repeat=True,
            group=_SOCKET,
        ),
    ] = ()
    host: Annotated[
        str | None,
        Option(
            "the host to bind, also fd://12 or unix:/path",
            metavar="HOST",
            group=_SOCKET,
            shown_default="localhost",
            why="nobody but this machine, until you say so",
        ),
    ] = None
    port: Annotated[
        int | None,
        Option(
            "the TCP port to bind, 0 for any that is free",
            whole(0, 65535),
            metavar="PORT",
            group=_SOCKET,
            shown_default="8080",
        ),
    ] = None
    address_family: Annotated[
        str | None,
        Option(
            "which addresses of a host name to bind; an inherited socket and a literal address say it by themselves",
            choices=ADDRESS_FAMILIES,
            group=_SOCKET,
            shown_default="the first that the name has",
        ),
    ] = None
    socket_type: Annotated[
        str | None,
        Option(
            "kept for Chaussette 1.3; a WSGI server has stream sockets only",
            choices=SOCKET_TYPES,
            group=_SOCKET,
            shown_default="SOCK_STREAM",
        ),
    ] = None
    backlog: Annotated[
        int,
        Option(
            "connections that may wait in the accept queue of a socket that we bind",
            whole(1, 2**31 - 1),
            metavar="N",
            group=_SOCKET,
            why="long enough for the arrivals of a reload; the kernel caps it at net.core.somaxconn, 4096 on Linux",
        ),
    ] = 2048
    unix_mode: Annotated[
        int | None,
        Option(
            "permissions of a unix socket that we bind, in octal, such as 660",
            octal,
            metavar="MODE",
            group=_SOCKET,
            shown_default="what the umask leaves",
        ),
    ] = None

    backend: Annotated[
        str,
        Option(
            "the engine that speaks HTTP, of those that `chaussette backends` lists, or auto: the best that is installed",
            metavar="NAME",
            group=_ENGINE,
            why="pure Python, strict, threaded: right for most apps, and installed with Chaussette",
        ),
    ] = "waitress"
    threads: Annotated[
        int | None,
        Option(
            "requests that the app may work on at once, in engines with threads",
            whole(1, 10_000),
            metavar="N",
            group=_ENGINE,
            shown_default="4",
            why="an app that waits for a database keeps serving, and the GIL leaves little to win beyond",
        ),
    ] = None
    spawn: Annotated[
        int | None,
        Option(
            "requests that the app may work on at once, in engines with greenlets",
            whole(1, 1_000_000),
            metavar="N",
            group=_ENGINE,
            shown_default="no limit",
        ),
    ] = None
    limit_message: Annotated[int | None, limits.LIMIT_MESSAGE] = None
    no_monkey: Annotated[
        bool, Option("do not patch the standard library, in engines that do", truth, group=_ENGINE)
    ] = False
    option: Annotated[
        tuple[str, ...],
        Option(
            "a setting of the engine's own: `chaussette backends NAME` lists them; a table in a file, lines in a variable",
            pairs,
            "KEY=VALUE",
            repeat=True,
            blanks=True,
            group=_ENGINE,
        ),
    ] = ()

    limit_request_line: Annotated[int | None, limits.LIMIT_REQUEST_LINE] = None
    limit_header_size: Annotated[int | None, limits.LIMIT_HEADER_SIZE] = None
    limit_header_count: Annotated[int | None, limits.LIMIT_HEADER_COUNT] = None
    limit_body: Annotated[int | None, limits.LIMIT_BODY] = None
    limit_connections: Annotated[int | None, limits.LIMIT_CONNECTIONS] = None
    inbuf: Annotated[int | None, limits.INBUF] = None
    high_water: Annotated[int | None, limits.HIGH_WATER] = None
    header_timeout: Annotated[float | None, limits.HEADER_TIMEOUT] = None
    body_rate: Annotated[int | None, limits.BODY_RATE] = None
    body_grace: Annotated[float | None, limits.BODY_GRACE] = None
    keep_alive: Annotated[float | None, limits.KEEP_ALIVE] = None
    send_timeout: Annotated[float | None, limits.SEND_TIMEOUT] = None
    app_timeout: Annotated[float | None, limits.APP_TIMEOUT] = None

    graceful_timeout: Annotated[
        float,
        Option(
            "seconds that requests in flight are given to finish after SIGTERM",
            seconds,
            metavar="SECONDS",
            group=_DRAIN,
            why="Circus kills without a word after 30 seconds, so end well before",
        ),
    ] = 25.0
    keep_alive_grace: Annotated[
        float,
        Option(
            "seconds that an idle keep-alive connection may still send a request after SIGTERM",
            seconds,
            metavar="SECONDS",
            group=_DRAIN,
            why="a client that is sending just then gets its answer; one second was enough for every client measured",
        ),
    ] = 2.0

    ready_fd: Annotated[
        int | None,
        Option(
            "a file descriptor to write a newline to, and to close, once requests are served: what s6 waits for",
            whole(3, 9_999_999),
            metavar="FD",
            group=_MANAGER,
            shown_default="nobody waits",
        ),
    ] = None
    exit_with_parent: Annotated[
        bool,
        Option(
            "end as on SIGTERM when the parent process is gone, so that none serves on that nobody manages",
            truth,
            group=_MANAGER,
            why="a process started by hand in the background outlives its shell; under a manager, switch it on",
        ),
    ] = False

    factory: Annotated[bool, Option("the app is a function that makes the app: call it", truth, group=_APP)] = False
    python_path: Annotated[
        tuple[str, ...],
        Option(
            "folders to import the app from, before the current one; several joined by ':' or ','",
            lambda text: tuple(part for part in text.replace(",", os.pathsep).split(os.pathsep) if part),
            metavar="FOLDER",
            repeat=True,
            group=_APP,
        ),
    ] = ()
    pre_hook: Annotated[
        str | None, Option("a callable to run before serving, given this configuration", metavar="CALLABLE", group=_APP)
    ] = None
    post_hook: Annotated[
        str | None, Option("a callable to run after serving, given this configuration", metavar="CALLABLE", group=_APP)
    ] = None
    use_reloader: Annotated[bool, Option("restart when a source file changes", truth, group=_APP)] = False

    log_level: Annotated[
        str, Option("the least important messages to log", str.lower, choices=LOG_LEVELS, group=_LOG)
    ] = "info"
    log_output: Annotated[str, Option("the log file; - is the standard error", metavar="FILE", group=_LOG)] = "-"

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


OPTIONS: dict[str, Option] = {name: declared.__metadata__[0] for name, declared in Config.__annotations__.items()}
DEFAULTS: dict[str, Any] = Config._field_defaults


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
        return value_of(option, str(text), source)
    texts = [text] if isinstance(text, str) else list(text)
    values = [value_of(option, each, source) for each in texts]
    return tuple(part for value in values for part in (value if isinstance(value, tuple) else (value,)))
