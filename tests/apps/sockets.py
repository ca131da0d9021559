"""WebSockets as apps have them: in the environ, of ws4py, of python-socketio. Other requests are `behaviour`'s."""

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import behaviour


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    websocket = environ.get("wsgi.websocket")
    if websocket is None:
        return behaviour.app(environ, start_response)
    try:
        PATHS[websocket.path](websocket, start_response)
    finally:
        say(f"{websocket.path} is over, {websocket.close_code}")
    return []


def app_protocol(path: str) -> str:
    """Which subprotocol an app wants is a method of it."""
    return "second"


app.app_protocol = app_protocol  # type: ignore[attr-defined]  # how an app says which it speaks


def echo(websocket: Any, start_response: StartResponse) -> None:
    while not websocket.closed:
        message = websocket.receive()
        if message is not None:
            websocket.send(message)


def collect(websocket: Any, start_response: StartResponse) -> None:
    """Take what comes, until None says that it was all."""
    messages = iter(websocket.receive, None)
    say(f"collected {','.join(messages)}")


def hold(websocket: Any, start_response: StartResponse) -> None:
    """Work on a message for as long as the test's gate is closed."""
    websocket.receive()
    behaviour._gate()
    say("the work is done")
    websocket.send("answer")


def push(websocket: Any, start_response: StartResponse) -> None:
    """Send and never receive."""
    import gevent

    while True:
        websocket.send("news")
        gevent.sleep(0.01)


def elsewhere(websocket: Any, start_response: StartResponse) -> None:
    """Wait for what never comes."""
    from gevent.event import Event

    websocket.send("waiting")
    try:
        Event().wait()
    finally:
        say("ended inside")


def late(websocket: Any, start_response: StartResponse) -> None:
    """Give up on a message, and go on."""
    import gevent

    with gevent.Timeout(0.05, False):
        websocket.receive()
    websocket.send("late")
    echo(websocket, start_response)


def several(websocket: Any, start_response: StartResponse) -> None:
    """Many greenlets send long messages at once."""
    import gevent

    gevent.joinall([gevent.spawn(websocket.send, letter * 300_000) for letter in "abcdefgh"], raise_error=True)


def ping(websocket: Any, start_response: StartResponse) -> None:
    websocket.send_frame(b"are you there", websocket.OPCODE_PING)
    echo(websocket, start_response)


def leave(websocket: Any, start_response: StartResponse) -> None:
    websocket.close(4001, "enough")
    try:
        websocket.send("too late")
    except OSError as error:
        say(f"send: {type(error).__module__}: {error}")


def refuse(websocket: Any, start_response: StartResponse) -> None:
    start_response("403 Forbidden", [])


def boom(websocket: Any, start_response: StartResponse) -> None:
    raise RuntimeError("the app says boom")


def page(websocket: Any, start_response: StartResponse) -> None:
    """Know nothing of WebSockets."""
    start_response("200 OK", [("Content-Type", "text/plain")])


PATHS: dict[str, Callable[[Any, StartResponse], None]] = {
    f"/{each.__name__}": each
    for each in (echo, collect, hold, push, elsewhere, late, several, ping, leave, refuse, boom, page)
}


def ws4py() -> WSGIApplication:
    """An app of ws4py that does what those do whose paths are asked for, where it can."""
    from ws4py.server.wsgiutils import WebSocketWSGIApplication
    from ws4py.websocket import WebSocket

    class Echo(WebSocket):  # type: ignore[misc]  # ws4py has no types
        def opened(self) -> None:
            if self.environ["PATH_INFO"] == "/leave":
                self.close(4001, "enough")

        def received_message(self, message: Any) -> None:
            if self.environ["PATH_INFO"] == "/hold":
                behaviour._gate()
                say("the work is done")
            self.send(message.data, message.is_binary)

        def closed(self, code: int, reason: object = None) -> None:
            say(f"{self.environ['PATH_INFO']} is over, {code}")

    upgrade = WebSocketWSGIApplication(protocols=["second"], handler_cls=Echo)

    def choose(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        chosen = upgrade if "HTTP_UPGRADE" in environ and environ["PATH_INFO"] != "/refuse" else behaviour.app
        answer: Iterable[bytes] = chosen(environ, start_response)
        return answer

    return choose


def socketio() -> WSGIApplication:
    """An app of python-socketio that answers with what it was sent, and who it is."""
    sys.modules["geventwebsocket"] = None  # type: ignore[assignment]  # as where it is not installed
    import socketio as package

    server = package.Server(async_mode="gevent", ping_interval=2)

    @server.event  # type: ignore[untyped-decorator]  # python-socketio has no types
    def echo(sid: str, data: object) -> tuple[object, int]:
        return data, os.getpid()

    @server.event  # type: ignore[untyped-decorator]  # python-socketio has no types
    def disconnect(sid: str, reason: str) -> None:
        say(f"disconnected: {reason}")

    made: WSGIApplication = package.WSGIApp(server, app)
    return made


def resource() -> WSGIApplication:
    """An app written with gevent-websocket, whose own server is not asked."""
    from geventwebsocket import Resource, WebSocketApplication

    class Echo(WebSocketApplication):  # type: ignore[misc]  # gevent-websocket has no types
        def on_open(self) -> None:
            self.ws.send("open")

        def on_message(self, message: str | bytes | None) -> None:
            if message is not None:
                self.ws.send(message)

        def on_close(self, reason: object = None) -> None:
            say("closed")

    made: WSGIApplication = Resource([("/echo", Echo), ("/", behaviour.app)])
    return made


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
