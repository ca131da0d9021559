"""Engines on an event loop, which call WSGI apps in threads."""

from ..base import BackendInfo

ENGINES = (
    BackendInfo(
        name="tornado",
        target="chaussette.backend._tornado:Server",
        package="tornado",
        install="pip install 'chaussette[tornado]'",
        summary="Tornado apps on its loop, WSGI apps in threads",
        choose="for Tornado apps, and for WSGI apps beside which Tornado is at hand",
        concurrency="threads",
        protocols=frozenset({"wsgi", "tornado"}),
        options=frozenset({"threads"}),
        limits=("keeps request bodies in memory, and takes 100 MB at most",),
        settings="the arguments of its HTTPServer, such as `xheaders` and `max_body_size`",
        pulse=True,
        bugs=(
            "its own WSGI container sends an answer when all of it is made, and none if the app raises: ours is in its place",
        ),
        upstream="maintained; 6.6.1 is of November 2026",
        loggers=("tornado",),
    ),
    BackendInfo(
        name="uvicorn",
        target="chaussette.backend._uvicorn:Server",
        package="uvicorn",
        install="pip install 'chaussette[uvicorn]'",
        summary="ASGI apps on asyncio; WSGI apps in threads",
        choose="for ASGI apps: Starlette, FastAPI, Django's; for a WSGI app other engines cost less",
        concurrency="threads",
        protocols=frozenset({"wsgi", "asgi"}),
        options=frozenset({"threads"}),
        settings="the arguments of its Config, such as `http`, `lifespan` and `ws_max_size`",
        pulse=True,
        bugs=(
            "no deadline for the head of a request (Kludex/uvicorn#157): a slow client keeps a connection, though no thread",
        ),
        upstream="maintained; 0.54.0 is of September 2026",
        loggers=("uvicorn",),
    ),
    BackendInfo(
        name="hypercorn",
        target="chaussette.backend._hypercorn:Server",
        package="hypercorn",
        install="pip install 'chaussette[hypercorn]'",
        summary="ASGI apps on asyncio, HTTP/2 too; WSGI apps in threads",
        choose="for ASGI apps that are to be asked over HTTP/2 by a proxy",
        concurrency="threads",
        protocols=frozenset({"wsgi", "asgi"}),
        options=frozenset({"threads"}),
        settings="the attributes of its Config, such as `keep_alive_timeout` and `h2_max_concurrent_streams`",
        pulse=True,
        bugs=("its own way to run WSGI apps breaks PEP 3333 (pgjones/hypercorn#331): ours is in its place",),
        upstream="maintained, slowly; 0.18.0 is of November 2025",
        loggers=("hypercorn",),
    ),
)
