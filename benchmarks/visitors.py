"""The clients of `lossless`, a process of their own: `python -m benchmarks.visitors ADDRESS`.

They never try a request again. What they are to do comes as lines of JSON on the standard input, and each line is answered by
one on the standard output when it is done: see `Visitors.obey`. `Load` is the other end, for who runs the scenario.
"""

import asyncio
import itertools
import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any, Self

from .exchange import Answer, Connection, LostError

THINKING = (0.0, 0.001, 0.01, 0.05, 0.2)
"""Seconds between two requests of a connection, in turns: how close to a drain a request comes must vary."""
_PAUSE = 0.02
"""Seconds that a client rests that connects anew."""
_PATIENCE = 90.0
"""Seconds that they are given to do something."""


class Visitors:
    """All clients, and what happened to their requests."""

    def __init__(self, address: int | str) -> None:
        self._address = address
        self._tokens = itertools.count()
        self._sent = 0
        self._lost: Counter[str] = Counter()
        self._ports: list[int] = []
        self._last = 0
        self._workers: Counter[int] = Counter()
        self._seconds: list[float] = []
        self._stopped = False
        self._clients: list[asyncio.Task[Any]] = []
        self._parked: list[Connection] = []

    async def obey(self, do: str, **how: Any) -> Any:
        """Do what one line says."""
        return await getattr(self, f"_do_{do}")(**how)

    async def _do_greet(self) -> None:
        """Wait for a first answer, which counts for nothing."""
        while True:
            try:
                connection = await Connection.open(self._address)
                await connection.ask("say", "hello", keep=False)
            except LostError:
                await asyncio.sleep(_PAUSE)
            else:
                return

    async def _do_visit(self, keep: int = 0, anew: int = 0, **others: int) -> None:
        """Ask all the time from now on: `keep` clients on a connection that they keep, `anew` that connect each time, and
        of others so many for each kind of request."""
        self._stopped = False
        thinking = (THINKING[index % len(THINKING) :] + THINKING[: index % len(THINKING)] for index in range(keep))
        self._clients = [asyncio.create_task(self._keep(each)) for each in thinking]
        for what, count in {"say": anew, **others}.items():
            self._clients += [asyncio.create_task(self._anew(what)) for _ in range(count)]

    async def _do_stop(self) -> None:
        """End that, after the answers that are owed."""
        self._stopped = True
        await asyncio.gather(*self._clients)

    async def _do_begin(self, what: str, count: int) -> None:
        """Begin requests that are one each."""
        self._stopped = True
        self._clients += [asyncio.create_task(self._once(what)) for _ in range(count)]

    async def _do_park(self, count: int) -> None:
        """Open connections, and have one answer on each."""
        opened = await asyncio.gather(*(self._open() for _ in range(count)))
        self._parked = [each for each in opened if each is not None]
        await asyncio.gather(*(self._ask(each, "say", keep=True) for each in self._parked))

    async def _do_spread(self, seconds: float, until: float) -> int:
        """Send one request on each of those connections, at random moments of the next `seconds`, but none after `until`, a
        time of the system's monotonic clock. Returns how many that left out: on a busy machine, who is to ask may come late."""
        asked = 0

        async def later(connection: Connection) -> None:
            nonlocal asked
            await asyncio.sleep(random.uniform(0, seconds))
            if time.monotonic() < until:
                asked += 1
                await self._ask(connection, "say", keep=True)
            connection.close()

        await asyncio.gather(*(later(each) for each in self._parked))
        return len(self._parked) - asked

    async def _do_flood(self, connections: int, requests: int, keep: bool) -> None:
        """As many requests as the server can take, on connections that are all open at once."""
        left = iter(range(requests))

        async def one() -> None:
            connection = await self._open() if keep else None
            for _ in left:
                if not keep:
                    await self._once("say")
                elif connection is not None and not await self._ask(connection, "say", keep=True):
                    return

        await asyncio.gather(*(one() for _ in range(connections)))

    async def _do_tally(self) -> dict[str, Any]:
        """What happened since this was asked last."""
        seconds = sorted(self._seconds)
        told = {
            "sent": self._sent,
            "lost": dict(self._lost),
            "ports": self._ports,
            "last": self._last,
            "workers": {str(worker): count for worker, count in self._workers.items()},
            "p50_ms": seconds[len(seconds) // 2] * 1e3 if seconds else 0.0,
            "p99_ms": seconds[len(seconds) * 99 // 100] * 1e3 if seconds else 0.0,
            "max_ms": seconds[-1] * 1e3 if seconds else 0.0,
        }
        self._sent, self._last, self._seconds, self._ports = 0, 0, [], []
        self._lost.clear()
        self._workers.clear()
        return told

    async def _keep(self, thinking: tuple[float, ...]) -> None:
        connection: Connection | None = None
        for seconds in itertools.cycle(thinking):
            if self._stopped:
                break
            connection = connection or await self._open()
            if connection is not None:
                answer = await self._ask(connection, "say", keep=True)
                if answer is None or answer.last:
                    connection.close()
                    connection = None
            await asyncio.sleep(seconds)
            if connection is not None and connection.ended:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    async def _anew(self, what: str) -> None:
        while not self._stopped:
            await self._once(what)
            await asyncio.sleep(_PAUSE)

    async def _once(self, what: str) -> None:
        start = time.monotonic()
        connection = await self._open()
        if connection is None:
            return
        await self._ask(connection, what, keep=False, start=start)
        connection.close()

    async def _open(self) -> Connection | None:
        try:
            return await Connection.open(self._address)
        except LostError as lost:  # a request would have been the next
            self._sent += 1
            self._lost[str(lost)] += 1
            await asyncio.sleep(_PAUSE)
            return None

    async def _ask(self, connection: Connection, what: str, *, keep: bool, start: float | None = None) -> Answer | None:
        start = start or time.monotonic()
        self._sent += 1
        try:
            answer = await connection.ask(what, f"t{next(self._tokens)}", keep=keep)
        except LostError as lost:
            self._lost[str(lost)] += 1
            self._ports.append(connection.port)
            return None
        self._seconds.append(time.monotonic() - start)
        self._workers[answer.worker] += 1
        self._last += answer.last
        return answer


class Load:
    """A process of visitors, and what they are told to do."""

    def __init__(self, address: int | str, errors: int) -> None:
        command = [sys.executable, "-m", "benchmarks.visitors", json.dumps(address)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)

    def __call__(self, do: str, **how: Any) -> Any:
        """Tell them to do something; returns when it is done. Raises RuntimeError if they cannot."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **how}).encode() + b"\n")
        self._process.stdin.flush()
        timer = threading.Timer(_PATIENCE, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        timer.cancel()
        if not line:
            raise RuntimeError(f"the visitors ended, or did not end, when told to {do}")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ignored: object) -> None:
        self._process.kill()
        self._process.communicate()


async def _main(address: int | str) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    visitors = Visitors(address)
    while line := await lines.readline():
        print(json.dumps(await visitors.obey(**json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(json.loads(sys.argv[1])))
