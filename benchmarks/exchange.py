"""One HTTP request of `lossless`, on a raw connection: sent once, its answer read to the last byte and compared.

No HTTP library, because each of them tries again somewhere, or hides how an answer ended.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

from .release import PIECES, digest, piece, said

UPLOAD = 5 << 20
_HALF_WAY = 0.5
"""Seconds between the halves of an upload."""
_TIMEOUT = 40.0
"""Seconds for an answer: more than any drain may take."""
_LOST: dict[type[Exception], str] = {
    ConnectionRefusedError: "refused",
    FileNotFoundError: "refused",
    ConnectionResetError: "reset",
    BrokenPipeError: "reset",
    TimeoutError: "no answer in time",
}


class LostError(Exception):
    """A request that was lost: the text says how."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was whole and right."""

    worker: int
    last: bool
    """Whether it ends the connection."""


class Connection:
    """A connection to `address`, a TCP port of the loopback or the path of a unix socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        name = writer.get_extra_info("sockname")
        self.port: int = name[1] if isinstance(name, tuple) else 0

    @classmethod
    async def open(cls, address: int | str) -> "Connection":
        """Connect. Raises LostError."""
        try:
            if isinstance(address, int):
                return cls(*await asyncio.open_connection("127.0.0.1", address))
            return cls(*await asyncio.open_unix_connection(address))
        except OSError as error:
            raise LostError(_how(error)) from None

    @property
    def ended(self) -> bool:
        """Whether the server has closed it, between two requests, and we know: no request is lost by that."""
        return self._reader.at_eof() or self._reader.exception() is not None

    def close(self) -> None:
        """Close it."""
        self._writer.close()

    async def ask(self, what: str, token: str, *, keep: bool) -> Answer:
        """Send a request and read the answer. Raises LostError."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await self._ask(what, token, keep)
        except asyncio.IncompleteReadError as error:
            raise LostError("truncated" if error.partial else "empty") from None
        except (OSError, ValueError) as error:
            raise LostError(_how(error)) from None

    async def _ask(self, what: str, token: str, keep: bool) -> Answer:
        body = random.Random(token).randbytes(UPLOAD) if what == "upload" else b""
        head = (
            f"{'POST' if body else 'GET'} /{what}/{token} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n"
        )
        self._writer.write(head.encode())
        if body:
            self._writer.write(body[: UPLOAD // 2])
            await self._writer.drain()
            await asyncio.sleep(_HALF_WAY)
            self._writer.write(body[UPLOAD // 2 :])
        await self._writer.drain()
        status, headers = await self._head()
        expected = _expected(what, token, body)
        found = await self._body(headers)
        if status >= 500:
            raise LostError(f"status {status}")
        if found != expected:
            raise LostError("truncated" if expected.startswith(found) else f"wrong answer, status {status}")
        options = {each.strip() for each in headers.get("connection", "").lower().split(",")}
        kept = "close" not in options and headers["version"] == "HTTP/1.1"
        return Answer(int(headers["x-worker"]), not kept)

    async def _head(self) -> tuple[int, dict[str, str]]:
        try:
            lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except asyncio.LimitOverrunError:
            raise LostError("wrong answer") from None
        version, status = lines[0].split(" ")[:2]
        fields: dict[str, str] = {"version": version}
        for name, _, value in (line.partition(":") for line in lines[1:] if line):
            before = fields.get(name.lower())  # lines of one name are one list, RFC 9110, section 5.2
            fields[name.lower()] = f"{before}, {value.strip()}" if before else value.strip()
        return int(status), fields

    async def _body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        blocks = self._chunks() if "transfer-encoding" in headers else self._rest()
        return b"".join([block async for block in blocks])

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            yield await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readuntil(b"\r\n")

    async def _rest(self) -> AsyncIterator[bytes]:
        while block := await self._reader.read(1 << 16):
            yield block


def _expected(what: str, token: str, body: bytes) -> bytes:
    if what == "upload":
        return digest(token, [body])
    if what == "stream":
        return b"".join(piece(token, number) for number in range(PIECES))
    return said(token)


def _how(error: Exception) -> str:
    return _LOST.get(type(error), f"{type(error).__name__}: {error}")
