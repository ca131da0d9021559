"""`geventwebsocket`: gevent's server, and a WebSocket in `environ["wsgi.websocket"]` for whoever asks for one.

The name is Chaussette 1.3's, which had gevent-websocket's handler here. That has had no release since 2017, forgets the code
when it closes, and knows no limit to a message; so what an app gets is our own on wsproto, with the same methods.
"""

from .upgrading import Server as GeventServer
from .upgrading import WebSocketHandler


class Server(GeventServer):
    """gevent's pywsgi with WebSockets."""

    handler = WebSocketHandler
