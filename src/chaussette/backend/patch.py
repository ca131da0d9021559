"""gevent's patch of the standard library, with one gap closed.

gevent waits for child processes by SIGCHLD, and installs its handler for that when the first child has been forked: one that
has ended by then is never heard of, and `os.waitpid()` for it waits for ever. So the handler comes just before the first fork,
and not at once: from then on gevent's loop collects every child, also those that others started and wait for.
"""

import os

import gevent
from gevent import monkey


def patch() -> None:
    """Patch the standard library, so that an app that blocks lets the others run."""
    monkey.patch_all()
    hub = gevent.get_hub()  # now, as what it imports must not be the app's
    os.register_at_fork(before=hub.loop.install_sigchld)
