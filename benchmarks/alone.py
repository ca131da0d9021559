"""`python -m benchmarks.alone ENGINE FD APP`: an engine without Chaussette, as its own manual starts it.

Settings are those that cost least, and those that Chaussette chooses where they cost or save something: four threads,
poll(2) for waitress, the standard library patched for gevent, no access log. Engines are imported by name, as few
of them are installed everywhere.
"""

import socket
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

THREADS = 4

Import = Callable[[], "WSGIApplication"]
"""Imports the app: an engine may have to patch the standard library first."""


def waitress(sock: socket.socket, app: Import) -> None:
    """waitress, by its public function."""
    from waitress import create_server

    server = create_server(
        app(),
        sockets=[sock],
        threads=THREADS,
        ident=None,
        asyncore_use_poll=True,
        clear_untrusted_proxy_headers=False,
    )
    server.run()


def gevent(sock: socket.socket, app: Import) -> None:
    """gevent.pywsgi."""
    from gevent import monkey

    monkey.patch_all()
    from gevent.pywsgi import WSGIServer
    from gevent.socket import socket as green

    WSGIServer(green(fileno=sock.detach()), app(), log=None).serve_forever()


def eventlet(sock: socket.socket, app: Import) -> None:
    """eventlet.wsgi, which binds its address itself: a socket that is there already it takes for one of IPv4."""
    family, address = sock.family, _given_up(sock)
    engine = import_module("eventlet")
    engine.monkey_patch()
    import_module("eventlet.wsgi").server(engine.listen(address, family), app(), log_output=False)


def meinheld(sock: socket.socket, app: Import) -> None:
    """meinheld."""
    from meinheld import server

    server.set_access_logger(None)
    server.set_keepalive(10)
    server.set_listen_socket(sock.detach())
    server.run(app())


def wsgiref(sock: socket.socket, app: Import) -> None:
    """wsgiref.simple_server, given a socket in place of its own."""
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(WSGIServer):
        def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
            connection, address = self.socket.accept()
            connection.setblocking(True)
            return connection, address

    server = Server(("127.0.0.1", 0), Quiet, bind_and_activate=False)
    server.socket.close()
    server.socket = sock
    server.server_name, server.server_port = sock.getsockname()[:2]
    server.setup_environ()
    server.set_app(app())
    server.serve_forever()


def bjoern(sock: socket.socket, app: Import) -> None:
    """bjoern, by its public function."""
    import_module("bjoern").server_run(sock, app())


def fastpysgi(sock: socket.socket, app: Import) -> None:
    """fastpysgi, which must bind its address itself."""
    engine = import_module("fastpysgi")
    engine.server.tcp_nodelay = 1
    engine.run(app(), *_given_up(sock))


def pyruvate(sock: socket.socket, app: Import) -> None:
    """pyruvate, which must bind its address itself."""
    host, port = _given_up(sock)
    import_module("pyruvate").serve(app(), f"{host}:{port}", THREADS)


def cheroot(sock: socket.socket, app: Import) -> None:
    """cheroot, which must bind its address itself to serve it as it likes."""
    import_module("cheroot.wsgi").Server(_given_up(sock), app(), numthreads=THREADS).start()


def tornado(sock: socket.socket, app: Import) -> None:
    """Tornado's HTTP server, and its container for WSGI with threads."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from tornado.httpserver import HTTPServer
    from tornado.wsgi import WSGIContainer

    async def serve() -> None:
        HTTPServer(WSGIContainer(app(), executor=ThreadPoolExecutor(THREADS))).add_socket(sock)
        await asyncio.Event().wait()

    asyncio.run(serve())


def uvicorn(sock: socket.socket, app: Import) -> None:
    """uvicorn with its fastest parser and loop. a2wsgi makes of the app one that it can serve."""
    engine = import_module("uvicorn")
    asgi = import_module("a2wsgi").WSGIMiddleware(app(), workers=THREADS)
    config = engine.Config(
        asgi, http="httptools", loop="uvloop", lifespan="off", log_level="warning", access_log=False, backlog=2048
    )
    engine.Server(config).run(sockets=[sock])


def _given_up(sock: socket.socket) -> Any:
    """The address of a socket, free to be bound: host and port, or a path."""
    address = sock.getsockname()
    sock.close()
    return address if isinstance(address, str) else address[:2]


def _main(engine: str, fd: str, app: str) -> None:
    sock = socket.socket(fileno=int(fd))
    sock.setblocking(False)
    module, _, attribute = app.partition(":")
    globals()[engine](sock, lambda: getattr(import_module(module), attribute))


if __name__ == "__main__":
    _main(*sys.argv[1:])
