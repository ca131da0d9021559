"""What a command line of Chaussette 1.3 says that has become pointless: a warning each, so that no config file must change."""

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
    if config.no_monkey and not info.monkey:
        yield f"--no-monkey is not needed: {info.name} patches nothing"
