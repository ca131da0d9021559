"""What only granian's glue has to see to: each listener has a worker of its own, with threads of its own."""

from pathlib import Path

import pytest

from live import Gate, chaussette, client, listening


def test_threads_are_those_of_all_listeners_together(tmp_path: Path, gate: Gate) -> None:
    with listening("tcp", tmp_path) as tcp, listening("unix", tmp_path) as unix:
        fds = [tcp.fileno(), unix.fileno()]
        options = ("--backend", "granian", "--threads", "1", "--fd", str(fds[0]), "--fd", str(fds[1]), "behaviour:app")
        with chaussette(*options, fds=fds, GATE=gate.path) as process:
            with client(tcp) as one, client(unix) as two:
                one.request("GET", "/hold")
                gate.wait()
                two.request("GET", "/hold")
                with pytest.raises(TimeoutError):
                    gate.wait(0.5)  # seconds that what should not come is waited for
                gate.open()
                assert one.getresponse().status == 200
                gate.wait()
                gate.open()
                assert two.getresponse().status == 200
            assert process.terminate() == 0
