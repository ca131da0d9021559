"""The answering half of a connection: call the app, and send what it gives (PEP 3333).

An app may return a list, a file or any iterable, may call write(), may raise before and after its head is out. Each ends
with an answer that is whole, or with a connection that says that it is not.
"""

import socket
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ..http11 import Response, ResponseError, Shape, refusal
from .batch import Batch
from .channel import Channel, close_quietly, logger
from .files import FileWrapper, Part, part
from .phase import APP, SEND
from .pieces import Pieces

if TYPE_CHECKING:
    from .engine import Engine

LARGE = 1 << 16
"""A body that is longer is not copied behind its head, but given to the kernel beside it."""


class Answering(Channel):
    """What a connection does between a request and the end of its answer."""

    __slots__ = ("_pieces", "phase")

    phase: int
    """What the connection is busy with, see `phase`."""

    def __init__(self, engine: "Engine", sock: socket.socket) -> None:
        super().__init__(engine, sock)
        self._pieces: Pieces | None = None

    def hold(self) -> None:
        """Let the app that runs wait until the client has taken some of what is unsent."""
        raise NotImplementedError

    def _answer(self, environ: dict[str, Any], shape: Shape, persistent: bool) -> bool:
        """Call the app, and send what it gives. Returns whether the connection may be kept, which `persistent` allows."""
        engine = self.engine
        self.phase, self.deadline = APP, engine.clock.app
        response = Response(shape, engine.heads, persistent, self._stream)
        body = environ["wsgi.input"]
        try:
            self._give(response, engine.app(environ, response.start))
        except BaseException as error:  # whatever an app raises, SystemExit too: it must not end the server
            self._failed(environ, response, error)
        response.finished = True
        if type(body) is not BytesIO:
            body.close()
        return response.persistent

    def leave(self, answer: bytes, batch: Batch) -> None:
        """Leave an answer to who sends those of `batch`. The connection is theirs then, and may be another thread's."""
        raise NotImplementedError

    def _give(self, response: Response, result: Any, batch: Batch | None = None) -> None:
        """Send what the app has returned, or leave it to `batch`: then the response is finished. Raises what its
        iterable raises, ResponseError and ConnectionError."""
        if (type(result) is list or type(result) is tuple) and not response.started:
            body = result[0] if len(result) == 1 else b"".join(result)
            if len(body) <= LARGE or not isinstance(body, bytes):
                self.push(response.whole(body))
            else:
                head = response.open(len(body))
                self.push_both(head, response.more(body))
        else:
            self._iterate(response, result, batch)

    def _iterate(self, response: Response, result: Any, batch: Batch | None) -> None:
        found = part(result) if type(result) is FileWrapper and not response.started else None
        if found is not None:
            self._send_file(response, found)
            return
        pieces: Pieces | None = None
        first = batch
        try:
            for piece in result.until(response.length) if type(result) is FileWrapper else result:
                data = response.more(piece)
                if first is not None and data:
                    pieces = self._begin(response, data, first)
                    first = None
                elif not response.finished:
                    self._stream(data)
                if response.bodyless and response.started:
                    break
            if not response.finished:
                self._stream(response.end())
        finally:
            if pieces is not None and batch is not None:
                self._pieces = None
                batch.close(pieces)
            close_quietly(result)

    def _begin(self, response: Response, data: bytes, batch: Batch) -> Pieces | None:
        """Send the first piece, or leave it to `batch` if it is the only one."""
        if self.lent:  # write() was first
            self.take_back()
        if response.satisfied and response.persistent and batch.gathers and len(data) <= LARGE and not self.out:
            self.leave(data, batch)
            response.finished = True
            return None
        self._stream(data)
        if response.satisfied:
            return None
        self._pieces = batch.open(self)
        return self._pieces

    def _stream(self, data: bytes) -> None:
        """Send a piece of a response, and wait if too much is unsent. Raises ConnectionError if the client
        has gone."""
        if self._pieces is not None:
            if not data or not self._pieces.add(data):  # to wait for the client while a piece waits is for nobody
                return
        elif data:
            self.push_piece(data)
        if self.unsent > self.engine.settings.high_water:
            if self.lent:
                self.take_back()
            if not self.gone:
                self.phase, self.deadline = SEND, self.engine.clock.send
                self.hold()
                self.phase, self.deadline = APP, self.engine.clock.app
        if self.gone:
            raise ConnectionAbortedError("the client has gone")

    def _send_file(self, response: Response, found: Part) -> None:
        try:
            if response.length is not None:
                found.count = min(found.count, response.length)
            head = response.open(found.count)
            if response.bodyless:
                found.count = 0
            response.take(found.count)
            self.push(head)
        except BaseException:
            close_quietly(found.file)
            raise
        if self.gone:
            close_quietly(found.file)
            return
        self.keep(found)  # from here on whoever sends the last of it closes it
        self.send_out()

    def _failed(self, environ: dict[str, Any], response: Response, error: BaseException) -> None:
        if self.lent and not response.finished:  # else it may be somebody else's by now
            self.take_back()
        if self.gone and isinstance(error, ConnectionError):
            logger.debug("The client has gone before its response was sent")
            return
        what = f"{environ.get('REQUEST_METHOD')} {environ.get('REQUEST_URI')}"
        if isinstance(error, ResponseError):
            logger.error("%s: %s", what, error)
        else:
            logger.error("%s: the app raised %r", what, error, exc_info=error)
        if response.finished:  # it was sent, or is being sent, in full
            return
        started, response.persistent = response.started, False
        if not started:
            response.started = True
            self.push(refusal(500, "the app failed", self.engine.heads.date, bodyless=response.is_head))
        elif not self.gone:
            self.close(reset=response.unframed)
