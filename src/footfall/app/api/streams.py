"""Views and alerts as server-sent events: what there is first, then what changed, and a comment now and then while nothing does.

An event of a view holds its rows as they are; whoever reads slowly misses states in between, never the newest.  Alerts are sent one by
one, in the order they were raised, none left out.  `id:` is the sequence of the live path, or the alert's number: with Last-Event-ID a stream
goes on where the client lost it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from typing import Any

import msgspec

from footfall import clock
from footfall.app.api.live_reading import Document, Live
from footfall.app.api.pulse import Pulse, Reading
from footfall.app.api.questions import AlertsAsked, ViewAsked
from footfall.errors import FootfallError

HEARTBEAT_S = 15.0
RETRY_MS = 2_000
ALERTS_AT_ONCE = 100
_SIGN_OF_LIFE = b":\n\n"
_BEGIN = b"retry: %d\n\n" % RETRY_MS

Pieces = AsyncGenerator[bytes, None]


class EventStreams:
    """Makes the bodies of streams.  `in_thread` makes of a call that reads files one that does not hold up the event loop."""

    def __init__(self, live: Live, in_thread: Callable[[Callable[[], Any]], Reading]) -> None:
        self._live = live
        self._in_thread = in_thread
        self._pulse = Pulse(in_thread(live.sequence))

    async def view(self, name: str, asked: ViewAsked, last_id: int | None) -> Pieces:
        """The rows of a view, whenever they are others than before; not those of sequence `last_id`, which the client has."""
        key = (name, msgspec.json.encode(asked, order="sorted"))
        read = self._in_thread(partial(_view, self._live, name, asked))
        sent: bytes | None = None
        yield _BEGIN
        async with aclosing(self._beats()) as beats:
            async for beat in beats:
                if beat is None:
                    yield _SIGN_OF_LIFE
                    continue
                try:
                    sequence, rows, document = await self._pulse.once(key, read)
                except FootfallError as problem:
                    yield _problem(problem)
                    return
                if rows != sent and (sent is not None or sequence != last_id):
                    yield _event("rows", sequence, document)
                sent = rows

    async def alerts(self, asked: AlertsAsked) -> Pieces:
        """Alerts in order: those behind `asked.after`, else the newest, and then every new one."""
        after = asked.after
        yield _BEGIN
        async with aclosing(self._beats()) as beats:
            async for beat in beats:
                if beat is None:
                    yield _SIGN_OF_LIFE
                    continue
                more = True
                while more:
                    read = self._in_thread(partial(_alerts, self._live, asked, after))
                    try:
                        found, after, more = await self._pulse.once((asked.rule, asked.limit, after), read)
                    except FootfallError as problem:
                        yield _problem(problem)
                        return
                    for alert in found:
                        yield _event("alert", alert["number"], msgspec.json.encode(alert))

    async def _beats(self) -> AsyncGenerator[int | None, None]:
        """The number of each beat, beginning at once; None where a sign of life is due."""
        async with self._pulse.followed():
            sign_due_s = clock.monotonic_s() + HEARTBEAT_S
            beat = -1
            while True:
                if await self._pulse.after(beat, max(0.0, sign_due_s - clock.monotonic_s())):
                    beat = self._pulse.beat
                    yield beat
                if clock.monotonic_s() >= sign_due_s:
                    sign_due_s = clock.monotonic_s() + HEARTBEAT_S
                    yield None


def _view(live: Live, name: str, asked: ViewAsked) -> tuple[int, bytes, bytes]:
    """The sequence, the rows alone, and everything."""
    document = live.view(name, asked)
    return document["sequence"], msgspec.json.encode(document["rows"]), msgspec.json.encode(document)


def _alerts(live: Live, asked: AlertsAsked, after: int | None) -> tuple[list[Document], int, bool]:
    """The next alerts in order, the number that everything up to was looked at, and whether more are there already."""
    head = max((alert["number"] for alert in live.alerts_of(AlertsAsked(limit=1))), default=0)
    if after is None:
        found = live.alerts_of(asked)[::-1]
        return found, max([head, *(alert["number"] for alert in found)]), False
    after = after if after <= head else 0  # the state was made anew, and its numbers began again
    found = live.alerts_of(AlertsAsked(rule=asked.rule, after=after, limit=ALERTS_AT_ONCE))
    if len(found) == ALERTS_AT_ONCE:
        return found, found[-1]["number"], True
    return found, max([head, *(alert["number"] for alert in found)]), False


def _event(name: str, number: int, document: bytes) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, name.encode(), document)


def _problem(problem: FootfallError) -> bytes:
    return b"event: problem\ndata: %s\n\n" % msgspec.json.encode({"error": problem.as_dict()})
