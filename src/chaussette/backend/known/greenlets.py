"""Engines of greenlets."""

from ..base import LIMITS, BackendInfo

ENGINES = (
    BackendInfo(
        name="fastgevent",
        target="chaussette.backend._fastgevent:Server",
        package="gevent",
        install="pip install 'chaussette[fastgevent]'",
        summary="our own on gevent's hub: what gevent does, strictly, at a fraction of the cost",
        choose="for thousands of requests that wait at once, for databases or for clients, by libraries that gevent can patch",
        concurrency="greenlets",
        monkey=True,
        options=frozenset({"spawn", *LIMITS}),
        pulse=True,
        upstream="part of Chaussette; gevent is maintained",
    ),
    BackendInfo(
        name="gevent",
        target="chaussette.backend._gevent:Server",
        package="gevent",
        install="pip install 'chaussette[gevent]'",
        summary="thousands of slow requests at once, on greenlets",
        choose="where fastgevent would do, and what is wanted is gevent's own server: it has been in use for longer",
        concurrency="greenlets",
        monkey=True,
        options=frozenset({"spawn"}),
        settings="the numbers of its server, such as `max_accept`, and `max_request_line`",
        pulse=True,
        bugs=(
            "its own author warns of it where security counts (gevent/gevent#2075): ambiguous requests are refused here",
        ),
        upstream="maintained; 26.9.0 is of September 2026",
        loggers=("gevent.pywsgi",),
    ),
    BackendInfo(
        name="gunicorn-gevent",
        target="chaussette.backend._gunicorn_gevent:Server",
        package="gunicorn",
        install="pip install 'chaussette[gunicorn-gevent]'",
        summary="gunicorn's gevent worker, without the processes around it",
        choose="for apps that ran on gunicorn's gevent worker before, now with a process manager in place of gunicorn's own",
        concurrency="greenlets",
        monkey=True,
        options=frozenset({"spawn"}),
        settings="what its worker obeys without the arbiter, such as `keepalive` and `limit_request_line`",
        pulse=True,
        bugs=("waits for idle connections when it ends, as long as they like to stay: hung up after the grace here",),
        upstream="maintained; gunicorn 27.0.1 is of November 2026, gevent 26.9.0 of September 2026",
        loggers=("gunicorn.error",),
    ),
)
