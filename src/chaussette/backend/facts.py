"""What the environ of a request says of its listener and its client, for engines that say it wrongly or not at all."""

import sys
from typing import Any

from ..listeners import Listener


def facts_of(listener: Listener, *, multithread: bool = True) -> dict[str, Any]:
    """What all requests of a listener share. SERVER_NAME and SERVER_PORT are for want of a Host header, PEP 3333."""
    return {
        "SERVER_NAME": listener.server_name,
        "SERVER_PORT": listener.server_port,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": multithread,
        # A listener that somebody gave us he may have given to others too.
        "wsgi.multiprocess": not listener.owned,
        "wsgi.run_once": False,
    }


def facts_of_peer(peer: object) -> dict[str, str]:
    """REMOTE_ADDR and REMOTE_PORT of a peer, as accept(2) tells it. One on AF_UNIX has no address, and no port."""
    return {"REMOTE_ADDR": peer[0], "REMOTE_PORT": str(peer[1])} if isinstance(peer, tuple) else {"REMOTE_ADDR": ""}
