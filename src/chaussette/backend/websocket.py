"""What an app finds in `environ["wsgi.websocket"]`: a WebSocket, with the methods that gevent-websocket gave it.

wsproto speaks the protocol (RFC 6455). What it leaves to a server is here:

- Frames are joined to messages of `limit` bytes at most; a longer one ends the connection with the code 1009. wsproto gets
  what arrives in small pieces, as a byte that is compressed may become a thousand.
- The app reads by `receive()`, and nobody else does. So a client that sends faster than the app receives has to wait; and an
  app that only sends lets a greenlet receive as well, as pings are answered and a closing is noticed there.
- Several greenlets may send at once, and receive.
- In a drain, `part()` says goodbye and reads until the client has done so too, whatever the app is doing: the client then
  sees the end of the connection at once, and connects anew.
- When the app is done, `finish()` waits for the client's goodbye: whoever closes a socket with bytes unread resets the
  connection, and the client may lose what was sent last.
"""

import socket
import sys
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO

from gevent import Timeout
from gevent.lock import Semaphore
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Message, Ping, Pong, TextMessage
from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Opcode

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

LIMIT = 16 << 20
"""Bytes of a message, if nobody says otherwise: what uvicorn and hypercorn take."""
_PIECE = 16 << 10
"""Bytes to read at once: zlib makes at most 1032 of each, so about LIMIT."""
_CLOSED = "the WebSocket is closed"


class WebSocketError(OSError):
    """The WebSocket is closed. Raised by `send()`, and by `receive()` when it has told so already, by None."""


def _error() -> type[OSError]:
    """WebSocketError: gevent-websocket's, if the app has imported that, because it is the one that the app catches."""
    return getattr(sys.modules.get("geventwebsocket.exceptions"), "WebSocketError", WebSocketError)


class WebSocket:
    """One connection. An OSError is what a method raises when the client has gone: `WebSocketError`."""

    OPCODE_TEXT, OPCODE_BINARY = Opcode.TEXT, Opcode.BINARY
    OPCODE_CLOSE, OPCODE_PING, OPCODE_PONG = Opcode.CLOSE, Opcode.PING, Opcode.PONG

    def __init__(
        self, environ: "WSGIEnvironment", source: BinaryIO, sock: Any, extensions: list[Extension], limit: int
    ) -> None:
        self.environ = environ
        self.error = _error()
        self.close_code: int | None = None
        """The first code that either side has closed with; 1006 if the client vanished, None while it is open."""
        self._source, self._sock, self._limit = source, sock, limit
        self._wire = Connection(ConnectionType.SERVER, extensions)
        self._sending, self._reading = Semaphore(), Semaphore()
        self._messages: deque[str | bytes] = deque()
        self._begun = bytearray()
        """What there is of a message that is not whole: fragments may be many, and empty, so they are not kept one by one."""
        self._deaf = False
        """Whether what comes is read and forgotten."""
        self._broken = False
        """Whether what comes has no meaning: it did not keep to the protocol."""
        self._told = False
        """Whether `receive()` has returned None."""

    @property
    def origin(self) -> str | None:
        """The site whose page asks, if a browser does. An app with sessions in cookies compares it with its own."""
        return self.environ.get("HTTP_ORIGIN")

    @property
    def protocol(self) -> str | None:
        """The subprotocols that the client offers."""
        return self.environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL")

    @property
    def version(self) -> str | None:
        """The version of the WebSocket protocol."""
        return self.environ.get("HTTP_SEC_WEBSOCKET_VERSION")

    @property
    def path(self) -> str | None:
        """PATH_INFO of the request."""
        return self.environ.get("PATH_INFO")

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._wire.state is not ConnectionState.OPEN

    @property
    def over(self) -> bool:
        """Whether both sides have said goodbye, or the client is gone."""
        return self._wire.state is ConnectionState.CLOSED

    def receive(self) -> str | bytes | None:
        """The next message: str of a text, bytes of a binary one, None when there will be no more.

        Raises WebSocketError if it has returned None before.
        """
        if self._told:
            raise self.error(_CLOSED)
        while not self._messages and not self._deaf and self._read():
            pass  # a greenlet that read meanwhile may have got what this one waited for
        self._told = not self._messages
        return None if self._told else self._messages.popleft()

    def send(self, message: str | bytes | bytearray | memoryview, binary: bool | None = None) -> None:
        """Send a message: a text if it is a str, or if `binary` is false. Raises WebSocketError if nobody is there."""
        if self.closed:
            raise self.error(_CLOSED)
        if binary is None:
            binary = not isinstance(message, str)
        if isinstance(message, str):
            self._send(BytesMessage(message.encode()) if binary else TextMessage(message))
        else:
            data = bytes(memoryview(message))
            self._send(BytesMessage(data) if binary else TextMessage(data.decode()))

    def send_frame(self, message: str | bytes, opcode: int) -> None:
        """Send a message, or a ping or pong. Raises WebSocketError, or ValueError for another opcode."""
        if opcode in (Opcode.TEXT, Opcode.BINARY):
            self.send(message, binary=opcode == Opcode.BINARY)
        elif opcode in (Opcode.PING, Opcode.PONG):
            data = message.encode() if isinstance(message, str) else bytes(message)
            self._send(Ping(data) if opcode == Opcode.PING else Pong(data))
        else:
            raise ValueError(f"opcode {opcode} cannot be sent as a frame; close() closes")

    def close(self, code: int = CloseReason.NORMAL_CLOSURE, message: str | bytes = "") -> None:
        """Say goodbye, with a code of RFC 6455, section 7.4, and a reason. To do so again changes nothing."""
        reason = message if isinstance(message, str) else message.decode()
        self.close_code = self.close_code or code
        with suppress(self.error):
            self._send(CloseConnection(code, reason))

    def part(self, code: int, message: str) -> None:
        """Close, and read until the client has, for the drain: `receive()` has what comes until then.

        A message that the app has not received yet keeps the rest waiting: `receive()` and `finish()` read that.
        """
        self.close(code, message)
        while not self._messages and self._read():
            pass
        if self.over:
            self._shut(socket.SHUT_RDWR)

    def finish(self, code: int, message: str, seconds: float) -> None:
        """Close, if nobody has, and wait for the client to do so, for `seconds` at most. The app is done."""
        self._deaf = True
        self._messages.clear()
        with Timeout(seconds, False):
            self.part(code, message)

    def _read(self) -> bool:
        """Take in what comes next. False when nothing will."""
        with self._reading:
            if self.over:
                return False
            try:
                data = self._source.read1(_PIECE)  # type: ignore[attr-defined]
            except OSError:
                data = b""
            if self.over:  # a greenlet that sent has noticed first
                return False
            if not (self._broken and data):
                self._wire.receive_data(data or None)
                for event in self._wire.events():
                    self._take(event)
        return not self.over

    def _take(self, event: Event) -> None:
        if isinstance(event, Message):
            self._collect(event)
        elif isinstance(event, Ping):
            with suppress(self.error):
                self._send(event.response())
        elif isinstance(event, CloseConnection):
            self.close_code = self.close_code or int(event.code)
            if self._wire.state is ConnectionState.REMOTE_CLOSING:
                with suppress(self.error):
                    self._send(event.response())
            elif not self.over:  # no frame of the client's, but the code for one that is wrong
                self._deaf = self._broken = True
                self.close(event.code, event.reason or "")
                self._shut(socket.SHUT_WR)  # its own goodbye could not be told from the rest: what it sees is the end

    def _collect(self, event: "Message[Any]") -> None:
        if self._deaf:
            return
        data = event.data
        self._begun += data.encode() if isinstance(data, str) else data
        if len(self._begun) > self._limit:
            self._deaf = True
            self._begun.clear()
            self.close(CloseReason.MESSAGE_TOO_BIG, f"more than {self._limit} bytes")
        elif event.message_finished:
            whole = bytes(self._begun)
            self._begun.clear()
            self._messages.append(whole.decode() if isinstance(data, str) else whole)

    def _send(self, event: Event) -> None:
        with self._sending:
            answers = isinstance(event, CloseConnection) and self._wire.state is ConnectionState.REMOTE_CLOSING
            if self.closed and not answers:
                raise self.error(_CLOSED)
            data = self._wire.send(event)
            try:
                self._sock.sendall(data)
            except OSError as error:
                self._lose()
                raise self.error(f"{_CLOSED}: {error}") from error
            except BaseException:  # a gevent.Timeout of the app's, say, and half a frame is on its way
                self._lose()
                raise

    def _lose(self) -> None:
        self._wire.receive_data(None)
        self.close_code = self.close_code or CloseReason.ABNORMAL_CLOSURE
        self._shut(socket.SHUT_RDWR)  # for who receives

    def _shut(self, how: int) -> None:
        with suppress(OSError):
            self._sock.shutdown(how)
