"""The app of `release` as a Tornado app: the same answers, on Tornado's own loop."""

import asyncio
import os

from tornado.web import Application, RequestHandler

from .release import PIECES, STREAM_SECONDS, WAIT_SECONDS, digest, piece, ring, said


class _Handler(RequestHandler):
    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "text/plain")
        self.set_header("X-Worker", str(os.getpid()))


class _Say(_Handler):
    def get(self, token: str) -> None:
        self.write(said(token))


class _Wait(_Handler):
    async def get(self, token: str) -> None:
        ring(token)
        await asyncio.sleep(WAIT_SECONDS)
        self.write(said(token))


class _Stream(_Handler):
    async def get(self, token: str) -> None:
        for number in range(PIECES):
            self.write(piece(token, number))
            await self.flush()
            await asyncio.sleep(STREAM_SECONDS / PIECES)


class _Upload(_Handler):
    def post(self, token: str) -> None:
        self.write(digest(token, [self.request.body]))

    put = post


app = Application(
    [(r"/say/(.+)", _Say), (r"/wait/(.+)", _Wait), (r"/stream/(.+)", _Stream), (r"/upload/(.+)", _Upload)]
)
