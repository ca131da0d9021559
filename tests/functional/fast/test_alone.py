"""Both engines as their docstrings say, and without the rest of Chaussette, which they know nothing of."""

import shutil
import sys
from pathlib import Path

import pytest

import chaussette
from functional.fast.serving import HERE
from live import Process, get, listening

ALONE = """
import signal, socket, sys
from chaussette.engine.{engine} import Server, Settings, Site
from wsgi_apps import app

server = Server(app, [Site(socket.socket(fileno={fd}))], settings=Settings(grace=0.1))
signal.signal(signal.SIGTERM, lambda number, frame: server.shutdown())
print(sys.modules["chaussette"].__file__, flush=True)
server.serve()
print("drained", flush=True)
"""


@pytest.mark.parametrize("engine", ["threads", "greenlets"])
def test_an_engine_serves_an_app_on_a_socket(engine: str, tmp_path: Path) -> None:
    for room in ("engine", "http11"):
        shutil.copytree(Path(chaussette.__file__).parent / room, tmp_path / "chaussette" / room)
    (tmp_path / "chaussette" / "__init__.py").touch()
    with listening() as listener:
        fd = listener.fileno()
        command = [sys.executable, "-c", ALONE.format(engine=engine, fd=fd)]
        with Process(command, fds=[fd], cwd=HERE, env={"PYTHONPATH": str(tmp_path)}) as process:
            assert get(listener, "/hello") == (200, b"hello")
            process.wait_for(f"{tmp_path}/chaussette/__init__.py")
            assert process.terminate() == 0
            assert "drained" in process.log
