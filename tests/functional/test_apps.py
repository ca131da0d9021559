"""Every way to name an app is served, and a few things that belong to the app's side of the command."""

import json
import os
import signal
from pathlib import Path

import pytest

from chaussette.errors import ExitStatus
from live import APPS, ROOT, chaussette, client, get, listening


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (["variety"], b"variety"),
        (["variety:variety"], b"variety"),
        (["variety.variety"], b"variety"),
        (["variety:site"], b"an instance"),
        (["variety.site.__call__"], b"an instance"),
        (["variety:Site()"], b"an instance"),
        (["variety:Once"], b"an iterable"),
        (["variety:create_app()"], b"made"),
        (["variety.create_app()"], b"made"),
        (["variety:create_app('prod', loud=True)"], b"PROD"),
        (["--factory", "variety:create_app"], b"made"),
        (["pack.site"], b"the package's site"),
        (["pack:site"], b"the package's site"),
        (["variety.py:site"], b"an instance"),
        (["./variety.py"], b"variety"),
        (["pack/__init__.py:site"], b"the package's site"),
        (["variety:arguments", "one", "two"], b"one two"),
        (["variety:arguments", "--", "--port", "x"], b"--port x"),
        (["chaussette.util.hello_app"], b"hello world\n"),
        ([], b"hello world\n"),
    ],
    ids=str,
)
def test_app_is_served(arguments: list[str], body: bytes, tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock:
        with chaussette("--fd", str(sock.fileno()), *arguments, fds=[sock.fileno()]) as process:
            assert get(sock) == (200, body)
            assert process.terminate() == 0


def test_file_elsewhere_and_python_path(tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock:
        fd, fds = str(sock.fileno()), [sock.fileno()]
        with chaussette("--fd", fd, f"{APPS}/variety.py:site", fds=fds, cwd=tmp_path) as process:
            assert get(sock)[1] == b"an instance"
            assert process.terminate() == 0
        with chaussette("--fd", fd, "--python-path", f"/nowhere,{APPS}", "variety", fds=fds, cwd=tmp_path) as process:
            assert get(sock)[1] == b"variety"
            assert process.terminate() == 0


def test_options_from_the_environment_and_a_file(tmp_path: Path) -> None:
    """The command line wins over the environment, and the environment over the file."""
    file = tmp_path / "web.toml"
    file.write_text(f'backend = "gevent"\nlog-level = "warning"\ngraceful-timeout = 7\nbind = ["unix:{tmp_path}/a"]\n')
    with listening("tcp", tmp_path) as sock:
        arguments = ("--config", str(file), "--fd", str(sock.fileno()), "--log-level", "info", "variety")
        with chaussette(*arguments, fds=[sock.fileno()], CHAUSSETTE_BACKEND="wsgiref") as process:
            assert get(sock)[1] == b"variety"
            assert get(f"{tmp_path}/a")[1] == b"variety"
            process.signal(signal.SIGTERM)
            process.wait_for("for 7 seconds at most")
            assert process.ended() == 0
            assert "_wsgiref.Server" in process.log


def test_hooks_run_around_the_serving_with_the_names_of_1_3(tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text(
        "def before(args):\n    print('before', args.application, args.loglevel, args.backend, flush=True)\n"
        "def after(args):\n    print('after', args.logoutput, flush=True)\n"
        "def wrong(args):\n    raise OSError('no cache')\n"
    )
    with listening("tcp", tmp_path) as sock:
        fd, fds = str(sock.fileno()), [sock.fileno()]
        hooks = ("--pre-hook", "hooks.before", "--post-hook", "hooks:after", "--python-path", str(tmp_path))
        with chaussette("--fd", fd, *hooks, "variety", fds=fds) as process:
            assert get(sock)[0] == 200
            assert "after" not in process.log.split("Running the pre-hook")[1]
            assert process.terminate() == 0
            process.wait_for("before variety info waitress")
            process.wait_for("after -")
        with chaussette("--fd", fd, "--pre-hook", "hooks:wrong", *hooks[4:], "variety", fds=fds) as process:
            assert process.ended() == 3
            assert "--pre-hook hooks:wrong raised OSError: no cache" in process.log


def test_command_line_of_1_3_warns_and_serves(tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock:
        old = (
            "--port 8080 --address-family AF_INET --socket-type SOCK_STREAM --backlog 100 --backend waitress "
            "--no-monkey --graceful-timeout 5 --log-level INFO --log-output -"
        )
        with chaussette("--fd", str(sock.fileno()), *old.split(), "variety", fds=[sock.fileno()]) as process:
            assert get(sock)[0] == 200
            for option in ("--port", "--address-family", "--socket-type", "--backlog", "--no-monkey"):
                process.wait_for(f"[WARNING] {option}")
            assert process.terminate() == 0


def test_what_changes_nothing_is_warned_of(tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock:
        options = ("--backend", "wsgiref", "--unix-mode", "660", "--keep-alive-grace", "3", "variety")
        with chaussette("--fd", str(sock.fileno()), *options, fds=[sock.fileno()]) as process:
            assert get(sock)[0] == 200
            process.wait_for("[WARNING] --unix-mode is not used")
            process.wait_for("[WARNING] --keep-alive-grace is not used: wsgiref")
            assert process.terminate() == 0


def test_host_takes_what_1_3_took(tmp_path: Path) -> None:
    with chaussette("--address-family", "AF_UNIX", "--host", f"unix:{tmp_path}/old.sock", "variety") as process:
        process.wait_for(f"Serving on unix:{tmp_path}/old.sock")
        assert get(f"{tmp_path}/old.sock")[0] == 200
        assert process.terminate() == 0
    assert not (tmp_path / "old.sock").exists()


def test_abstract_socket_and_mode_and_stale_file(tmp_path: Path) -> None:
    name = f"chaussette-test-{os.getpid()}"
    path = tmp_path / "stale.sock"
    with listening("unix", tmp_path):
        (tmp_path / "test.sock").rename(path)
    binds = ("--bind", f"unix:@{name}", "--bind", f"unix:{path}", "--unix-mode", "600")
    with chaussette(*binds, "variety") as process:
        process.wait_for("Using")
        assert "--unix-mode" not in process.log
        assert get("\0" + name)[0] == 200
        assert get(str(path))[0] == 200
        assert path.stat().st_mode & 0o777 == 0o600
        assert process.terminate() == 0


def test_successors_socket_file_is_left_alone(tmp_path: Path) -> None:
    """Two releases that overlap on one path: the old one must not remove the socket of the new one."""
    path = tmp_path / "web.sock"
    with chaussette("--bind", f"unix:{path}", "variety") as old:
        old.wait_for("Using")
        path.unlink()
        with chaussette("--bind", f"unix:{path}", "variety") as new:
            new.wait_for("Using")
            assert get(str(path))[0] == 200
            assert old.terminate() == 0
            assert get(str(path))[0] == 200


def test_log_file_has_it_all(tmp_path: Path) -> None:
    file = tmp_path / "web.log"
    with listening("tcp", tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "--log-output", str(file))
        with chaussette(*options, "behaviour:app", fds=[sock.fileno()]) as process:
            assert get(sock, "/boom")[0] == 500
            assert process.terminate() == 0
            assert process.log == ""
    log = file.read_text()
    assert f"[{process.pid}] [INFO] Serving on fd://" in log
    assert "RuntimeError: the app says boom" in log


def test_backends_table_and_version() -> None:
    with chaussette("backends") as process:
        assert process.ended() == 0
        for name in ("gevent", "meinheld", "waitress", "wsgiref"):
            assert f"\n{name} " in process.log
        assert "chaussette install meinheld" in process.log
    with chaussette("--version") as process:
        assert process.ended() == 0
        assert process.log.startswith("chaussette 2.")


def test_all_that_is_known_of_one_engine() -> None:
    with chaussette("backends", "wsgiref") as process:
        assert process.ended() == 0
        assert process.log.startswith("wsgiref: the standard library's reference server")
        for words in (
            "tcp/tcp6/unix",
            "has streaming",
            "but cannot read chunked request bodies",
        ):
            assert words in " ".join(process.log.split())  # how wide its columns are depends on what else it tells
    with chaussette("backends", "meinhed") as process:
        assert process.ended() == ExitStatus.BACKEND
        assert "Did you mean meinheld?" in process.log


def test_engine_that_accepts_ambiguous_framing_is_announced(tmp_path: Path) -> None:
    for backend, announced in (("bjoern", True), ("meinheld", True), ("fast", False)):
        with listening("tcp", tmp_path) as sock:
            options = ("--fd", str(sock.fileno()), "--backend", backend, "variety")
            with chaussette(*options, fds=[sock.fileno()]) as process:
                assert get(sock)[1] == b"variety"
                assert process.terminate() == ExitStatus.OK
                said = f"{backend} accepts ambiguous framing: not behind an untrusting proxy"
                assert (said in process.log) is announced


def test_engine_of_a_third_party_by_entry_point(tmp_path: Path) -> None:
    (tmp_path / "their_engine.py").write_text(
        "from chaussette.backend._wsgiref import Server as Base\nclass Server(Base): pass\n"
    )
    info = tmp_path / "their_engine-3.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-engine\nVersion: 3.2\n")
    (info / "entry_points.txt").write_text("[chaussette.backends]\ntheirs = their_engine:Server\n")
    with listening("tcp", tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "--backend", "theirs", "variety")
        with chaussette(*options, fds=[sock.fileno()], PYTHONPATH=str(tmp_path)) as process:
            assert get(sock)[1] == b"variety"
            process.wait_for("Using <class 'their_engine.Server'> as a backend")
            assert process.terminate() == 0
    with chaussette("backends", PYTHONPATH=str(tmp_path)) as process:
        assert process.ended() == 0
        assert "theirs" in process.log
        assert "pip install their-engine" in process.log


def test_reloader_serves_the_new_source_on_the_same_socket(tmp_path: Path) -> None:
    source = (ROOT / "tests/apps/variety.py").read_text()
    app = tmp_path / "changing.py"
    app.write_text(source.replace("def variety", "def changing"))
    with listening("tcp", tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "--use-reloader", "changing")
        with chaussette(*options, fds=[sock.fileno()], cwd=tmp_path) as process:
            assert get(sock)[1] == b"variety"
            app.write_text(app.read_text().replace('b"variety"', 'b"changed"'))
            process.wait_for("Restarting: changing.py")
            process.wait_for("Using", times=2)
            assert get(sock)[1] == b"changed"
            app.write_text("def changing(")
            process.wait_for("SyntaxError")
            app.write_text(source.replace("def variety", "def changing").replace('b"variety"', 'b"mended"'))
            assert get(sock)[1] == b"mended"
            assert process.terminate() == 0


def test_make_server_as_code_knows_it_from_1_3(tmp_path: Path) -> None:
    from threading import Thread

    from chaussette.server import make_server

    def app(environ: object, start_response: object) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])  # type: ignore[operator]
        return [json.dumps({"made": True}).encode()]

    with listening("tcp", tmp_path) as sock:
        server = make_server(app, host=f"fd://{os.dup(sock.fileno())}", backend="wsgiref")
        thread = Thread(target=server.serve_forever)
        thread.start()
        with client(sock) as connection:
            connection.request("GET", "/")
            assert json.load(connection.getresponse()) == {"made": True}
        server.shutdown()
        thread.join(30)
        assert not thread.is_alive()
        server.close()
