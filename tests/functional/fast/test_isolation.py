"""No request ever sees another's data, apps run side by side, and processes share a listener fairly."""

import contextlib
import random
import selectors
import signal
import threading
from collections import Counter

import pytest

from functional.fast.serving import Client, Served, get, request, serving
from live import listening


@pytest.mark.timeout(120)
def test_five_thousand_bodies_over_fifty_connections(served: Served) -> None:
    """Of all sizes, by length and in chunks, in pieces, some pipelined; each comes back to who sent it."""
    wrong: list[str] = []

    def work(number: int) -> None:
        rng = random.Random(number)
        with Client(served) as client:
            for turn in range(0, 100, 2):
                sent = []
                for each in (turn, turn + 1):
                    token = f"{number}-{each}"
                    body = f"<{token}>".encode() * rng.choice((1, 1, 10, 1000, 20_000 if each % 25 == 0 else 5))
                    sent.append((token, body))
                    if rng.random() < 0.5:
                        data = request("/echo", f"X-Token: {token}", method="POST", body=body)
                    else:
                        head = request("/echo", f"X-Token: {token}", "Transfer-Encoding: chunked", method="POST")
                        data = head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
                    cut = rng.randrange(len(data))
                    client.sock.sendall(data[:cut])
                    client.sock.sendall(data[cut:])
                for token, body in sent:
                    _, headers, received = client.answer()
                    if headers["x-token"] != token or received != body:
                        wrong.append(f"{token} got {headers['x-token']} and {len(received)} bytes")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
        assert not thread.is_alive()
    assert wrong == []
    assert get(served)[0] == 200


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("--backend", "fast", "--threads", "4"), 4),
        (("--backend", "fastgevent"), 200),
        (("--backend", "fastgevent", "--spawn", "10"), 10),
    ],
    ids=["fast-4", "fastgevent", "spawn-10"],
)
def test_so_many_requests_are_worked_on_at_once(options: tuple[str, ...], count: int) -> None:
    with serving(*options) as served:
        clients = [Client(served) for _ in range(count)]
        for client in clients:
            client.sock.sendall(request(f"/meet?{count}"))
        assert [client.answer()[2] for client in clients] == [b"met"] * count
        for client in clients:
            client.close()


def test_new_clients_do_not_wait_for_those_who_keep_the_server_busy(served: Served) -> None:
    """Twenty ask again as soon as they are answered. Were one connection accepted when all of them have had an
    answer, the last of ten new clients would see two hundred, and did see 240 and more. Accepted between requests, they
    see 30 to 120: most where other programs have the processor between two of them."""
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        busy = [stack.enter_context(Client(served)) for _ in range(20)]
        for client in busy:
            assert client.ask("/hello")[0] == 200  # it is accepted
            client.sock.sendall(request("/compute"))
            selector.register(client.sock, selectors.EVENT_READ, client)
        new = [stack.enter_context(Client(served)) for _ in range(10)]
        for client in new:
            client.sock.sendall(request("/compute"))
            selector.register(client.sock, selectors.EVENT_READ, client)
        waiting, answers = set(new), 0
        while waiting:
            for key, _ in selector.select():
                client = key.data
                assert client.answer()[0] == 200
                if client in busy:
                    answers += 1
                    client.sock.sendall(request("/compute"))
                waiting.discard(client)
        assert answers < 150, answers
        for client in busy:
            assert client.answer()[0] == 200


@pytest.mark.parametrize(
    "options",
    [("--backend", "fast", "--threads", "2"), ("--backend", "fastgevent", "--spawn", "2")],
    ids=["fast-2", "spawn-2"],
)
def test_while_all_are_busy_nothing_is_accepted_and_a_sibling_serves(options: tuple[str, ...]) -> None:
    with listening() as listener, serving(*options, listener=listener) as busy:
        held = [Client(busy) for _ in range(2)]
        for client in held:
            assert client.ask("/hello")[0] == 200
        for client in held:
            client.sock.sendall(request("/meet?3"))
        busy.wait_for("waiting for the others", times=2)
        with serving("--backend", "fast", listener=listener) as sibling:
            for _ in range(10):
                assert get(sibling, "/pid")[2] == str(sibling.pid).encode()
        busy.signal(signal.SIGKILL)
        for client in held:
            client.close()


def test_processes_share_the_connections_of_one_listener(engine: tuple[str, ...]) -> None:
    with (
        listening() as listener,
        serving(*engine, listener=listener) as one,
        serving(*engine, listener=listener) as two,
    ):
        both = {str(each.pid).encode() for each in (one, two)}
        answered: set[bytes] = set()
        while answered != both:  # one may take all until the other has started; if it goes on, the timeout says so
            clients = [Client(one) for _ in range(20)]
            for client in clients:
                client.sock.sendall(request("/pid", "Connection: close"))
            answered = {client.answer()[2] for client in clients}
            for client in clients:
                client.close()


def test_idle_processes_take_turns() -> None:
    fast = ("--backend", "fast", "--threads", "2")
    with listening() as listener, contextlib.ExitStack() as stack:
        processes = [stack.enter_context(serving(*fast, listener=listener)) for _ in range(4)]
        seen: set[bytes] = set()
        while len(seen) < len(processes):  # until all have started; if one takes no part, the timeout says so
            seen.add(get(processes[0], "/pid")[2])
        # Many: on a machine with more to do, who is late for its turn loses some of them.
        answered = Counter(get(processes[0], "/pid")[2] for _ in range(400))
        assert len(answered) == len(processes)
        assert max(answered.values()) <= 1.5 * min(answered.values())


def test_who_is_told_of_a_connection_and_does_not_accept_it_is_not_waited_for() -> None:
    fast = ("--backend", "fast", "--threads", "1")
    with (
        listening() as listener,
        serving(*fast, listener=listener) as stopped,
        serving(*fast, listener=listener) as other,
    ):
        stopped.signal(signal.SIGSTOP)
        answered = {get(other, "/pid")[2] for _ in range(3)}
        stopped.signal(signal.SIGCONT)
        assert answered == {str(other.pid).encode()}
