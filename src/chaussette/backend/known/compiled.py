"""Engines written in C and Rust."""

from ..base import BackendInfo

ENGINES = (
    BackendInfo(
        name="granian",
        target="chaussette.backend._granian:Server",
        package="granian",
        install="pip install 'chaussette[granian]'",
        summary="written in Rust: WSGI apps in threads, ASGI apps on asyncio",
        choose="where granian serves already, and a process manager is to have its sockets; fast is stricter, and no slower",
        concurrency="threads",
        protocols=frozenset({"wsgi", "asgi"}),
        options=frozenset({"threads"}),
        lacks=frozenset({"client ports", "headers apart", "late errors"}),
        limits=(
            "calls listen(2) on a socket that listens, if with the backlog that it has",
            "keeps idle connections open for ever",
            "of a header with a character beyond ASCII the app sees an empty one, and sends it in UTF-8",
            "closes the connection after a request with a chunked body",
        ),
        settings="its settings of HTTP/1, such as `header_read_timeout` (milliseconds) and `keep_alive`",
        pulse=True,
        bugs=(
            "takes no socket that is open already (emmett-framework/granian#786): what its own processes use is used here",
            "reads `start_response` before the first piece is made (emmett-framework/granian#845): put right here",
            "a thread of its own may abort the process at its end: it is waited for here",
        ),
        upstream="maintained; 2.8.7 is of October 2026. What is used of it is private, so the extra takes releases 2.8 alone",
        loggers=("_granian",),
    ),
    BackendInfo(
        name="meinheld",
        target="chaussette.backend._meinheld:Server",
        package="meinheld",
        install="chaussette install meinheld",
        summary="written in C, fast; one request at a time",
        choose="for configurations that have it already; fast is the engine to move to",
        concurrency="one at a time",
        lacks=frozenset({"100-continue", "headers apart", "strict framing"}),
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
        summary="written in C, among the fastest; one request at a time",
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
