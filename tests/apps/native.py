"""A Tornado app, a path for each behaviour that a server is tested for."""

import asyncio
import os

from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler


async def _gate() -> None:
    reader, writer = await asyncio.open_unix_connection(os.environ["GATE"])
    await reader.read(2)
    writer.close()


class Root(RequestHandler):
    def get(self) -> None:
        self.write(b"%d\n" % os.getpid())


class Hold(RequestHandler):
    async def get(self) -> None:
        await _gate()
        self.write("held")


class Stream(RequestHandler):
    async def get(self) -> None:
        self.write("first")
        await self.flush()
        await _gate()
        self.write("second")


class Echo(RequestHandler):
    def post(self) -> None:
        self.write(self.request.body)


class Boom(RequestHandler):
    def get(self) -> None:
        raise RuntimeError("the app says boom")


class Talk(WebSocketHandler):
    async def on_message(self, message: str | bytes) -> None:
        await self.write_message(message)


app = Application(
    [("/", Root), ("/hold", Hold), ("/stream", Stream), ("/echo", Echo), ("/boom", Boom), ("/talk", Talk)]
)
