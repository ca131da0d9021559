"""Where listening sockets come from, and what may be done to them."""

from collections.abc import Iterable

from ..config import Config
from .address import TCP, Address, Fd, Unix, addresses, parse
from .adopt import adopt, silence, why_not
from .bind import bind_tcp, bind_unix
from .listener import Listener

__all__ = [
    "Address",
    "Listener",
    "addresses",
    "adopt",
    "bind",
    "open_listener",
    "open_listeners",
    "parse",
    "quiet",
    "why_not",
]


def open_listeners(where: Iterable[Address], config: Config) -> list[Listener]:
    """Adopt or bind each address. Raises ListenerError, after closing what was already opened."""
    opened: list[Listener] = []
    try:
        for address in where:
            opened.append(open_listener(address, backlog=config.backlog, mode=config.unix_mode))
    except BaseException:
        for listener in opened:
            listener.close()
        raise
    return opened


def quiet(where: Iterable[Address]) -> None:
    """Take listening sockets off standard output and error, where inetd puts them beside standard input.

    To be called before the app is imported: a print to a listening socket raises BrokenPipeError.
    """
    for address in where:
        if isinstance(address, Fd) and not why_not(address.number):
            silence(address.number, (1, 2))


def open_listener(address: Address, *, backlog: int, mode: int | None = None) -> Listener:
    """Adopt the socket that `address` names, or bind one there. Raises ListenerError."""
    match address:
        case Fd():
            return adopt(address.number)
        case TCP():
            return bind_tcp(address, backlog)
        case Unix():
            return bind_unix(address, backlog, mode)
        case _:
            from .circus import find

            return adopt(find(address.text))


def bind(text: str, *, backlog: int = 2048) -> Listener:
    """A listener on `HOST:PORT`, `[::1]:8000`, `unix:/path`, `unix:@abstract` or `fd://12`.

    The successor of `chaussette.util.create_socket`. Raises UsageError for a text that is no address, and ListenerError.
    """
    return open_listener(parse(text), backlog=backlog)
