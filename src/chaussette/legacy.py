"""Options that change nothing beside the others: a warning each. Most have been so since Chaussette 1.3, and no
configuration must change for that."""

from collections.abc import Iterator, Sequence

from .backend import BackendInfo
from .config import DEFAULTS, Config
from .errors import UsageError
from .listeners import Address
from .listeners.address import TCP, Fd, Unix


def pointless(config: Config, where: Sequence[Address], info: BackendInfo) -> Iterator[str]:
    """The warnings for options that change nothing. Raises UsageError for one that asks for what cannot be."""
    bound = [address for address in where if isinstance(address, TCP | Unix)]
    if config.socket_type not in (None, "SOCK_STREAM"):
        raise UsageError(f"--socket-type {config.socket_type}: HTTP needs a stream socket. Leave the option out.")
    if config.socket_type:
        yield "--socket-type is not needed any more: leave it out"
    if config.address_family and not any(isinstance(each, TCP) for each in bound):
        yield f"--address-family is not needed: {where[0]} says it by itself"
    if config.port is not None and (config.fd or config.bind):
        yield f"--port {config.port} is not used: the port is part of --bind HOST:PORT, and an fd has its own"
    if config.backlog != DEFAULTS["backlog"] and all(isinstance(each, Fd) for each in where):
        yield "--backlog is not used: whoever opened the socket has set it"
    if config.unix_mode is not None and not any(isinstance(each, Unix) and each.path[0] != "\0" for each in where):
        yield "--unix-mode is not used: it is for a unix:/path that we bind"
    if config.keep_alive_grace != DEFAULTS["keep_alive_grace"] and not info.keep_alive:
        yield f"--keep-alive-grace is not used: {info.name} serves one request a connection, so none is ever idle"
    if config.no_monkey and not info.monkey:
        yield f"--no-monkey is not needed: {info.name} patches nothing"
