"""WebSockets in WSGI apps, with a client of another library, and with bytes by hand where that is too polite."""

import os
import re
import signal
import socket
import struct
from base64 import b64encode
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_websocket
from websockets.typing import Subprotocol

from chaussette.config import OPTIONS, parse
from chaussette.errors import ExitStatus
from live import PATIENCE, Address, Gate, Process, chaussette, client, connect, get, listening, own_address

APPS = {"geventwebsocket": "sockets:app", "geventws4py": "sockets:ws4py()", "socketio": "sockets:app"}
OURS = [name for name in APPS if name != "geventws4py"]
"""The engines that speak the protocol themselves; with geventws4py the app's ws4py does."""
LIMIT = 100_000
PAST = "the server is going away"


@dataclass(frozen=True)
class Served:
    process: Process
    address: Address
    engine: str

    def websocket(
        self, path: str = "/echo", *, subprotocols: tuple[str, ...] = (), compression: str | None = None
    ) -> AbstractContextManager[ClientConnection]:
        return open_websocket(
            f"ws://example.org{path}",
            sock=connect(self.address),
            subprotocols=[Subprotocol(each) for each in subprotocols] or None,
            compression=compression,
            open_timeout=PATIENCE,
            ping_interval=None,
            close_timeout=PATIENCE,
            max_size=None,
            proxy=None,
        )


def serve(engine: str, folder: Path, *options: str, kind: str = "tcp", gate: Gate | None = None) -> Iterator[Served]:
    with listening(kind, folder) as sock:
        command = ("--fd", str(sock.fileno()), "--backend", engine, *options, APPS[engine])
        with chaussette(*command, fds=[sock.fileno()], GATE=gate.path if gate else "") as process:
            yield Served(process, own_address(sock), engine)


@pytest.fixture(scope="module", params=APPS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from serve(request.param, tmp_path_factory.mktemp("served"), "--limit-message", str(LIMIT))


@pytest.fixture(scope="module", params=OURS)
def ours(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from serve(request.param, tmp_path_factory.mktemp("ours"), "--limit-message", str(LIMIT))


def last_word(websocket: ClientConnection) -> Close | None:
    """The goodbye that comes, after whatever comes before it."""
    try:
        while True:
            websocket.recv(timeout=PATIENCE)
    except ConnectionClosed as end:
        return end.rcvd


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_come_back(served: Served, compression: str | None) -> None:
    with served.websocket(compression=compression) as websocket:
        for message in ("text", "ü", "", b"\0\xff", b"", "a" * 70_000, os.urandom(70_000)):
            websocket.send(message)
            assert websocket.recv(timeout=PATIENCE) == message
        compressed = served.engine in OURS and compression is not None
        assert bool(websocket.protocol.extensions) is compressed


def test_fragments_are_one_message(served: Served) -> None:
    with served.websocket() as websocket:
        for pieces in (["one ", "", "messäge"], [b"one ", b"message"]):
            websocket.send(pieces)
            assert websocket.recv(timeout=PATIENCE) == pieces[0][:0].join(pieces)  # type: ignore[arg-type]


def test_ping_is_answered(served: Served) -> None:
    with served.websocket() as websocket:
        assert websocket.ping(b"there?").wait(PATIENCE)


def test_ping_between_fragments_is_answered(served: Served) -> None:
    with raw(served.address) as sock:
        sock.sendall(frame(1, b"one ", last=False) + frame(9, b"there?") + frame(0, b"message"))
        assert read_frame(sock) == (10, b"there?")
        assert read_frame(sock) == (1, b"one message")


def test_app_pings(ours: Served) -> None:
    with raw(ours.address, "/ping") as sock:
        assert read_frame(sock) == (9, b"are you there")
        sock.sendall(frame(10, b"are you there") + frame(1, b"yes"))
        assert read_frame(sock) == (1, b"yes")


def test_subprotocol_of_the_app_is_chosen_if_the_client_offers_it(served: Served) -> None:
    with served.websocket(subprotocols=("first", "second")) as websocket:
        assert websocket.subprotocol == "second"
    with served.websocket(subprotocols=("first", "seconds")) as websocket:
        assert websocket.subprotocol is None


def test_close_of_the_client_is_answered(served: Served) -> None:
    with served.websocket() as websocket:
        websocket.close(4002, "bye")
        assert websocket.protocol.close_rcvd is not None
        assert websocket.protocol.close_rcvd.code == 4002
    served.process.wait_for("/echo is over, 4002")


def test_close_of_the_app_reaches_the_client(served: Served) -> None:
    with served.websocket("/leave") as websocket:
        assert last_word(websocket) == Close(4001, "enough")
    if served.engine in OURS:
        served.process.wait_for(": the WebSocket is closed")


@pytest.mark.parametrize("pieces", [1, 10])
def test_message_beyond_the_limit_is_refused(served: Served, pieces: int) -> None:
    with served.websocket() as websocket:
        websocket.send(["x" * (LIMIT // pieces)] * pieces)
        assert websocket.recv(timeout=PATIENCE) == "x" * LIMIT
        with suppress(ConnectionClosed):  # a frame that ends the message follows, and may find the goodbye there
            websocket.send(["x" * (LIMIT // pieces)] * (pieces - 1) + ["x" * (LIMIT // pieces + 1)])
        assert last_word(websocket) == Close(1009, f"more than {LIMIT} bytes")
    assert get(served.address)[0] == 200


def test_goodbye_is_read_by_a_client_that_goes_on_sending(served: Served) -> None:
    """What it sends is more than sockets hold: if nobody read it, or the connection were reset, it would not get to read."""
    with raw(served.address) as sock:
        sock.sendall(b"\x81\xff" + struct.pack("!Q", 1 << 40) + b"\0\0\0\0" + b"x" * 8_000_000)
        assert read_frame(sock) == (8, struct.pack("!H", 1009) + b"more than %d bytes" % LIMIT)


def test_limit_is_that_of_what_was_compressed(ours: Served) -> None:
    with ours.websocket(compression="deflate") as websocket:
        websocket.send(b"\0" * 10_000_000)
        assert last_word(websocket) == Close(1009, f"more than {LIMIT} bytes")


def test_long_messages_fit_by_default(tmp_path: Path) -> None:
    for served in serve("geventwebsocket", tmp_path):
        with served.websocket() as websocket:
            size = parse("limit_message", OPTIONS["limit_message"].shown_default, "help")
            message = b"x" * size
            websocket.send(message)
            assert websocket.recv(timeout=PATIENCE) == message
            websocket.send(message + b"x")
            assert last_word(websocket) == Close(1009, f"more than {size} bytes")


def test_client_that_vanishes_is_noticed(served: Served) -> None:
    for _ in range(2):
        sock = raw(served.address)
        sock.sendall(frame(1, b"half a message", last=False))
        sock.close()
    served.process.wait_for("/echo is over, 1006", times=2)
    assert get(served.address)[0] == 200


def test_kernel_looks_for_clients_that_vanish_without_a_word(served: Served) -> None:
    with raw(served.address) as sock:
        ports = sock.getpeername()[1], sock.getsockname()[1]
        sock.sendall(frame(9, b"x"))
        assert read_frame(sock) == (10, b"x")
        sock.sendall(frame(10, b"x"))  # with it comes the acknowledgement of what was read
        pattern = rf"^ *\d+: \w+:{ports[0]:04X} \w+:{ports[1]:04X} 01 \w+:\w+ (\w\w)"
        timer, end = "", monotonic() + PATIENCE
        while timer != "02" and monotonic() < end:  # as long as something is not acknowledged, another timer runs
            found = re.search(pattern, Path("/proc/net/tcp").read_text(), re.MULTILINE)
            assert found is not None
            timer = found[1]
        assert timer == "02"  # keepalive, see the kernel's proc_net_tcp.rst


@pytest.mark.parametrize(
    ("lines", "status", "words"),
    [
        (["Sec-WebSocket-Version: 8"], 426, b"Sec-WebSocket-Version must be 13"),
        (["Sec-WebSocket-Key: short"], 400, b"Sec-WebSocket-Key must be 16 bytes in base64"),
        (["Sec-WebSocket-Key: " + "ä" * 24], 400, b"Sec-WebSocket-Key must be 16 bytes in base64"),
    ],
    ids=["version", "key", "key that is not ASCII"],
)
def test_wrong_handshake_is_refused_with_the_reason(ours: Served, lines: list[str], status: int, words: bytes) -> None:
    with connect(ours.address) as sock:
        sock.sendall(opening("/echo", *lines))
        answer = read_all(sock)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert words in answer
        assert (b"Sec-WebSocket-Version: 13" in answer) is (status == 426)


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.0\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUpgrade: websocket\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\nbody",
    ],
    ids=["HTTP/1.0", "POST", "no Connection", "h2c", "body"],
)
def test_what_asks_for_no_websocket_is_an_ordinary_request(ours: Served, head: str) -> None:
    with connect(ours.address) as sock:
        sock.sendall(f"{head}\r\n".encode())
        sock.shutdown(socket.SHUT_WR)
        answer = read_all(sock)
        assert answer.split(b" ")[1] == b"200"
        assert b"\r\n\r\n%d\n" % ours.process.pid in answer


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate; client_max_window_bits=x",
        "permessage-deflate; server_max_window_bits=99",
        "x-unknown",
        ";=,",
    ],
)
def test_extension_that_is_offered_wrongly_is_declined(ours: Served, offer: str) -> None:
    with connect(ours.address) as sock:
        sock.sendall(opening("/echo", f"Sec-WebSocket-Extensions: {offer}"))
        head = read_head(sock)
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"Extensions" not in head
        sock.sendall(frame(1, b"x"))
        assert read_frame(sock) == (1, b"x")


def test_answer_101_has_no_length(served: Served) -> None:
    with connect(served.address) as sock:
        sock.sendall(opening("/echo"))
        head = read_head(sock).lower()
        assert head.startswith(b"http/1.1 101 ")
        assert b"content-length" not in head
        assert b"transfer-encoding" not in head


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x81\x01x", 1002),
        (b"\x83\x80\0\0\0\0", 1002),
        (b"\xc1\x80\0\0\0\0", 1002),
        (b"\x80\x80\0\0\0\0", 1002),
        (b"\x09\x80\0\0\0\0", 1002),
        (b"\x81\x81\0\0\0\0\xff", 1007),
        (b"\x88\x81\0\0\0\0x", 1002),
        (b"\x88\x82\0\0\0\0" + struct.pack("!H", 1005), 1002),
    ],
    ids=["no mask", "opcode", "reserved bit", "continuation of nothing", "fragmented ping", "UTF-8", "close", "code"],
)
def test_broken_frame_ends_the_connection_with_its_code(ours: Served, sent: bytes, code: int) -> None:
    with raw(ours.address) as sock:
        sock.sendall(sent)
        opcode, payload = read_frame(sock)
        assert (opcode, payload[:2]) == (8, struct.pack("!H", code))
        assert read_all(sock) == b""
    ours.process.wait_for(f"/echo is over, {code}")
    assert get(ours.address)[0] == 200


def test_app_that_raises_says_so(ours: Served) -> None:
    with ours.websocket("/boom") as websocket:
        assert last_word(websocket) == Close(1011, "")
    ours.process.wait_for("RuntimeError: the app says boom")


def test_app_that_answers_as_to_http(ours: Served) -> None:
    with ours.websocket("/refuse") as websocket:
        assert last_word(websocket) == Close(1008, "403 Forbidden")
    with ours.websocket("/page") as websocket:
        assert last_word(websocket) == Close(1000, "")


def test_app_of_ws4py_may_answer_with_http(tmp_path: Path) -> None:
    for served in serve("geventws4py", tmp_path):
        with pytest.raises(InvalidStatus) as refused, served.websocket("/refuse"):
            pass
        assert refused.value.response.status_code == 200
        assert get(served.address)[0] == 200


def test_app_may_give_up_on_a_message(ours: Served) -> None:
    with ours.websocket("/late") as websocket:
        assert websocket.recv(timeout=PATIENCE) == "late"
        websocket.send("message")
        assert websocket.recv(timeout=PATIENCE) == "message"


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_of_several_greenlets_do_not_mix(ours: Served, compression: str | None) -> None:
    with ours.websocket("/several", compression=compression) as websocket:
        found = sorted(str(websocket.recv(timeout=PATIENCE)) for _ in range(8))
        assert found == [letter * 300_000 for letter in "abcdefgh"]


def test_app_written_with_gevent_websocket(tmp_path: Path) -> None:
    """It catches its own WebSocketError."""
    with listening("tcp", tmp_path) as sock:
        command = ("--fd", str(sock.fileno()), "--backend", "geventwebsocket", "sockets:resource()")
        with chaussette(*command, fds=[sock.fileno()]) as process:
            served = Served(process, own_address(sock), "geventwebsocket")
            with served.websocket() as websocket:
                assert websocket.recv(timeout=PATIENCE) == "open"
                websocket.send("message")
                assert websocket.recv(timeout=PATIENCE) == "message"
            process.wait_for("closed")
            assert get(sock)[0] == 200
            assert process.terminate() == 0
            assert "Traceback" not in process.log


@pytest.mark.parametrize("engine", APPS)
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_drain_says_goodbye_and_loses_no_request(engine: str, kind: str, tmp_path: Path, gate: Gate) -> None:
    for served in serve(engine, tmp_path, kind=kind, gate=gate):
        with served.websocket() as one, served.websocket(compression="deflate") as two, client(served.address) as http:
            http.request("GET", "/hold")
            gate.wait()
            served.process.signal(signal.SIGTERM)
            assert last_word(one) == last_word(two) == Close(1001, PAST)
            gate.open()
            assert http.getresponse().read() == b"%d\n" % served.process.pid
        assert served.process.ended() == ExitStatus.OK
        assert served.process.log.count("/echo is over, 1001") == 2
        assert "Traceback" not in served.process.log


@pytest.mark.parametrize("engine", APPS)
def test_drain_lets_the_app_finish_its_work(engine: str, tmp_path: Path, gate: Gate) -> None:
    for served in serve(engine, tmp_path, gate=gate):
        with raw(served.address, "/hold") as sock:
            sock.sendall(frame(1, b"work"))
            gate.wait()
            served.process.signal(signal.SIGTERM)
            opcode, payload = read_frame(sock)
            assert (opcode, payload[:2]) == (8, struct.pack("!H", 1001))
            sock.sendall(frame(8, payload))
            if engine in OURS:
                assert read_all(sock) == b""  # so that it connects anew, wherever the app is
            gate.open()
            served.process.wait_for("the work is done")
        assert served.process.ended() == ExitStatus.OK


def test_what_the_client_sends_until_it_has_read_the_goodbye_reaches_the_app(tmp_path: Path) -> None:
    for served in serve("geventwebsocket", tmp_path):
        with raw(served.address, "/collect") as sock:
            sock.sendall(frame(1, b"one"))
            served.process.signal(signal.SIGTERM)
            opcode, payload = read_frame(sock)
            assert (opcode, payload[:2]) == (8, struct.pack("!H", 1001))
            sock.sendall(frame(1, b"two") + frame(8, struct.pack("!H", 1001)))
            assert read_all(sock) == b""
        assert served.process.ended() == ExitStatus.OK
        assert "collected one,two\n" in served.process.log


@pytest.mark.parametrize("engine", APPS)
def test_drain_ends_without_an_answer_to_the_goodbye(engine: str, tmp_path: Path) -> None:
    for served in serve(engine, tmp_path, "--keep-alive-grace", "0.1"):
        with raw(served.address) as sock:
            served.process.signal(signal.SIGTERM)
            assert served.process.ended() == ExitStatus.OK
            assert read_frame(sock)[1][:2] == struct.pack("!H", 1001)


def test_drain_ends_an_app_that_only_sends(tmp_path: Path) -> None:
    for served in serve("geventwebsocket", tmp_path):
        with served.websocket("/push") as websocket:
            assert websocket.recv(timeout=PATIENCE) == "news"
            served.process.signal(signal.SIGTERM)
            assert last_word_code(websocket) == 1001
        assert served.process.ended() == ExitStatus.OK
        assert "Traceback" not in served.process.log


def test_drain_ends_an_app_that_waits_for_something_else(tmp_path: Path) -> None:
    """After half of its time, which is 5 seconds here, so that it is long before the other half is over."""
    for served in serve("geventwebsocket", tmp_path, "--graceful-timeout", "10"):
        with served.websocket("/elsewhere") as websocket:
            assert websocket.recv(timeout=PATIENCE) == "waiting"
            served.process.signal(signal.SIGTERM)
            assert last_word_code(websocket) == 1001
        assert served.process.ended() == ExitStatus.OK
        assert "ended inside" in served.process.log
        assert "An app with a WebSocket waits though its client has gone" in served.process.log
        assert "Ending now" not in served.process.log


@pytest.mark.parametrize("engine", APPS)
def test_deadline_counts_a_websocket_that_something_is_on_its_way_to(engine: str, tmp_path: Path) -> None:
    for served in serve(engine, tmp_path, "--graceful-timeout", "2"):
        with raw(served.address) as sock:
            size = send_more_than_sockets_hold(sock)
            assert read(sock, 10) == b"\x82\x7f" + struct.pack("!Q", size)
            served.process.signal(signal.SIGTERM)
            served.process.wait_for("finishing what is in flight")
            assert served.process.ended() == ExitStatus.DEADLINE
            assert "Ending now, 2 seconds have passed: 1 request cut" in served.process.log


@pytest.mark.parametrize("engine", APPS)
def test_message_that_is_on_its_way_is_whole_before_the_goodbye(engine: str, tmp_path: Path) -> None:
    for served in serve(engine, tmp_path):
        with raw(served.address) as sock:
            size = send_more_than_sockets_hold(sock)
            assert read(sock, 10) == b"\x82\x7f" + struct.pack("!Q", size)
            served.process.signal(signal.SIGTERM)
            served.process.wait_for("finishing what is in flight")
            assert read(sock, size) == b"x" * size
            opcode, payload = read_frame(sock)
            assert (opcode, payload[:2]) == (8, struct.pack("!H", 1001))
            sock.sendall(frame(8, payload))
            assert read_all(sock) == b""
        assert served.process.ended() == ExitStatus.OK


@pytest.mark.parametrize("engine", OURS)
def test_websocket_that_is_asked_for_in_the_drain_is_told_to_go(engine: str, tmp_path: Path) -> None:
    for served in serve(engine, tmp_path, "--keep-alive-grace", "10"):
        with connect(served.address) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            read_head(sock)
            served.process.signal(signal.SIGTERM)
            served.process.wait_for("finishing what is in flight")
            sock.sendall(opening("/echo"))
            assert b"HTTP/1.1 101 " in read_head(sock)
            opcode, payload = read_frame(sock)
            assert (opcode, payload[:2]) == (8, struct.pack("!H", 1001))
            sock.sendall(frame(8, payload))
            assert read_all(sock) == b""
        assert served.process.ended() == ExitStatus.OK


def last_word_code(websocket: ClientConnection) -> int | None:
    said = last_word(websocket)
    return said.code if said else None


def opening(path: str, *lines: str) -> bytes:
    """A request for a WebSocket; `lines` take the place of header lines of the same name."""
    wanted = {
        "Host": "example.org",
        "Connection": "keep-alive, Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": b64encode(bytes(16)).decode(),
    }
    wanted |= dict(line.split(": ", 1) for line in lines)
    head = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in wanted.items()), "", ""]
    return "\r\n".join(head).encode()


def raw(address: Address, path: str = "/echo") -> socket.socket:
    """A WebSocket whose client does nothing by itself."""
    sock = connect(address)
    sock.sendall(opening(path))
    assert read_head(sock).startswith(b"HTTP/1.1 101 ")
    return sock


def frame(opcode: int, payload: bytes, *, last: bool = True) -> bytes:
    """A short frame of a client, RFC 6455, section 5.2, with a mask that changes nothing."""
    return bytes([opcode | (0x80 if last else 0), 0x80 | len(payload), 0, 0, 0, 0]) + payload


def send_more_than_sockets_hold(sock: socket.socket) -> int:
    """Send a message whose echo has to wait for who reads it; its size."""
    size = 6_000_000
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    sock.sendall(b"\x82\xff" + struct.pack("!Q", size) + b"\0\0\0\0" + b"x" * size)
    return size


def read_frame(sock: socket.socket) -> tuple[int, bytes]:
    """Opcode and payload of a short frame of the server."""
    first, length = read(sock, 2)
    return first & 0x0F, read(sock, length)


def read_head(sock: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read(sock, 1)
    return head


def read(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece, f"the end, after {data!r}"
        data += piece
    return bytes(data)


def read_all(sock: socket.socket) -> bytes:
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data
