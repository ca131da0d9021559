"""An app, with what its engine lacks put around it (PEP 3333).

For engines that leave one of these to chance:

- An app that raises, or calls sys.exit(), before its first piece is answered with 500, and the log has the traceback.
- A request without a Host in HTTP/1.1, or with two, is answered with 400: RFC 9112, section 3.2.
- `start_response` returns a `write()`; called a second time without exc_info it raises.
- The engine gets status and headers once, when the first piece is there.
- The answer to HEAD has no body, and says how long that of GET would be.
- `facts` of the listener are put into the environ. There is no `wsgi.file_wrapper`: most engines' own truncate files, or lose
  an error, or keep the file open.
- While `closing` is true, answers say `Connection: close`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..logs import logger

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_Headers = list[tuple[str, str]]
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
_LAST = ("Connection", "close")
_BODYLESS = ("1", "204", "304")


class Shield:
    """A WSGI app around a WSGI app."""

    def __init__(self, app: "WSGIApplication", facts: Mapping[str, Any]) -> None:
        self._app, self._facts = app, facts
        self.closing = False
        self.calls = 0
        """How often the app has been called."""

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        self.calls += 1
        host = environ.get("HTTP_HOST", "" if environ["SERVER_PROTOCOL"] == "HTTP/1.1" else "none")
        if not host or "," in host:  # engines join what comes twice
            return self._say("400 Bad Request", start_response)
        environ.pop("wsgi.file_wrapper", None)
        environ.update(self._facts)
        answer = _Answer(self, start_response)
        try:
            pieces = self._app(environ, answer.start)
            if environ["REQUEST_METHOD"] == "HEAD":
                return answer.without_body(pieces)
            return answer.begin(pieces)
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            logger.error("The app raised %r", error, exc_info=True)
            return self._say("500 Internal Server Error", start_response)

    def _say(self, status: str, start_response: "StartResponse") -> Iterable[bytes]:
        body = status.encode() + b"\n"
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        start_response(status, self.with_last(headers))
        return [body]

    def with_last(self, headers: _Headers) -> _Headers:
        """The headers, and that this answer is the last, if it is."""
        return [_LAST, *(each for each in headers if each[0].lower() != "connection")] if self.closing else headers


class _Answer:
    """What the app has said, and the iterator of the rest."""

    def __init__(self, shield: Shield, start_response: "StartResponse") -> None:
        self._shield, self._start_response = shield, start_response
        self._head: tuple[str, _Headers] | None = None
        self._written: list[bytes] = []
        self._pieces: Iterable[bytes] = ()
        self._iterator: Iterator[bytes] = iter(())
        self._sent = False

    def start(self, status: str, headers: _Headers, exc_info: _ExcInfo | None = None, /) -> Callable[[bytes], object]:
        """The app's start_response."""
        if self._sent and exc_info and exc_info[1]:
            raise exc_info[1].with_traceback(exc_info[2])
        if self._head is not None and not exc_info:
            raise AssertionError("the app called start_response twice")
        self._head = status, list(headers)
        return self._written.append

    def begin(self, pieces: Iterable[bytes]) -> Iterable[bytes]:
        """What the engine shall iterate; status and headers are sent before."""
        if isinstance(pieces, list | tuple):
            self._send_head()
            return [*self._written, *pieces] if self._written else pieces
        self._pieces, self._iterator = pieces, iter(pieces)
        try:
            first = next(self, None)
            self._send_head()
        except BaseException:
            self.close()
            raise
        if first is not None:
            self._written.insert(0, first)
        return self

    def without_body(self, pieces: Iterable[bytes]) -> Iterable[bytes]:
        """Nothing to iterate. The pieces are counted where the app does not say how long they are."""
        self._pieces, self._iterator = pieces, iter(pieces)
        try:
            length = sum(map(len, self)) if self._head is None or not self._has_length() else 0
            if not self._has_length():
                assert self._head is not None
                self._head[1].append(("Content-Length", str(length)))
            self._send_head()
        finally:
            self.close()
        return []

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            while not self._written:
                piece = next(self._iterator)
                if self._written:  # with write(), while it made this piece
                    self._written.append(piece)
                elif piece:
                    return piece
        except (SystemExit, KeyboardInterrupt) as error:
            raise RuntimeError(f"the app raised {error!r}") from error
        return self._written.pop(0)

    def close(self) -> None:
        """The app's own clean-up."""
        if hasattr(self._pieces, "close"):
            self._pieces.close()

    def _has_length(self) -> bool:
        if self._head is None:
            raise AssertionError("the app returned before it called start_response")
        status, headers = self._head
        return status.startswith(_BODYLESS) or any(name.lower() == "content-length" for name, _ in headers)

    def _send_head(self) -> None:
        if self._head is None:
            raise AssertionError("the app returned before it called start_response")
        self._sent = True
        status, headers = self._head
        self._start_response(status, self._shield.with_last(headers))
