"""Engines on gevent's hub."""

from ..base import LIMITS, BackendInfo

ENGINES = (
    BackendInfo(
        name="fastgevent",
        target="chaussette.backend._fastgevent:Server",
        package="gevent",
        install="pip install 'chaussette[fastgevent]'",
        summary="our own on gevent's hub: what gevent does, strictly, at a fraction of the cost",
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
        concurrency="greenlets",
        monkey=True,
        options=frozenset({"spawn"}),
        settings="the numbers of its server, such as `max_accept`, and `max_request_line`",
        pulse=True,
        upstream="maintained",
        loggers=("gevent.pywsgi",),
    ),
)
