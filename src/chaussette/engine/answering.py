"""The answering half of a connection: call the app, and send what it gives (PEP 3333).

An app may return a list, a file or any iterable, may call write(), may raise before and after its head is out. Each ends
with an answer that is whole, or with a connection that says that it is not.
"""

from io import BytesIO
from typing import Any

from ..http11 import Response, ResponseError, Shape, refusal
from .channel import Channel, close_quietly, logger
from .files import FileWrapper, Part, part
from .phase import APP, SEND

LARGE = 1 << 16
"""A body that is longer is not copied behind its head, but given to the kernel beside it."""


class Answering(Channel):
    """What a connection does between a request and the end of its answer."""

    __slots__ = ("phase",)

    phase: int
    """What the connection is busy with, see `phase`."""

    def hold(self) -> None:
        """Let the app that runs wait until the client has taken some of what is unsent."""
        raise NotImplementedError

    def _answer(self, environ: dict[str, Any], shape: Shape) -> bool:
        """Call the app, and send what it gives. Returns whether the connection may be kept."""
        engine = self.engine
        self.phase, self.deadline = APP, engine.clock.app
        response = Response(shape, engine.heads, shape.persistent and not engine.draining, self._stream)
        body = environ["wsgi.input"]
        try:
            self._give(response, engine.app(environ, response.start))
        except BaseException as error:  # whatever an app raises, SystemExit too: it must not end the server
            self._failed(environ, response, error)
        response.finished = True
        if type(body) is not BytesIO:
            body.close()
        return response.persistent

    def _give(self, response: Response, result: Any) -> None:
        """Send what the app has returned. Raises what its iterable raises, ResponseError and
        ConnectionError."""
        if (type(result) is list or type(result) is tuple) and not response.started:
            body = result[0] if len(result) == 1 else b"".join(result)
            if len(body) <= LARGE:
                self.push(response.whole(body))
            else:
                head = response.open(len(body))
                self.push_both(head, response.more(body))
        else:
            self._iterate(response, result)

    def _iterate(self, response: Response, result: Any) -> None:
        found = part(result) if type(result) is FileWrapper and not response.started else None
        if found is not None:
            self._send_file(response, found)
            return
        try:
            for piece in result:
                self._stream(response.more(piece))
                if response.bodyless and response.started:
                    break
            self._stream(response.end())
        finally:
            close_quietly(result)

    def _stream(self, data: bytes) -> None:
        """Send a piece of a response, and wait if too much is unsent. Raises ConnectionError if the client
        has gone."""
        if data:
            self.push(data)
        if self.unsent > self.engine.settings.high_water and not self.gone:
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
        if self.gone and isinstance(error, ConnectionError):
            logger.debug("The client has gone before its response was sent")
            return
        what = f"{environ.get('REQUEST_METHOD')} {environ.get('REQUEST_URI')}"
        if isinstance(error, ResponseError):
            logger.error("%s: %s", what, error)
        else:
            logger.error("%s: the app raised %r", what, error, exc_info=error)
        started, response.persistent = response.started, False
        if not started:
            response.started = True
            self.push(refusal(500, "the app failed", self.engine.heads.date))
        elif not self.gone:
            self.close(reset=response.unframed)
