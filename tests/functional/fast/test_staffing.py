"""Under load of short requests one thread serves, and all four are there when the app waits."""

import signal

from functional.fast.alone import left_to_one, needs_linux, stopped, threads, two_threads
from functional.fast.serving import Client, request, serving

pytestmark = needs_linux


def test_one_thread_serves_until_the_app_waits() -> None:
    with left_to_one() as (_, clients):
        for client in clients[:4]:
            client.sock.sendall(request("/meet?4"))
        assert [client.answer()[2] for client in clients[:4]] == [b"met"] * 4


def test_what_one_thread_has_been_told_of_is_served_by_others_while_the_app_waits() -> None:
    with left_to_one() as (served, clients):
        with stopped(served):
            for client in clients[:4]:
                client.sock.sendall(request("/meet?4"))
        assert [client.answer()[2] for client in clients[:4]] == [b"met"] * 4


def test_what_one_thread_has_been_told_of_is_served_by_others_while_it_waits_for_a_client() -> None:
    with left_to_one() as (served, clients):
        with stopped(served):
            clients[0].sock.sendall(request("/endless"))
            for client in clients[1:]:
                client.sock.sendall(request("/hello"))
        assert [client.answer()[2] for client in clients[1:]] == [b"hello"] * 7


def test_fewer_threads_serve_when_the_system_has_no_more() -> None:
    with serving("--backend", "fast", "--threads", "4", command=two_threads()) as served, Client(served) as client:
        assert client.ask("/hello")[0] == 200
        served.wait_for("Cannot start another thread")
        assert 1 <= threads(served) < 4
        assert client.ask("/hello")[0] == 200
        served.signal(signal.SIGKILL)
