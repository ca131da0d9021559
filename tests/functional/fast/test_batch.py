"""What one thread that serves alone puts together: nothing of it waits for an app that waits."""

from functional.fast.alone import left_to_one, needs_linux, stopped
from functional.fast.serving import Client, request

pytestmark = needs_linux


def test_answers_are_sent_while_the_app_waits_in_the_request_that_came_after() -> None:
    with left_to_one() as (served, clients):
        with stopped(served):
            for client, path in zip(clients, ("/hello", "/length", "/length", "/meet?2"), strict=False):
                client.sock.sendall(request(path))
        assert [client.answer()[2] for client in clients[:3]] == [b"hello"] * 3
        assert clients[0].ask("/meet?2")[2] == b"met"
        assert clients[3].answer()[2] == b"met"


def test_pieces_are_sent_in_order_while_the_app_waits_for_the_next() -> None:
    with left_to_one() as (_, clients):
        stream, other = clients[:2]
        stream.sock.sendall(request("/burst"))
        status, headers = stream.head()
        assert status == 200
        assert b"".join(stream.chunk() for _ in range(10)) == b"0,0;1,1;2,2;3,3;4,4;"
        assert other.ask("/meet?2")[2] == b"met"
        assert stream.body(status, headers) == b"met"
        assert stream.ask("/hello")[2] == b"hello"


def test_new_clients_are_accepted_while_the_app_waits_in_the_request_of_one() -> None:
    with left_to_one() as (served, clients):
        with stopped(served):
            paths = ("/hello", "/meet?2", "/hello")
            new = [Client(served) for _ in paths]
            for client, path in zip(new, paths, strict=True):
                client.sock.sendall(request(path, "Connection: close"))
        assert new[0].answer()[2] == new[2].answer()[2] == b"hello"
        assert clients[0].ask("/meet?2")[2] == b"met"
        assert new[1].answer()[2] == b"met"
        for client in new:
            client.close()


def test_an_error_behind_a_whole_answer_is_logged_and_the_answer_sent() -> None:
    with left_to_one() as (served, clients):
        with stopped(served):
            for client, path in zip(clients, ("/late", "/toolong", "/hello"), strict=False):
                client.sock.sendall(request(path))
        assert [client.answer()[2] for client in clients[:3]] == [b"hello"] * 3
        served.wait_for("too late to matter")
        served.wait_for("the body exceeds its Content-Length by 1 bytes")
        assert "Traceback" in served.log


def test_answers_end_their_connections_in_a_drain() -> None:
    with left_to_one() as (served, clients):
        with stopped(served):
            for client in clients:
                client.sock.sendall(request("/length"))
        assert served.terminate() == 0
        assert [client.answer()[2] for client in clients] == [b"hello"] * len(clients)
