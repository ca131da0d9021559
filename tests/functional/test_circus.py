"""A real circusd, with the configuration that Chaussette's users have, and what they do to it."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from live import APPS, ROOT, Gate
from managers import SERVER, Circus, Network, Visitor, alone, circusd, who_answers

pytestmark = pytest.mark.timeout(240)  # a dozen commands in a row, each slow where others use the machine too

CONFIG = """\
[circus]
endpoint = tcp://127.0.0.1:5555
pubsub_endpoint = tcp://127.0.0.1:5556
stats_endpoint = tcp://127.0.0.1:5557

[watcher:web]
cmd = chaussette --fd ${socket:web} --backend meinheld server.app
use_sockets = True
numprocesses = 5

[socket:web]
host = 0.0.0.0
port = 8000
"""
"""What Chaussette's first manual printed."""
ADDED = "copy_env = True\n"
"""What today's Circus needs to find the program beside that: it gives a worker no PATH otherwise."""
TODAY = CONFIG.replace("numprocesses = 5\n", "numprocesses = 5\n" + ADDED)
PORTS = {"web": 8000, "admin": 8001, "one": 8002, "two": 8003, "stdin": 8004}


def config(*watchers: str, sockets: str = "[socket:web]\nport = 8000\n") -> str:
    """A configuration of watchers, each with what all of them need, and sockets."""
    circus = CONFIG[: CONFIG.index("[watcher")]
    return circus + "".join(f"{watcher}\nuse_sockets = True\n{ADDED}\n" for watcher in watchers) + sockets


def quick(config: str) -> str:
    """The configuration of a circusd that looks after its workers each second, not each fifth: a test is over sooner."""
    return config.replace("[circus]\n", "[circus]\ncheck_delay = 1\n")


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network() as made:
        yield made


@pytest.fixture
def own_network() -> Iterator[Network]:
    with Network() as made:
        yield made


@pytest.fixture(scope="module")
def circus(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Circus]:
    with circusd(TODAY, tmp_path_factory.mktemp("circus"), network) as made:
        yield made


@pytest.mark.parametrize("place", ["README.md", "examples/circus-first-manual/circus.ini"])
def test_this_is_the_configuration_that_is_shown(place: str) -> None:
    text = (ROOT / place).read_text()
    shown = re.findall(r"```ini\n(.*?)```", text, re.DOTALL) if place.endswith(".md") else [text]
    assert TODAY in [re.sub(r"(?m)^[;#].*\n", "", each) for each in shown]


def test_without_the_added_line_circus_does_not_find_the_program(own_network: Network, tmp_path: Path) -> None:
    with circusd(CONFIG, tmp_path, own_network) as circus:
        circus.process.wait_for("No such file or directory: 'chaussette'")
        assert "web: stopped" in circus.ctl("status")


def test_all_five_answer(circus: Circus, network: Network) -> None:
    workers = circus.workers()
    assert len(workers) == 5
    assert who_answers(network.get, workers) == workers
    circus.process.wait_for("Using <class 'chaussette.backend._meinheld.Server'> as a backend", times=5)


def test_circusctl_changes_the_workers_and_no_request_is_lost(circus: Circus, network: Network) -> None:
    change_everything(circus, network, 5)


@pytest.mark.parametrize("backend", ["waitress", "gevent"])
def test_no_request_is_lost_on(backend: str, own_network: Network, tmp_path: Path) -> None:
    command = f"chaussette --fd $(circus.sockets.web) --backend {backend} server:app"
    with circusd(config(f"[watcher:web]\ncmd = {command}\nnumprocesses = 2"), tmp_path, own_network) as circus:
        change_everything(circus, own_network, 2)


def change_everything(circus: Circus, network: Network, count: int) -> None:
    """More workers, fewer, other ones, twice; a client asks all the time, and each of its requests is answered."""
    before = circus.workers()
    with Visitor(network.get) as visitor:
        visitor.meets(before)
        assert circus.ctl("incr", "web", "--waiting") == str(count + 1)
        more = circus.workers()
        assert before < more
        assert len(more) == count + 1
        visitor.meets(more)
        assert circus.ctl("decr", "web", "--waiting") == str(count)
        fewer = circus.workers()
        assert fewer < more
        assert len(fewer) == count
        visitor.meets(fewer)
        for command in ("reload", "restart"):
            old = circus.workers()
            assert circus.ctl(command, "web", "--waiting") == "ok"
            new = circus.workers()
            assert len(new) == count
            assert not new & old
            visitor.meets(new)
    workers = circus.workers()
    assert who_answers(network.get, workers) == workers


def test_a_killed_worker_fails_its_own_request_alone_and_comes_back(own_network: Network, tmp_path: Path) -> None:
    made = quick(TODAY).replace("server.app", "behaviour.app")
    gate = Gate(tmp_path)
    with circusd(made, tmp_path, own_network, GATE=gate.path, PYTHONPATH=str(APPS)) as circus:
        workers = circus.workers()
        victim, *others = workers
        with alone(victim, workers):
            with own_network.client() as running, own_network.client() as queued:
                running.request("GET", "/hold")
                gate.wait()
                queued.request("GET", "/")  # one at a time: meinheld leaves it in the accept queue
                os.kill(victim, signal.SIGKILL)
                with pytest.raises(ConnectionError):
                    running.getresponse()
                heir = int(queued.getresponse().read())
        assert heir not in workers
        assert circus.workers() == {*others, heir}
        assert who_answers(own_network.get, {*others, heir}) == {*others, heir}
    gate.close()


def test_every_way_to_name_a_socket(own_network: Network, tmp_path: Path) -> None:
    """Several sockets and watchers in one circusd; each worker inherits all of the sockets."""
    made = config(
        "[watcher:dollar]\ncmd = chaussette --fd $(circus.sockets.web) server:app",
        "[watcher:round]\ncmd = chaussette --fd ((circus.sockets.admin)) --backend gevent server:app",
        "[watcher:both]\ncmd = chaussette\n"
        "args = --bind fd://$(circus.sockets.one) --bind fd://$(circus.sockets.two) --backend meinheld server:app",
        "[watcher:stdin]\ncmd = chaussette --fd 0 server:app\nstdin_socket = stdin",
        "[watcher:old]\ncmd = chaussette --fd ${socket:web} server:app",
        "[watcher:typo]\ncmd = chaussette --fd $(circus.sockets.nope) server:app",
        sockets="".join(f"[socket:{name}]\nport = {port}\n" for name, port in PORTS.items()),
    )
    with circusd(made, tmp_path, own_network) as circus:
        served = {"dollar": ["web"], "round": ["admin"], "both": ["one", "two"], "stdin": ["stdin"]}
        for watcher, sockets in served.items():
            (pid,) = circus.workers(watcher)
            for name in sockets:
                assert int(own_network.get(PORTS[name])) == pid
        old = circus.process.wait_for("--fd ${socket:web} could be any of 5 sockets: write $(circus.sockets.web).")
        typo = circus.process.wait_for(
            "--fd $(circus.sockets.nope): Circus left this as it is, so it has no [socket:nope]"
        )
        for port in PORTS.values():
            assert re.search(rf"fd \d+ is (0\.0\.0\.0|127\.0\.0\.1):{port}\b", old)
            assert f":{port}" in typo


def test_reuseport_placeholder_is_refused(own_network: Network, tmp_path: Path) -> None:
    watcher = "[watcher:web]\ncmd = chaussette\nargs = --fd $(circus.sockets.web) server:app"
    made = config(watcher, sockets="[socket:web]\nport = 8000\nso_reuseport = True\n")
    with circusd(made, tmp_path, own_network) as circus:
        circus.process.wait_for("is what Circus leaves in place of a socket with so_reuseport = True")


def test_broken_app_is_no_restart_loop_and_serves_at_once_when_repaired(own_network: Network, tmp_path: Path) -> None:
    """Under a circusd that is itself a service of systemd: what systemd set for that one is not meant for its workers."""
    app = tmp_path / "server.py"
    app.write_text("import no_such_module\n")
    watcher = "[watcher:web]\ncmd = chaussette --fd $(circus.sockets.web) server:app"
    systemd = {"INVOCATION_ID": "0123456789abcdef0123456789abcdef", "SYSTEMD_EXEC_PID": str(os.getpid())}
    with circusd(quick(config(watcher)), tmp_path, own_network, **systemd) as circus:
        circus.process.wait_for("Waiting", times=3)
        waits = [int(seconds) for seconds in re.findall(r"Waiting (\d+) s before exiting", circus.process.log)]
        assert circus.process.log.count("[ERROR] server:app") == len(waits) == 3
        assert waits[0] == 1
        assert waits == sorted(waits)
        assert waits[2] > waits[1]
        with own_network.client() as queued:
            queued.request("GET", "/")
            app.write_text(SERVER)
            assert circus.ctl("reload", "web", "--waiting") == "ok"
            assert {int(queued.getresponse().read())} == circus.workers()
    assert not list(tmp_path.glob("chaussette-failing-*"))
