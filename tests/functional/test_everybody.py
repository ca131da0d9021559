"""What the benchmarks ask of a server before they compare it: that all who ask at once are answered."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

import pytest
from benchmarks.everybody import unanswered


class Keeping(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads that."""


class Closing(Keeping):
    protocol_version = "HTTP/1.0"


@contextmanager
def standing(kind: type[HTTPServer], handler: type[Keeping]) -> Iterator[int]:
    with kind(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_who_keeps_to_one_connection_leaves_the_others_waiting() -> None:
    with standing(HTTPServer, Keeping) as port:
        assert unanswered(port, 5) == 4


@pytest.mark.parametrize(("kind", "handler"), [(ThreadingHTTPServer, Keeping), (HTTPServer, Closing)])
def test_who_answers_all_leaves_nobody(kind: type[HTTPServer], handler: type[Keeping]) -> None:
    with standing(kind, handler) as port:
        assert unanswered(port, 5, patience=60) == 0
