"""`socketio`: gevent's server for apps of python-socketio or Flask-SocketIO, `async_mode="gevent"`.

python-engineio, on which they stand, keeps a table of what its gevent mode uses. The WebSocket there is gevent-websocket's, or
simple-websocket's on the bare socket of the request: the one fails without that package's server, the other sends a part of a
message that does not fit into the socket's buffer at once, and of a drain its clients hear nothing. So ours takes its place.

The table is private. It is the same in all releases since 2017, and if it changes a test fails.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .base import Pulse, no_pulse
from .upgrading import Server as GeventServer
from .upgrading import WebSocketHandler

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from .websocket import WebSocket

if find_spec("engineio") is None:  # looked for only: it must be imported after the standard library is patched
    raise ImportError("No module named 'engineio'")


class Transport:
    """A WebSocket, by the names that python-engineio has for its methods."""

    def __init__(self, handler: Any, server: object) -> None:
        self._handler = handler

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        websocket: WebSocket = environ["wsgi.websocket"]
        self.wait, self.send, self.close = websocket.receive, websocket.send, websocket.close
        return self._handler(self)


class Server(GeventServer):
    """gevent's pywsgi with WebSockets, which python-engineio uses too."""

    handler = WebSocketHandler

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        from engineio.async_drivers import gevent as driver

        driver._async["websocket"] = Transport
        super().serve(pulse)
