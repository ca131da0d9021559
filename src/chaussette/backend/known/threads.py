"""Engines whose threads work on requests, and the reference one that has none."""

from ..base import LIMITS, BackendInfo

ENGINES = (
    BackendInfo(
        name="waitress",
        target="chaussette.backend._waitress:Server",
        package="waitress",
        install="pip install waitress",
        summary="pure Python, strict, threads; comes with Chaussette",
        concurrency="threads",
        options=frozenset({"threads"}),
        pulse=True,
        upstream="maintained",
        loggers=("waitress",),
    ),
    BackendInfo(
        name="fast",
        target="chaussette.backend._fast:Server",
        summary="our own: pure Python, the speed of C, strict, threads that no slow client holds",
        concurrency="threads",
        options=frozenset({"threads", *LIMITS}),
        pulse=True,
        upstream="part of Chaussette",
    ),
    BackendInfo(
        name="cheroot",
        target="chaussette.backend._cheroot:Server",
        package="cheroot",
        install="pip install 'chaussette[cheroot]'",
        summary="CherryPy's server: pure Python, threads; strict here, as our own reader of requests guards it",
        concurrency="threads",
        options=frozenset({"threads"}),
        lacks=frozenset({"slow clients"}),
        pulse=True,
        upstream="maintained",
    ),
    BackendInfo(
        name="gunicorn",
        target="chaussette.backend._gunicorn:Server",
        package="gunicorn",
        install="pip install 'chaussette[gunicorn]'",
        summary="gunicorn's threaded worker, without the processes around it",
        concurrency="threads",
        options=frozenset({"threads"}),
        lacks=frozenset({"slow clients"}),
        pulse=True,
        upstream="maintained",
        loggers=("gunicorn.error",),
    ),
    BackendInfo(
        name="wsgiref",
        target="chaussette.backend._wsgiref:Server",
        summary="the standard library's reference server, for a look",
        concurrency="one at a time",
        keep_alive=False,
        lacks=frozenset(
            {
                "100-continue",
                "chunked bodies",
                "headers apart",
                "late errors",
                "pipelining",
                "slow clients",
                "strict framing",
            }
        ),
        limits=("HTTP/1.0, one request a connection",),
        pulse=True,
        upstream="part of Python",
    ),
)
