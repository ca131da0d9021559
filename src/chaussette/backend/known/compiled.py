"""Engines written in C."""

from ..base import BackendInfo

ENGINES = (
    BackendInfo(
        name="meinheld",
        target="chaussette.backend._meinheld:Server",
        package="meinheld",
        install="chaussette install meinheld",
        summary="written in C, fast; one request at a time",
        concurrency="one at a time",
        lacks=frozenset({"100-continue", "headers apart"}),
        settings="what it has a function to set, such as `keepalive` and `max_content_length`",
        pulse=True,
        upstream="ended in 2020; needs a C compiler",
    ),
    BackendInfo(
        name="bjoern",
        target="chaussette.backend._bjoern:Server",
        package="bjoern",
        install="pip install 'chaussette[bjoern]'",
        summary="written in C, the fastest; one request at a time",
        several_listeners=False,
        concurrency="one at a time",
        limits=("serves on one socket",),
        lacks=frozenset({"IPv6 clients", "client ports", "pipelining", "repeated headers", "strict framing"}),
        pulse=True,
        upstream="quiet since 2022; needs a C compiler and libev's headers (Debian: apt-get install libev-dev)",
    ),
)
