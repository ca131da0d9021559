"""Bad input: each refusal is one or two lines that name the culprit and the cure, with the exit status of its kind."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chaussette.errors import ExitStatus
from live import APPS, ROOT, chaussette, listening


def refused(status: ExitStatus, *arguments: str, fds: tuple[int, ...] = (), cwd: Path = APPS, **env: str) -> str:
    """Run the command, which must end by itself with `status`, without a traceback; what it says, in one line."""
    with chaussette(*arguments, fds=fds, cwd=cwd, session=False, **env) as process:
        assert process.ended() == status, process.log
        assert "Traceback" not in process.log
        said = [line for line in process.log.splitlines() if "[INFO]" not in line]
    assert 1 <= len(said) <= 2, process.log
    return " ".join(said)


@pytest.mark.parametrize(
    ("app", "words"),
    [
        ("behavour:app", ["there is no module behavour", "Did you mean behaviour", "--python-path"]),
        ("behavour", ["there is no module behavour", "Did you mean behaviour"]),
        ("pack.sit:app", ["there is no module pack.sit", "Did you mean site"]),
        ("variety.site:app", ["variety is a module, not a package", "write variety:site"]),
        ("variety:vareity", ["variety has no 'vareity'", "create_app", "variety"]),
        ("variety:CONFIG", ["is no app but a dict", "app(environ, start_response)"]),
        ("variety:Site", ["is a class", "write variety:Site() to make one"]),
        ("variety:asgi", ["is an ASGI app", "--backend granian or hypercorn or uvicorn"]),
        ("variety:asgi_site", ["is an ASGI app", "--backend granian or hypercorn or uvicorn"]),
        ("variety:make_nothing", ["takes no arguments", "write variety:make_nothing() or add --factory"]),
        ("variety:make_nothing()", ["returned None", "a factory must return the app"]),
        ("variety:create_app(open('x'))", ["literals only"]),
        ("variety:one_argument", ["cannot be called as app(environ, start_response)", "(environ:"]),
        ("broken", ["broken:NAME", "It has no callables"]),
        ("nowhere/wsgi.py:app", ["there is no such file"]),
        ("broken/../variety.py:nothing", ["has no 'nothing'"]),
        ("paste:nowhere.ini", ["there is no file nowhere.ini"]),
        (":app", ["':app' lacks a name", "pkg.module:app"]),
        (".variety:site", ["'.variety:site' lacks a name", "from the outermost package on"]),
        ("variety:site.", ["'variety:site.' lacks a name"]),
        ("pack..site", ["'pack..site' lacks a name"]),
        ("localhost:8000", ["localhost:8000 is an address, not an app", "--bind"]),
        ("[::1]:8000", ["is an address, not an app"]),
        ("unix:/run/web.sock", ["is an address, not an app"]),
        ("http://localhost:8000", ["is an address, not an app"]),
    ],
)
def test_app(app: str, words: list[str]) -> None:
    said = refused(ExitStatus.APP, app)
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    ("app", "words", "absent"),
    [
        ("broken.raising:app", ["raised ValueError: no database", "raising.py", "in helper"], "importlib"),
        ("broken.needing:app", ["No module named 'a_module_that_is_not_installed'", "needing.py"], "importlib"),
        ("broken.misspelled:app", ["SyntaxError", "misspelled.py", "line 1"], "importlib"),
        ("variety:make_exit()", ["raised SystemExit: 0", "in make_exit"], "application.py"),
        ("variety:make_trouble()", ["raised LookupError: no such tenant", "in make_trouble"], "application.py"),
    ],
)
def test_users_own_error_has_its_traceback_and_not_ours(app: str, words: list[str], absent: str) -> None:
    with chaussette(app) as process:
        assert process.ended() == ExitStatus.APP
        for word in words:
            assert word in process.log
        assert absent not in process.log
        assert str(ROOT / "src") not in process.log


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bakend", "gevent"], ["--bakend", "Did you mean --backend"]),
        (["--workers", "4"], ["--workers", "the process manager starts as many as you want"]),
        (["-w", "4", "variety"], ["-w", "the process manager starts as many as you want"]),
        (["--port", "http"], ["--port", "'http'", "number"]),
        (["--port", "70000"], ["--port", "a whole number from 0 to 65535"]),
        (["--log-level", "loud"], ["--log-level", "'loud'", "debug"]),
        (["--fd", "web"], ["--fd 'web'", "not the number"]),
        (["--fd", "-1"], ["--fd"]),
        (["--bind", "localhost"], ["--bind 'localhost'", "HOST:PORT"]),
        (["--bind", "::1:80"], ["put the IPv6 address in brackets, [::1]:80"]),
        (["--bind", "unix:"], ["names no path"]),
        (["--bind", "http://localhost:80"], ["is a URL: write HOST:PORT alone"]),
        (["--fd", "5", "--fd", "5"], ["fd://5 is given twice"]),
        (["--fd", "99999999999"], ["not the number of a file descriptor"]),
        (["--host", "x", "--fd", "3"], ["--host", "--bind HOST:PORT"]),
        (["--address-family", "AF_UNIX"], ["--bind unix:/path"]),
        (["--socket-type", "SOCK_DGRAM"], ["needs a stream socket"]),
        (["--graceful-timeout", "-1"], ["--graceful-timeout", "a number of seconds, 0 or more"]),
        (["--config", "nowhere.toml"], ["--config nowhere.toml", "No such file"]),
        (["--log-output", "/nowhere/log"], ["--log-output /nowhere/log", "No such file"]),
    ],
)
def test_usage(arguments: list[str], words: list[str]) -> None:
    said = refused(ExitStatus.USAGE, *arguments)
    for word in words:
        assert word in said


def test_environment_and_file_name_themselves_as_the_culprit(tmp_path: Path) -> None:
    assert "CHAUSSETTE_PORT: 'http' is not a whole number" in refused(ExitStatus.USAGE, CHAUSSETTE_PORT="http")
    file = tmp_path / "web.toml"
    file.write_text("gracefull-timeout = 3\n")
    said = refused(ExitStatus.USAGE, "--config", str(file))
    assert "no option is called 'gracefull-timeout'. Did you mean graceful-timeout" in said
    file.write_text("threads = 0\n")
    assert f"{file}: threads: '0' is not a whole number" in refused(ExitStatus.USAGE, "--config", str(file))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--backend", "gevnt"], ["there is no such engine", "Did you mean gevent", "waitress"]),
        (["--backend", "gevent", "--threads", "4"], ["--threads: gevent has no threads", "--backend", "waitress"]),
        (["--spawn", "10"], ["--spawn: waitress has no greenlets", "gevent"]),
        (["--backend", "uninstalled"], ["--backend uninstalled is not installed", "pip install"]),
    ],
)
def test_engine(arguments: list[str], words: list[str], tmp_path: Path) -> None:
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[chaussette.backends]\nuninstalled = not_here:Server\n")
    said = refused(ExitStatus.BACKEND, *arguments, PYTHONPATH=str(tmp_path))
    if "uninstalled" in arguments:
        assert "is installed but does not import" in said
        assert "pip install other" in said
        return
    for word in words:
        assert word in said


def test_app_that_makes_greenlets_of_threads(tmp_path: Path) -> None:
    (tmp_path / "patched.py").write_text(
        "from gevent import monkey\nmonkey.patch_all()\ndef app(environ, start_response): pass\n"
    )
    said = refused(ExitStatus.BACKEND, "--backend", "fast", "--port", "0", "patched:app", cwd=tmp_path)
    assert "the app has made greenlets of them" in said
    assert "choose --backend fastgevent" in said


def test_engine_that_is_missing_says_how_to_install_it(tmp_path: Path) -> None:
    """In an environment with Chaussette alone: the engines are hidden, as they are when nobody installed them."""
    hide = "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]; sys.path.insert(0, sys.argv.pop(1));"
    for backend, cure in (("gevent", "pip install 'chaussette[gevent]'"), ("meinheld", "chaussette install meinheld")):
        run = subprocess.run(
            [
                sys.executable,
                "-S",
                "-c",
                f"{hide} from chaussette.cli import main; main()",
                str(ROOT / "src"),
                "--backend",
                backend,
            ],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert run.returncode == ExitStatus.BACKEND
        assert f"--backend {backend} is not installed: {cure}" in run.stderr


def test_fd_that_is_not_open() -> None:
    assert "fd 99 is not open. The process manager must open it" in refused(ExitStatus.LISTENER, "--fd", "99")


def test_fd_that_is_no_socket() -> None:
    read, write = os.pipe()
    try:
        assert f"fd {read} is a pipe, not a socket" in refused(ExitStatus.LISTENER, "--fd", str(read), fds=(read,))
    finally:
        os.close(read)
        os.close(write)
    with open(APPS / "behaviour.py") as file:
        fd = file.fileno()
        assert f"fd {fd} is a file, not a socket" in refused(ExitStatus.LISTENER, "--fd", str(fd), fds=(fd,))


@pytest.mark.parametrize(
    ("family", "kind", "words"),
    [
        (socket.AF_INET, socket.SOCK_STREAM, "is a socket that does not listen"),
        (socket.AF_INET, socket.SOCK_DGRAM, "is a datagram socket (UDP)"),
        (socket.AF_UNIX, socket.SOCK_DGRAM, "is a datagram socket (UDP)"),
        (socket.AF_UNIX, socket.SOCK_SEQPACKET, "is a socket of type 5"),
    ],
)
def test_fd_of_a_socket_that_cannot_serve(family: int, kind: int, words: str) -> None:
    with socket.socket(family, kind) as sock:
        fd = sock.fileno()
        assert f"fd {fd} {words}" in refused(ExitStatus.LISTENER, "--fd", str(fd), fds=(fd,))


def test_fd_of_a_placeholder_for_so_reuseport() -> None:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        said = refused(ExitStatus.LISTENER, "--fd", str(sock.fileno()), fds=(sock.fileno(),))
    assert "what Circus leaves in place of a socket with so_reuseport" in said
    assert "move the option from args to cmd" in said


def test_fd_of_one_connection(tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock, socket.create_connection(sock.getsockname()):
        accepted, _ = sock.accept()
        with accepted:
            fd = accepted.fileno()
            said = refused(ExitStatus.LISTENER, "--fd", str(fd), fds=(fd,))
    assert "is one connection, not a listening socket: inetd must say 'wait'" in said


def test_expression_of_circus_that_stayed_as_it_was(tmp_path: Path) -> None:
    for text in ("$(circus.sockets.web)", "${socket:web}"):
        said = refused(ExitStatus.LISTENER, "--fd", text)
        assert "inherited no listening socket" in said
        assert "use_sockets = True" in said
        assert "$(circus.sockets.web)" in said
    with listening("tcp", tmp_path) as one, listening("unix", tmp_path) as two:
        fds = (one.fileno(), two.fileno())
        port = one.getsockname()[1]
        said = refused(ExitStatus.LISTENER, "--fd", "${socket:web}", fds=fds)
        assert "could be any of 2 sockets: write $(circus.sockets.web)" in said
        assert f"fd {fds[0]} is 127.0.0.1:{port}" in said
        assert f"fd {fds[1]} is unix:{tmp_path}/test.sock" in said
        said = refused(ExitStatus.LISTENER, "--fd", "$(circus.sockets.nope)", fds=fds[:1])
        assert "Circus left this as it is, so it has no [socket:nope]" in said


def test_port_in_use_names_who_uses_it(tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock:
        port = sock.getsockname()[1]
        said = refused(ExitStatus.LISTENER, "--host", "127.0.0.1", "--port", str(port))
    assert f"127.0.0.1:{port} is in use" in said
    assert f"(pid {os.getpid()})" in said
    assert "choose another --port" in said


def test_unix_path_in_use_names_who_uses_it(tmp_path: Path) -> None:
    with listening("unix", tmp_path):
        said = refused(ExitStatus.LISTENER, "--bind", f"unix:{tmp_path}/test.sock")
        assert "is in use" in said
        assert f"(pid {os.getpid()})" in said
        assert (tmp_path / "test.sock").exists()


def test_unix_path_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    said = refused(ExitStatus.LISTENER, "--bind", f"unix:{tmp_path}/file")
    assert "exists and is no socket" in said
    assert (tmp_path / "file").read_text() == "precious"
    assert "does not exist: make it first" in refused(ExitStatus.LISTENER, "--bind", f"unix:{tmp_path}/no/x.sock")
    assert "longer than the 107 bytes" in refused(ExitStatus.LISTENER, "--bind", f"unix:{tmp_path}/{'x' * 108}")
    assert "no permission to write in /sys" in refused(ExitStatus.LISTENER, "--bind", "unix:/sys/x.sock")


def test_host_that_is_unknown_or_elsewhere() -> None:
    assert "this machine has no such address" in refused(ExitStatus.LISTENER, "--bind", "192.0.2.1:0")
    assert "is unknown" in refused(ExitStatus.LISTENER, "--bind", "no.such.host.invalid:0")


def test_ready_fd_that_cannot_be_told(tmp_path: Path) -> None:
    assert "--ready-fd 99 is not open. Whoever starts this process" in refused(ExitStatus.USAGE, "--ready-fd", "99")
    assert "--ready-fd: '1' is not a whole number from 3" in refused(ExitStatus.USAGE, "--ready-fd", "1")
    read, write = os.pipe()
    os.close(write)
    said = refused(ExitStatus.USAGE, "--ready-fd", str(read), fds=(read,))
    os.close(read)
    assert f"--ready-fd {read} is open for reading alone" in said
    with listening("tcp", tmp_path) as sock:
        fd = str(sock.fileno())
        for option in (("--fd", fd), ("--bind", f"fd://{fd}")):
            said = refused(ExitStatus.USAGE, "--ready-fd", fd, *option, fds=(sock.fileno(),))
            assert f"--ready-fd {fd} is a listening socket" in said


def test_watchdog_that_is_too_quick(tmp_path: Path) -> None:
    watchdog = {"NOTIFY_SOCKET": f"{tmp_path}/notify", "SYSTEMD_EXEC_PID": "", "WATCHDOG_USEC": "2000000"}
    said = refused(ExitStatus.USAGE, "behaviour:app", fds=(), cwd=APPS, **watchdog)
    assert "WatchdogSec=2 is too short for a server that tells once a second that it lives: set 3 or more." in said
