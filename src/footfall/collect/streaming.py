"""Answers that go on: their pieces are sent as they come, until they end, the client goes, or the door closes.

A piece is asked for only when the one before it has left for the client.  So a slow reader holds no more than one in memory, and what it gets
next is what is true by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from footfall.collect.wire.contract import Answer

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

STREAMS_MAX = 256


@dataclass(frozen=True, slots=True)
class StreamAnswer(Answer):
    """An answer whose body is what `pieces` gives; `body` is not used."""

    pieces: AsyncGenerator[bytes, None] = field(kw_only=True)


class Streams:
    """The streams that are open, at most `most` at once."""

    def __init__(self, most: int = STREAMS_MAX) -> None:
        self.most = most
        self.open = 0
        self._closing = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether another one must wait."""
        return self.open >= self.most

    def close(self) -> None:
        """The door closes: every stream ends well."""
        self._closing.set()

    async def send(self, answer: StreamAnswer, receive: Receive, send: Send) -> None:
        """The whole body; the head has been sent."""
        pouring = asyncio.create_task(_pour(answer.pieces, send))
        gone = asyncio.create_task(_gone(receive))
        closing = asyncio.create_task(self._closing.wait())
        tasks = (pouring, gone, closing)
        self.open += 1
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.open -= 1
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await answer.pieces.aclose()
        if not pouring.cancelled():
            pouring.result()
        if gone.cancelled():
            await send({"type": "http.response.body", "body": b""})


async def _pour(pieces: AsyncGenerator[bytes, None], send: Send) -> None:
    nothing = {"type": "http.response.body", "body": b"", "more_body": True}
    await send(nothing)
    async for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send(nothing)  # returns when the client has room again
        await asyncio.sleep(0)  # pieces that are ready must not keep others waiting


async def _gone(receive: Receive) -> None:
    """Until the client closes the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
