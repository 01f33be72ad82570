"""A line that its sender could not read is one dead letter however often it is sent, and its id stays free for the line once it is mended."""

from __future__ import annotations

import asyncio
import json

from door_support import Doorway
from footfall import clock
from footfall.collect.duplicates import DAY_US
from footfall.errors import StorageFailed
from footfall.eventlog.contract import Counts
from footfall.eventlog.sqlite import SqliteLog


def unread(number):
    return {"line": f"junk {number}", "reason": "malformed_row", "detail": "no format fits", "event_id": f"line-{number}"}


def record(number):
    return {"kind": "access", "path": f"/{number}", "event_id": f"line-{number}"}


def body(*elements):
    return b"".join(json.dumps(element).encode() + b"\n" for element in elements)


class FailingLog(SqliteLog):
    """A log on a disk that is full while `failing`."""

    failing = False

    def append(self, group):
        if self.failing:
            raise StorageFailed("the disk is full")
        return super().append(group)


def test_lines_that_come_again_are_duplicates_whether_they_could_be_read_or_not(tmp_path):
    async def main():
        async with Doorway(tmp_path) as door:
            sent = body(record(1), unread(2), record(3), unread(4))
            first = await door.ask("/api/v1/logs", sent)
            again = await door.ask("/api/v1/logs", sent)
            assert [one["result"] for one in first.json()["results"]] == ["ok", "drop", "ok", "drop"]
            assert [one["result"] for one in again.json()["results"]] == ["duplicate", "drop", "duplicate", "drop"]
            assert [letter.row for letter in door.letters()] == ["junk 2", "junk 4"]
            assert door.log.totals() == Counts(8, 2, 4, 2)
            assert (door.door.counters.events["native_logs", "dead_lettered"], door.door.counters.refused["malformed_row"]) == (2, 2)
            # One that is new among old ones, twice in a request.
            await door.ask("/api/v1/logs", body(unread(2), unread(5), record(1), unread(5)))
            assert [letter.row for letter in door.letters()] == ["junk 2", "junk 4", "junk 5"]
            assert door.log.totals() == Counts(12, 2, 7, 3)
        async with Doorway(tmp_path) as door:
            now_us = clock.now_us()
            assert door.desk.window.load(door.log.ids(now_us - 8 * DAY_US), now_us) == 5
            await door.ask("/api/v1/logs", body(unread(4)))
            assert len(door.letters()) == 3
            assert door.log.totals() == Counts(13, 2, 8, 3)

    asyncio.run(main())


def test_a_line_that_can_be_read_after_all_is_stored_under_its_id(tmp_path):
    async def main():
        async with Doorway(tmp_path) as door:
            await door.ask("/api/v1/logs", body(unread(1)))
            reply = await door.ask("/api/v1/logs", body(record(1)))
            assert reply.json()["stored"] == 1
            assert door.log.totals() == Counts(2, 1, 0, 1)

    asyncio.run(main())


def test_without_an_id_every_refusal_is_kept(tmp_path):
    async def main():
        async with Doorway(tmp_path) as door:
            for _ in range(2):
                await door.ask("/api/v1/logs", body({"line": "junk", "reason": "malformed_row"}, {"kind": "dance"}))
            assert len(door.letters()) == 4
            assert door.log.totals() == Counts(4, 0, 0, 4)

    asyncio.run(main())


def test_a_refusal_that_did_not_reach_the_disk_may_come_again(tmp_path):
    async def main():
        log = FailingLog(tmp_path / "log", file_bytes=64 << 20, window_days=7)
        async with Doorway(tmp_path, log=log) as door:
            log.failing = True
            assert (await door.ask("/api/v1/logs", body(unread(1)))).status in (429, 503)
            log.failing = False
            await door.ask("/api/v1/logs", body(unread(1)))
            assert len(door.letters()) == 1
            assert door.log.totals() == Counts(1, 0, 0, 1)

    asyncio.run(main())
