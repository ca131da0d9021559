"""The process managers of `lossless`, each a real one that opens the listening socket itself: a port that is free, or a unix
socket where the port would have to be told."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from .deployment import PATIENCE, Deployment
from .process import ServerFailedError

_CIRCUS = """\
[circus]
endpoint = ipc://{folder}/control
pubsub_endpoint = ipc://{folder}/news
multicast_endpoint =
check_delay = 1

[socket:web]
host = 127.0.0.1
port = 0

[watcher:web]
cmd = {command}
use_sockets = True
copy_env = True
numprocesses = {workers}
graceful_timeout = 30
{hook}
"""
_SUPERVISOR = """\
[supervisord]
nodaemon = true
logfile = /dev/null
logfile_maxbytes = 0
pidfile = %(here)s/pid
user = {user}

[unix_http_server]
file = %(here)s/control

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://%(here)s/control

[fcgi-program:web]
socket = unix://%(here)s/web
command = {command}
numprocs = {workers}
process_name = %(process_num)s
stopwaitsecs = 30
startsecs = 0
redirect_stderr = true
stdout_logfile = %(here)s/worker-%(process_num)s
"""


class Circus(Deployment):
    """A watcher of a real circusd, which is told by circusctl's own messages."""

    _client: Any = None

    def start(self) -> None:
        from circus.client import CircusClient

        self.order.write(
            "circus.ini",
            _CIRCUS.format(
                folder=self.order.folder,
                command=" ".join(self.order.command("$(circus.sockets.web)")),
                workers=self.order.workers,
                hook=self.order.hook,
            ),
        )
        self.run([sys.executable, "-m", "circus.circusd", "circus.ini"])
        self._client = CircusClient(endpoint=f"ipc://{self.order.folder}/control", timeout=PATIENCE)
        self.address = int(self._told("listsockets")["sockets"][0]["port"])

    def workers(self) -> set[int]:
        return set(self._told("list", name="web")["pids"])

    def reload(self, *, wait: bool = True) -> None:
        self._told("reload", name="web", waiting=wait)

    def sequential(self) -> None:
        self._told("reload", name="web", sequential=True, waiting=True)

    def restart(self) -> None:
        self._told("restart", name="web", waiting=True)

    def more_and_less(self) -> None:
        self._told("incr", name="web", nb=1, waiting=True)
        self._told("decr", name="web", nb=1, waiting=True)

    def quit(self) -> None:
        self._told("quit", waiting=True)

    def close(self) -> None:
        if self._client is not None:
            self._client.stop()
        super().close()

    def _told(self, command: str, **properties: Any) -> dict[str, Any]:
        from circus.exc import CallError

        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer: dict[str, Any] = self._client.call({"command": command, "properties": properties})
            except CallError as error:
                raise ServerFailedError(f"circusctl {command}: {error}") from None
            if answer["status"] == "ok":
                return answer
            # One thing at a time: while circusd looks after its workers, it refuses everything else.
            if "already running" not in str(answer.get("reason")) or time.monotonic() > deadline:
                raise ServerFailedError(f"circusctl {command}: {answer.get('reason')}")
            time.sleep(0.05)


class Supervisor(Deployment):
    """An fcgi-program of a real supervisord. Restarting all at once would close the socket, so it is one after the other."""

    def start(self) -> None:
        self.address = os.path.join(self.order.folder, "web")
        self.order.write(
            "supervisord.conf",
            _SUPERVISOR.format(
                user=os.geteuid(), command=" ".join(self.order.command("0")), workers=self.order.workers
            ),
        )
        self.run([sys.executable, "-m", "supervisor.supervisord", "-c", "supervisord.conf"])
        self.until(lambda: os.path.exists(str(self.address)))

    def restart(self) -> None:
        for number in range(self.order.workers):
            command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", "supervisord.conf", "restart"]
            done = subprocess.run(
                [*command, f"web:{number}"], cwd=self.order.folder, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise ServerFailedError(f"supervisorctl restart: {done.stdout}{done.stderr}")


class Systemd(Deployment):
    """systemd-socket-activate opens the socket; what it becomes, restarter.py, restarts a worker as systemd does a service."""

    def start(self) -> None:
        self.address = os.path.join(self.order.folder, "web")
        restarter = [sys.executable, "-m", "benchmarks.restarter", *self.order.command("3")]
        passed = [f"--setenv={name}" for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", *self.order.environ)]
        self.run(["systemd-socket-activate", "--listen", self.address, *passed, *restarter])
        self.until(lambda: os.path.exists(str(self.address)))

    def workers(self) -> set[int]:
        return set(_children(self.running.pid))

    def restart(self) -> None:
        old = self.workers()
        self.running.send_signal(signal.SIGHUP)
        self.until(lambda: bool(now := self.workers()) and not now & old)


class Master(Deployment):
    """A server that is its own process manager, and binds its port itself."""

    shares = False

    def start(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = free.getsockname()[1]
        self.run(self.order.command(str(self.address)))
        self.until(lambda: len(self.workers()) == self.order.workers)

    def workers(self) -> set[int]:
        return {pid for pid in _children(self.running.pid) if not _is_helper(pid)}

    def reload(self, *, wait: bool = True) -> None:
        old = self.workers()
        self.running.send_signal(signal.SIGHUP)
        if wait:
            self.until(lambda: not (now := self.workers()) & old and len(now) == self.order.workers)

    def quit(self) -> None:
        self.running.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.running.wait(PATIENCE)


class Gunicorn(Master):
    """gunicorn's arbiter, whose workers share its socket."""

    shares = True

    def more_and_less(self) -> None:
        count = self.order.workers
        self.running.send_signal(signal.SIGTTIN)
        self.until(lambda: len(self.workers()) == count + 1)
        self.running.send_signal(signal.SIGTTOU)
        self.until(lambda: len(self.workers()) == count)


def _children(pid: int) -> list[int]:
    with suppress(FileNotFoundError), open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]
    return []


def _is_helper(pid: int) -> bool:
    """Whether it is a process of multiprocessing's own."""
    with suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return b"resource_tracker" in file.read()
    return True
