"""What systemd does with a service that has a socket, for `lossless`: it keeps the socket, and gives it to each new process.

`systemd-socket-activate ... python -m benchmarks.restarter COMMAND` starts COMMAND with the sockets that it got itself, as
sd_listen_fds(3) tells. At SIGHUP it does what `systemctl restart` does: SIGTERM, wait for the end, start anew.
"""

import os
import signal
import subprocess
import sys

_NUMBERS = {signal.SIGHUP, signal.SIGTERM}


def _as_its_own() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _NUMBERS)
    os.environ["LISTEN_PID"] = str(os.getpid())


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    fds = range(3, 3 + int(os.environ["LISTEN_FDS"]))
    # env=None and not a copy: what _as_its_own does in the new process must be what is handed on.
    return subprocess.Popen(command, pass_fds=fds, preexec_fn=_as_its_own)


def main() -> None:
    """Run the command, again after each SIGHUP, until SIGTERM."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)
    while True:
        process = _start(sys.argv[1:])
        number = signal.sigwait(_NUMBERS)
        process.terminate()
        process.wait()
        if number == signal.SIGTERM:
            return


if __name__ == "__main__":
    main()
