"""Engines written in C."""

from ..base import BackendInfo

ENGINES = (
    BackendInfo(
        name="meinheld",
        target="chaussette.backend._meinheld:Server",
        package="meinheld",
        install="chaussette install meinheld",
        summary="written in C, fast; one request at a time",
        choose="for configurations that have it already; fast is the engine to move to",
        concurrency="one at a time",
        lacks=frozenset({"100-continue", "headers apart"}),
        settings="what it has a function to set, such as `keepalive` and `max_content_length`",
        pulse=True,
        bugs=(
            "does not build by itself on Python 3.10 and later: `chaussette install meinheld` builds it",
            "its `wsgi.file_wrapper` sends a part of the file: apps do not get to see it here",
        ),
        upstream="ended in May 2020 with 1.0.2; needs a C compiler",
    ),
    BackendInfo(
        name="bjoern",
        target="chaussette.backend._bjoern:Server",
        package="bjoern",
        install="pip install 'chaussette[bjoern]'",
        summary="written in C, the fastest; one request at a time",
        choose="for the least CPU time per request: apps that never wait, behind a proxy that is strict",
        several_listeners=False,
        concurrency="one at a time",
        limits=("serves on one socket",),
        lacks=frozenset({"IPv6 clients", "client ports", "pipelining", "repeated headers", "strict framing"}),
        pulse=True,
        bugs=(
            "SIGTERM ends it at once (jonashaag/bjoern#91): put right here",
            "accepts more than it can work on, while other processes are idle (jonashaag/bjoern#247)",
        ),
        upstream="quiet since 3.2.2 of September 2022; needs a C compiler and libev's headers (Debian: libev-dev)",
    ),
)
