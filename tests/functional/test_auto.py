"""`--backend auto`: the log says what was taken and why, and it serves."""

import sys
from pathlib import Path

import pytest

from chaussette.errors import ExitStatus
from live import APPS, ROOT, Process, chaussette, get, listening

PATCHED = "from gevent import monkey\nmonkey.patch_all()\nfrom chaussette.demo import hello_app as app\n"


@pytest.mark.parametrize(
    ("app", "options", "taken"),
    [
        ("behaviour:app", (), "fast for this WSGI app: it is strict"),
        ("behaviour:app", ("--spawn", "10"), "fastgevent for this WSGI app: it is strict, has greenlets"),
        ("asynchronous:app", (), "uvicorn for this ASGI app: "),
        ("native:app", (), "tornado for this Tornado app: "),
        ("patched:app", (), "fastgevent for this WSGI app: "),
    ],
)
def test_the_best_for_the_kind_of_app_serves(app: str, options: tuple[str, ...], taken: str, tmp_path: Path) -> None:
    (tmp_path / "patched.py").write_text(PATCHED)
    # What the engine imports must not be the app's, though the app comes first.
    (tmp_path / "h11.py").write_text("raise ImportError('the app has this')\n")
    words = ("--python-path", f"{tmp_path}:{APPS}", "--backend", "auto", *options, app)
    with listening("tcp", tmp_path) as sock:
        with chaussette("--fd", str(sock.fileno()), *words, fds=[sock.fileno()], cwd=tmp_path) as process:
            assert get(sock)[0] == 200
            assert process.terminate() == ExitStatus.OK
            assert f"--backend auto takes {taken}" in process.log
            assert f"chaussette.backend._{taken.partition(' ')[0]}.Server" in process.log


@pytest.mark.parametrize(
    ("app", "options", "cure"),
    [
        ("asynchronous:app", (), "pip install 'chaussette[uvicorn]'"),
        ("behaviour:app", ("--spawn", "5"), "pip install 'chaussette[fastgevent]'"),
    ],
)
def test_an_app_for_which_nothing_is_installed_is_refused(app: str, options: tuple[str, ...], cure: str) -> None:
    """With Chaussette alone: the engines are hidden, as they are when nobody installed them."""
    hide = "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]; sys.path.insert(0, sys.argv.pop(1))"
    command = (sys.executable, "-S", "-c", f"{hide}; from chaussette.cli import main; main()", str(ROOT / "src"))
    with Process([*command, "--bind", "127.0.0.1:0", "--backend", "auto", *options, app]) as process:
        assert process.ended() == ExitStatus.BACKEND
        assert f"--backend auto: no engine that would fit is installed: {cure}" in process.log
        assert "Traceback" not in process.log


def test_the_order_is_shown() -> None:
    with chaussette("backends", "auto") as process:
        assert process.ended() == ExitStatus.OK
        assert "WSGI  fast " in process.log
        assert "ASGI  uvicorn " in process.log


def test_a_manager_is_given_it_too() -> None:
    with chaussette("config", "circus", "--backend", "auto", "behaviour:app") as process:
        assert process.ended() == ExitStatus.OK
        assert "--backend=auto" in process.log
