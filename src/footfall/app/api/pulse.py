"""When something was committed, and what was read since: shared by every stream, so that a thousand readers of one view cost one.

While anybody waits, the sequence of the live path is looked at five times a second; more rarely where reading takes long, so that it never takes
more than a fifth of the time.  What streams read between two commits is read once for each question and let go with the next commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any

from footfall import clock
from footfall.errors import FootfallError

EVERY_S = 0.2
REST = 4.0  # times as long as what was read since the last look

Reading = Callable[[], Awaitable[Any]]


class Pulse:
    """Beats when `look` gives something else than before.  Belongs to one event loop."""

    def __init__(self, look: Reading) -> None:
        self._look = look
        self._seen: Any = None
        self._beaten = asyncio.Event()
        self._users = 0
        self._beating: asyncio.Task[None] | None = None
        self._read: dict[Hashable, asyncio.Task[Any]] = {}
        self._spent_s = 0.0
        self.beat = 0

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """For as long as somebody waits."""
        self._users += 1
        if self._beating is None:
            self._beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            self._users -= 1
            if self._users == 0:
                self._beating.cancel()
                self._beating = None
                self._read.clear()

    async def after(self, beat: int, seconds: float) -> bool:
        """Wait for a beat that comes after the given one; False when there is none for so long."""
        if self.beat == beat:
            try:
                async with asyncio.timeout(seconds):
                    await self._beaten.wait()
            except TimeoutError:
                return False
        return True

    async def once(self, key: Hashable, read: Reading) -> Any:
        """What `read` gives, read once for everybody who asks by this key before the next beat.

        Raises:
            FootfallError: as `read` does.
        """
        task = self._read.get(key)
        if task is None:
            task = self._read[key] = asyncio.create_task(self._timed(read))
        found = await asyncio.shield(task)
        if isinstance(found, FootfallError):
            raise found
        return found

    async def _beat(self) -> None:
        while True:
            seen = await _caught(self._look)
            if isinstance(seen, FootfallError):
                seen = seen.sentence  # those who wait are told when they read
            if seen != self._seen:
                self._seen = seen
                self.beat += 1
                self._read.clear()
                self._beaten.set()
                self._beaten = asyncio.Event()
            spent_s, self._spent_s = self._spent_s, 0.0
            await asyncio.sleep(max(EVERY_S, REST * spent_s))

    async def _timed(self, read: Reading) -> Any:
        began_s = clock.monotonic_s()
        found = await _caught(read)
        self._spent_s = max(self._spent_s, clock.monotonic_s() - began_s)  # reads wait for each other: the last one took as long as all
        return found


async def _caught(read: Reading) -> Any:
    """What `read` gives, or its error as a value: nobody may be left to be told."""
    try:
        return await read()
    except FootfallError as problem:
        return problem
