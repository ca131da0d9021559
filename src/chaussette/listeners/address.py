"""Text to address: what a `--bind`, `--fd` or `--host` says, as a value. No socket is opened here.

::

    HOST:PORT    [::1]:8000    :8000        TCP(host, port)
    unix:/path   unix:@name                 Unix(path), Unix("\\0name")
    fd://12      12 (with --fd)             Fd(12)
    systemd      systemd:NAME               Fd(3), Fd(4)... (with --bind): what systemd has passed on, all or by name
    ${socket:web}                           Unreplaced(text): Circus 0.19 leaves this as it is, so the kernel must tell

`unix:@name` is a name in Linux's abstract namespace, see unix(7).
"""

import os
from typing import NamedTuple

from ..config import Config
from ..errors import UsageError
from .systemd import passed

_CIRCUS_MARKS = ("$(", "${", "((")


class TCP(NamedTuple):
    """A host and a port to bind. `family` is AF_INET, AF_INET6 or empty, which takes the first that the host has."""

    host: str
    port: int
    family: str = ""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Unix(NamedTuple):
    """A path to bind; one that starts with NUL is abstract."""

    path: str

    def __str__(self) -> str:
        return "unix:" + self.path.replace("\0", "@", 1)


class Fd(NamedTuple):
    """The number of a file descriptor that this process inherited."""

    number: int

    def __str__(self) -> str:
        return f"fd://{self.number}"


class Unreplaced(NamedTuple):
    """An expression that stands for an fd and that nobody replaced."""

    text: str

    def __str__(self) -> str:
        return self.text


Address = TCP | Unix | Fd | Unreplaced


def addresses(config: Config) -> tuple[Address, ...]:
    """What `config` asks to serve on, in the order given; else what systemd has passed on, if it has; else localhost.

    Raises UsageError, and ListenerError for sockets that systemd should have passed on.
    """
    passed.take(os.environ)
    asked: list[Address] = [_fd(text) for text in config.fd]
    for text in config.bind:
        if text == "systemd" or text.startswith("systemd:"):
            asked += map(Fd, passed.find(text))
        else:
            asked.append(parse(text, config))
    if config.host is not None:
        if asked:
            raise UsageError("--host names one more socket beside --fd or --bind: write --bind HOST:PORT for each.")
        return (_host(config.host, config),)
    for index, address in enumerate(asked):
        if address in asked[:index]:
            raise UsageError(f"{address} is given twice: leave one out.")
    if not asked and config.port is None and config.address_family is None and passed.names:
        return tuple(map(Fd, passed.names))
    return tuple(asked) or (_host("localhost", config),)


def parse(text: str, config: Config | None = None) -> Address:
    """The address that `text` means. Raises UsageError."""
    if text.startswith("fd://"):
        return _fd(text.removeprefix("fd://"))
    if text.startswith("unix:"):
        return _unix(text)
    if text.startswith(_CIRCUS_MARKS):
        return Unreplaced(text)
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise UsageError(
            f"--bind {text!r} is no address: write HOST:PORT, [::1]:8000, unix:/path, unix:@abstract, fd://12, "
            "systemd or systemd:NAME."
        )
    if "://" in text:
        raise UsageError(f"--bind {text!r} is a URL: write HOST:PORT alone.")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise UsageError(f"--bind {text!r}: put the IPv6 address in brackets, [{host}]:{port}.")
    return TCP(host.strip("[]"), int(port), _ip_family(config))


def _fd(text: str) -> Fd | Unreplaced:
    text = text.strip().removeprefix("fd://")
    if text.startswith(_CIRCUS_MARKS):
        return Unreplaced(text)
    if not (text.isascii() and text.isdecimal() and len(text) < 8):
        raise UsageError(f"--fd {text!r} is not the number of a file descriptor: it is 0 or more.")
    return Fd(int(text))


def _unix(text: str) -> Unix:
    path = text.removeprefix("unix:").removeprefix("//")
    if not path or path == "@":
        raise UsageError(f"--bind {text!r} names no path: write unix:/path or unix:@abstract.")
    return Unix("\0" + path[1:] if path.startswith("@") else path)


def _host(host: str, config: Config) -> Address:
    """The address that `--host` means: Chaussette 1.3 took fd://12 and unix:/path there too."""
    if host.startswith(("fd://", "unix:")):
        return parse(host, config)
    if config.address_family == "AF_UNIX":
        raise UsageError(f"--address-family AF_UNIX needs a path: write --bind unix:/path, not --host {host}.")
    return TCP(host.strip("[]"), 8080 if config.port is None else config.port, _ip_family(config))


def _ip_family(config: Config | None) -> str:
    family = config.address_family if config else None
    return family if family in ("AF_INET", "AF_INET6") else ""
