"""Text to address, and what is refused."""

import pytest

from chaussette.config import Config
from chaussette.errors import UsageError
from chaussette.listeners.address import TCP, Fd, Unix, Unreplaced, addresses, parse


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("localhost:8000", TCP("localhost", 8000), "localhost:8000"),
        (":8000", TCP("", 8000), ":8000"),
        ("[::1]:8000", TCP("::1", 8000), "[::1]:8000"),
        ("unix:/run/web.sock", Unix("/run/web.sock"), "unix:/run/web.sock"),
        ("unix:///run/web.sock", Unix("/run/web.sock"), "unix:/run/web.sock"),
        ("unix:@web", Unix("\0web"), "unix:@web"),
        ("fd://12", Fd(12), "fd://12"),
        ("${socket:web}", Unreplaced("${socket:web}"), "${socket:web}"),
        ("$(circus.sockets.web)", Unreplaced("$(circus.sockets.web)"), "$(circus.sockets.web)"),
    ],
)
def test_text_means_an_address_that_shows_itself(text: str, address: object, shown: str) -> None:
    assert parse(text) == address
    assert str(parse(text)) == shown


@pytest.mark.parametrize(
    "text", ["", "localhost", "8000", "host:http", "host:65536", "::1:8000", "unix:", "unix:@", "fd://x", "fd://-1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--bind|--fd"):
        parse(text)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (Config(), [TCP("localhost", 8080)]),
        (Config(port=0), [TCP("localhost", 0)]),
        (Config(host="::1", port=80, address_family="AF_INET6"), [TCP("::1", 80, "AF_INET6")]),
        (Config(host="fd://7"), [Fd(7)]),
        (Config(host="unix:/x", address_family="AF_UNIX"), [Unix("/x")]),
        (
            Config(fd=("3", "((circus.sockets.web))"), bind=("h:1",)),
            [Fd(3), Unreplaced("((circus.sockets.web))"), TCP("h", 1)],
        ),
    ],
)
def test_options_together_say_what_to_serve_on(config: Config, expected: list[object]) -> None:
    assert list(addresses(config)) == expected
