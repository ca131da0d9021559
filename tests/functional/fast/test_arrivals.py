"""New clients of a server that is busy with others."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from functional.fast.serving import Client, serving

MANY, FAIR = 24, 30
"""Clients, and the answers that one may have before another has its first: a third of it was the most that was seen."""


@pytest.mark.parametrize(
    "engine",
    [
        ("fast", "--threads", "1"),
        ("fast", "--threads", "4"),
        ("fastgevent", "--spawn", "1"),
        ("fastgevent", "--spawn", "4"),
    ],
    ids=" ".join,
)
def test_who_asks_again_and_again_keeps_no_new_client_waiting(engine: tuple[str, ...]) -> None:
    """There is never a moment in which nobody who is known wants something. A short --keep-alive makes short rounds of the
    clock."""
    answered = [0] * MANY

    def ask(number: int) -> None:
        with Client(served) as client:
            while not all(answered) and max(answered) < FAIR:
                assert client.ask("/nap")[0] == 200
                answered[number] += 1

    with serving("--backend", *engine, "--keep-alive", "0.4") as served, ThreadPoolExecutor(MANY) as clients:
        list(clients.map(ask, range(MANY)))
        assert max(answered) < FAIR
