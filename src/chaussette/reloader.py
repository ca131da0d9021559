"""Restart when a source file changes: for development.

This process keeps the listeners open and serves nothing; a child inherits them and serves. Between one child and the next
connections wait in the accept queue, so no request meets a closed port. The files are watched by watchfiles.

It is this process that a manager knows, so it is this one that says that it serves: when it listens, as a child may fail to
import what is being worked on.
"""

import os
import signal
import subprocess
import sys
import threading
from types import FrameType

from .application import current_folder
from .config import Config
from .errors import ExitStatus, UsageError
from .listeners import Listener, addresses, open_listeners
from .logs import logger
from .manager import meet
from .sources import to_argv


def serve_and_reload(config: Config) -> int:
    """Serve in a child process, in a new one whenever a file changes, until a signal. The exit status of the last child."""
    try:
        from watchfiles import PythonFilter, watch
    except ImportError:
        raise UsageError("--use-reloader needs watchfiles: pip install 'chaussette[reload]'.") from None
    watched = {current_folder(), *(os.path.abspath(each) for each in config.python_path if os.path.isdir(each))}
    manager = meet(config)
    if manager.watches:
        raise UsageError("--use-reloader has no pulse that a watchdog could feel: remove WatchdogSec from the unit.")
    listeners = open_listeners(addresses(config), config)
    stop = threading.Event()
    came: list[int] = []

    def on_signal(number: int, frame: FrameType | None) -> None:
        came.append(number)
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    child = None
    try:
        for listener in listeners:
            logger.info("Serving on %s, restarting when a file changes", listener.url)
        child = _start(config, listeners)
        manager.pulse()
        for changes in watch(*watched, watch_filter=PythonFilter(), stop_event=stop, raise_interrupt=False):
            logger.info("Restarting: %s", ", ".join(sorted({os.path.relpath(path) for _, path in changes})))
            _end(child)
            child = _start(config, listeners)
        # A terminal sends its Ctrl-C to the child as well; SIGTERM would give one that has only begun another exit status.
        if not (came == [signal.SIGINT] and _is_in_foreground()):
            child.terminate()
        return child.wait()
    finally:
        if child is not None and child.poll() is None:
            _end(child)
        for number, handler in before.items():
            signal.signal(number, handler)
        for listener in listeners:
            listener.close()


def _is_in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _start(config: Config, listeners: list[Listener]) -> "subprocess.Popen[bytes]":
    fds = [listener.sock.fileno() for listener in listeners]
    same = config._replace(
        use_reloader=False,
        ready_fd=None,
        fd=tuple(map(str, fds)),
        bind=(),
        host=None,
        port=None,
        address_family=None,
    )
    # -P: without it the app's folder comes first on the child's sys.path from the start, before the engine is imported.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHAUSSETTE_")}
    return subprocess.Popen([sys.executable, "-P", "-m", "chaussette", *to_argv(same)], pass_fds=fds, env=environ)


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.terminate()
    if child.wait() not in (ExitStatus.OK, -signal.SIGTERM):
        logger.warning("The last process ended with status %d", child.returncode)
