"""Pages of other rooms on the port, and answers that go on: sent as they come, one piece ahead at most, ended well."""

from __future__ import annotations

import asyncio
import socket

import pytest

from door_support import Doorway
from footfall.collect.connection import Connection
from footfall.collect.pages import Further
from footfall.collect.streaming import StreamAnswer
from footfall.collect.wire.contract import TEXT, Answer


def run(main):
    return asyncio.run(asyncio.wait_for(main, 20))


class Source:
    """Pieces on demand: how many were asked for, and whether the generator was closed."""

    def __init__(self, count=None):
        self.count = count
        self.made = 0
        self.closed = 0
        self.more = asyncio.Event()

    async def pieces(self):
        try:
            while self.count is None or self.made < self.count:
                await self.more.wait()
                self.made += 1
                yield b"piece %d\n" % self.made
        finally:
            self.closed += 1


def further(source):
    async def stream(_):
        return StreamAnswer(200, headers=(TEXT,), pieces=source.pieces())

    async def later(asked):
        await asyncio.sleep(0)
        return Answer(200, f"below {asked.path}".encode(), (TEXT,))

    async def metrics():
        return "further_things 7\n"

    pages = {"/stream": stream, "/long/exact": lambda _: Answer(200, b"exact", (TEXT,))}
    return Further(pages, {"/long/": later, "/long/er/": lambda _: Answer(200, b"longer", (TEXT,))}, {"/stream": {"get": {}}}, metrics, lambda: None)


class Client:
    """Listens to a stream; takes a message only when `ready` is set, and goes when `gone` is."""

    def __init__(self, door, path="/stream"):
        self.messages = []
        self.ready = asyncio.Event()
        self.ready.set()
        self.gone = asyncio.Event()
        self.came = asyncio.Event()
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": [(b"origin", b"https://a.example")],
            "client": ("127.0.0.1", 1),
        }
        self.task = asyncio.create_task(door.door(scope, self.receive, self.send))

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        await self.ready.wait()
        self.messages.append(message)
        self.came.set()

    @property
    def bodies(self):
        return [message["body"] for message in self.messages[1:] if message["body"]]

    async def until(self, condition):
        while not condition():
            self.came.clear()
            await self.came.wait()


def test_pages_of_other_rooms_are_shown_measured_and_described(tmp_path):
    async def main():
        async with Doorway(tmp_path, further=further(Source())) as door:
            bodies = [(await door.ask(path, method="GET")).body for path in ("/long/exact", "/long/x/y", "/long/er/x")]
            assert bodies == [b"exact", b"below /long/x/y", b"longer"]
            head = await door.ask("/long/x", method="HEAD")
            assert (head.status, head.body) == (200, b"")
            refused = await door.ask("/long/x")
            assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")
            assert (await door.ask("/metrics", method="GET")).body.endswith(b"\nfurther_things 7\n")
            assert "/stream" in (await door.ask("/openapi.json", method="GET")).json()["paths"]
            preflight = await door.ask("/long/x", b"", {"origin": "https://a.example"}, method="OPTIONS")
            assert (preflight.status, preflight.headers["access-control-allow-methods"]) == (204, "GET, HEAD, OPTIONS")

    run(main())


def test_a_stream_ends_when_its_pieces_do(tmp_path):
    async def main():
        source = Source(3)
        source.more.set()
        async with Doorway(tmp_path, further=further(source)) as door:
            client = Client(door)
            await client.task
            names = dict(client.messages[0]["headers"])
            assert b"content-length" not in names
            assert names[b"access-control-allow-origin"] == b"https://a.example"
            assert client.bodies == [b"piece 1\n", b"piece 2\n", b"piece 3\n"]
            assert not client.messages[-1].get("more_body", False)
            assert (source.closed, door.door.streams.open) == (1, 0)

    run(main())


def test_a_client_that_goes_frees_its_stream(tmp_path):
    async def main():
        source = Source()
        async with Doorway(tmp_path, further=further(source)) as door:
            client = Client(door)
            await client.until(lambda: len(client.messages) > 1)
            assert door.door.streams.open == 1
            client.gone.set()
            await client.task
            assert (source.closed, door.door.streams.open, client.bodies) == (1, 0, [])
            assert client.messages[-1].get("more_body"), "nobody is there to be told the end"

    run(main())


def test_a_slow_client_is_never_more_than_one_piece_behind(tmp_path):
    async def main():
        source = Source()
        source.more.set()
        async with Doorway(tmp_path, further=further(source)) as door:
            client = Client(door)
            await client.until(lambda: len(client.bodies) >= 5)
            client.ready.clear()
            for _ in range(50):
                await asyncio.sleep(0)
            assert source.made - len(client.bodies) <= 1
            client.gone.set()
            await client.task
            assert source.closed == 1

    run(main())


def test_a_door_that_closes_ends_its_streams_well(tmp_path):
    async def main():
        sources = [Source(), Source()]
        async with Doorway(tmp_path, further=further(sources[0])) as door:
            client = Client(door)
            await client.until(lambda: len(client.messages) > 1)
            door.door.streams.close()
            await client.task
            assert client.messages[-1] == {"type": "http.response.body", "body": b""}
            late = Client(door)
            await late.task
            assert late.bodies == []

    run(main())


def test_streams_beyond_the_limit_are_asked_to_wait(tmp_path):
    async def main():
        async with Doorway(tmp_path, further=further(Source())) as door:
            door.door.streams.most = 2
            clients = [Client(door) for _ in range(2)]
            for client in clients:
                await client.until(lambda client=client: len(client.messages) > 1)
            refused = await door.ask("/stream", method="GET")
            assert (refused.status, refused.json()["error"]["code"]) == (429, "busy")
            assert int(refused.headers["retry-after"]) >= 1
            assert (await door.ask("/stream", method="HEAD")).status == 200
            clients[0].gone.set()
            await clients[0].task
            again = Client(door)
            await again.until(lambda: len(again.messages) > 1)
            assert again.messages[0]["status"] == 200
            for client in (again, clients[1]):
                client.gone.set()
                await client.task

    run(main())


def test_a_stream_that_breaks_is_closed_and_told(tmp_path):
    async def main():
        async def broken():
            yield b"one\n"
            raise ZeroDivisionError

        async def page(_):
            return StreamAnswer(200, pieces=broken())

        async def metrics():
            return ""

        async with Doorway(tmp_path, further=Further({"/stream": page}, {}, {}, metrics, lambda: None)) as door:
            client = Client(door)
            with pytest.raises(ZeroDivisionError):
                await client.task
            assert (client.bodies, door.door.streams.open) == ([b"one\n"], 0)

    run(main())


class Transport:
    """As much of a transport as a connection looks at."""

    def __init__(self):
        self.waits_bytes = 0
        self.aborted = False

    def get_write_buffer_size(self):
        return self.waits_bytes

    def get_extra_info(self, name, default=None):
        pair = socket.socketpair()
        for one in pair:
            one.close()
        return default

    def is_closing(self):
        return False

    def abort(self):
        self.aborted = True


def test_only_a_client_that_takes_nothing_is_stalled():
    async def main():
        import uvicorn

        config = uvicorn.Config(lambda *_: None, log_config=None)
        config.load()
        connection = Connection(config, uvicorn.server.ServerState(), {})
        transport = Transport()
        connection.connection_made(transport)
        assert connection.stalled_s(10) == 0
        transport.waits_bytes = 100_000
        connection.pause_writing()
        assert connection.stalled_s(20) == 0
        assert connection.stalled_s(50) == 30
        transport.waits_bytes = 99_999
        assert connection.stalled_s(60) == 0
        assert connection.stalled_s(61) == 1
        connection.resume_writing()
        assert connection.stalled_s(90) == 0
        transport.waits_bytes = 100_000
        connection.pause_writing()
        assert connection.stalled_s(100) == 0

    run(main())
