"""The sending half of a connection: what the kernel does not take at once waits in `out`, in order.

Its owner sends, or who finds its socket writable when it has none. While the app makes the next piece of a stream, its
owner has it lent to the engine, if something is unsent.
"""

import logging
import os
import socket
from collections import deque
from typing import TYPE_CHECKING, Any

from .files import Part
from .settings import TURN

if TYPE_CHECKING:
    from .engine import Engine

logger = logging.getLogger("chaussette.engine")


class Channel:
    """A socket to send on; a subclass says what `close` has to tell, and keeps `deadline`."""

    __slots__ = ("deadline", "engine", "fd", "gone", "lent", "out", "sock", "unsent")

    def __init__(self, engine: "Engine", sock: socket.socket) -> None:
        self.engine, self.sock, self.fd = engine, sock, sock.fileno()
        self.deadline = engine.clock.head
        self.out: deque[memoryview | Part] | None = None
        """What the kernel has not taken yet."""
        self.unsent = 0
        self.gone = False
        """Whether the socket is closed."""
        self.lent = False
        """Whether the engine may send, and nobody else."""

    def close(self, *, reset: bool = False) -> None:
        """Close the socket; `reset` makes the client notice that a response without a stated length is not
        whole."""
        raise NotImplementedError

    def broke(self) -> None:
        """An exception that is no app's, but ours: it costs this connection, and nobody else's."""
        logger.exception("An error in the engine: the connection is closed")
        self.close()

    def shut(self, *, reset: bool) -> None:
        """What `close` does to the socket itself."""
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if self.out:
            self._drop()
        self.sock.close()

    def push(self, data: bytes) -> None:
        """Send, and keep what the kernel does not take."""
        if self.gone:
            return
        if not self.out:
            try:
                sent = self.sock.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return
            if sent == len(data):
                return
            self.keep(memoryview(data)[sent:])
        else:
            self.keep(memoryview(data))
            self.send_out()  # the client may have taken what was there

    def push_piece(self, data: bytes) -> None:
        """Like `push`, for an app that goes on: what the kernel does not take now is lent to the engine."""
        if self.lent:
            self.take_back()
        self.push(data)
        if self.out:
            self.lend()

    def lend(self) -> None:
        """Let the engine send what it can, until it is asked to give back."""
        self.lent = True
        self.engine.lend(self)

    def take_back(self) -> None:
        """Have all to oneself again."""
        self.engine.take_back(self)
        self.lent = False

    def push_both(self, head: bytes, body: bytes) -> None:
        """Like `push`, with a body that is too long to copy."""
        if self.out:
            self.push(head)
            self.push(body)
            return
        try:
            sent = self.sock.sendmsg((head, body))
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        if sent < len(head):
            self.keep(memoryview(head)[sent:])
            sent = len(head)
        if sent - len(head) < len(body):
            self.keep(memoryview(body)[sent - len(head) :])

    def keep(self, piece: "memoryview | Part") -> None:
        """Send `piece` after all that is unsent, when the socket is writable."""
        if self.out is None:
            self.out = deque()
        self.out.append(piece)
        self.unsent += piece.count if isinstance(piece, Part) else len(piece)

    def send_out(self) -> None:
        """Send of `out` what the kernel takes, a turn's worth at most."""
        out, turn = self.out, TURN
        try:
            while out and turn > 0:
                piece = out[0]
                if isinstance(piece, Part):
                    asked = min(piece.count, turn)
                    sent = os.sendfile(self.fd, piece.fd, piece.at, asked) if asked else 0
                    if not sent and asked:  # the file has been cut since it was measured
                        self.close(reset=True)
                        return
                    piece.at += sent
                    piece.count -= sent
                    left = piece.count
                else:
                    asked = min(len(piece), turn)
                    sent = self.sock.send(piece[:asked])
                    left = len(piece) - sent
                    out[0] = piece[sent:]
                if not left:
                    _release(out.popleft())
                self.unsent -= sent
                turn -= sent
                if sent < asked:  # the kernel is full, and need not be asked to say so
                    return
        except BlockingIOError:
            return
        except OSError:
            self.close()

    def _drop(self) -> None:
        out, self.out, self.unsent = self.out, None, 0
        for piece in out or ():
            _release(piece)


def _release(piece: "memoryview | Part") -> None:
    if isinstance(piece, Part):
        close_quietly(piece.file)


def close_quietly(result: Any) -> None:
    """Call close() of what an app returned, once it is through. What that raises changes no response."""
    if hasattr(result, "close"):
        try:
            result.close()
        except BaseException:  # as with the app itself
            logger.exception("close() of a response failed")
