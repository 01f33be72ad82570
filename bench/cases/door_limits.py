"""What the door is measured against: the same server that reads bodies and answers, and one that parses and drops them.

python bench/cases/door_limits.py raw|drop
"""

from __future__ import annotations

import asyncio
import gc
import sys

import uvicorn
import uvloop

from footfall.collect.connection import Connection
from footfall.collect.inflate import inflate
from footfall.collect.protocols import Segment
from footfall.collect.wire.contract import Asked

DONE = {"type": "http.response.body", "body": b'{"success":true}'}
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json"), (b"content-length", b"16")]}


async def body_of(receive) -> bytes:
    message = await receive()
    pieces = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        pieces.append(message.get("body", b""))
    return b"".join(pieces)


async def raw(_scope, receive, send) -> None:
    await body_of(receive)
    await send(START)
    await send(DONE)


SEGMENT = Segment()


async def drop(scope, receive, send) -> None:
    headers = dict(scope["headers"])
    body = inflate(await body_of(receive), headers.get(b"content-encoding"), 20 << 20)
    SEGMENT.read(Asked("POST", scope["path"], body, b"", headers))
    await send(START)
    await send(DONE)


class Server(uvicorn.Server):
    async def startup(self, sockets=None) -> None:
        await super().startup(sockets)
        print(f"listening on http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}", file=sys.stderr, flush=True)


async def main(which: str) -> None:
    app = {"raw": raw, "drop": drop}[which]
    config = uvicorn.Config(
        app, port=0, http=Connection, ws="none", lifespan="off", access_log=False, log_level="error", server_header=False, date_header=False
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    await Server(config).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1]))
