"""Engines on an event loop, which call WSGI apps in threads."""

from ..base import BackendInfo

ENGINES = (
    BackendInfo(
        name="tornado",
        target="chaussette.backend._tornado:Server",
        package="tornado",
        install="pip install 'chaussette[tornado]'",
        summary="Tornado's HTTP server, and the app in its threads",
        concurrency="threads",
        options=frozenset({"threads"}),
        limits=("keeps request bodies in memory, and takes 100 MB at most",),
        settings="the arguments of its HTTPServer, such as `xheaders` and `max_body_size`",
        pulse=True,
        upstream="maintained",
        loggers=("tornado",),
    ),
    BackendInfo(
        name="uvicorn",
        target="chaussette.backend._uvicorn:Server",
        package="uvicorn",
        install="pip install 'chaussette[uvicorn]'",
        summary="ASGI apps on asyncio; WSGI apps in threads",
        concurrency="threads",
        protocols=frozenset({"wsgi", "asgi"}),
        options=frozenset({"threads"}),
        settings="the arguments of its Config, such as `http`, `lifespan` and `ws_max_size`",
        pulse=True,
        upstream="maintained",
        loggers=("uvicorn",),
    ),
    BackendInfo(
        name="hypercorn",
        target="chaussette.backend._hypercorn:Server",
        package="hypercorn",
        install="pip install 'chaussette[hypercorn]'",
        summary="ASGI apps on asyncio, HTTP/2 too; WSGI apps in threads",
        concurrency="threads",
        protocols=frozenset({"wsgi", "asgi"}),
        options=frozenset({"threads"}),
        settings="the attributes of its Config, such as `keep_alive_timeout` and `h2_max_concurrent_streams`",
        pulse=True,
        upstream="maintained, slowly",
        loggers=("hypercorn",),
    ),
)
