"""Fuzzing of the request reader, bounded in time: whatever comes, it is requests, a refusal, or a wait, in
any split.

As a test it runs for two seconds in a process of its own, as the fuzzer ends its process; as a program, for
as long as asked: `python tests/unit/test_http11_fuzz.py -max_total_time=600`.
"""

import subprocess
import sys

import pytest

SEEDS = (
    b"GET /a?b HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: u\r\n\r\n",
    b"PUT http://x/ HTTP/1.0\r\nHost: y\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabcGET",
)


def check(data: bytes) -> None:
    """Read the bytes at once, and one by one, and compare."""
    from unit.test_http11_reader import read, verdict

    whole = verdict(read([data]))
    assert verdict(read([bytes([byte]) for byte in data])) == whole, data


@pytest.mark.parametrize("seed", SEEDS)
def test_the_seeds(seed: bytes) -> None:
    check(seed)


def test_two_seconds_of_fuzzing() -> None:
    pytest.importorskip("atheris", reason="the fuzzer is not installed: pip install atheris")
    command = [sys.executable, __file__, "-max_total_time=2", "-max_len=400", "-verbosity=0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    import os
    import tempfile

    import atheris

    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with atheris.instrument_imports(include=["chaussette.http11"]):
        pass
    with tempfile.TemporaryDirectory() as corpus:
        for number, each in enumerate(SEEDS):
            with open(os.path.join(corpus, str(number)), "wb") as file:
                file.write(each)
        atheris.Setup([*sys.argv, corpus], check)
        atheris.Fuzz()
