"""The door: durable before the answer, duplicates once, refusals found again, strangers turned away, memory bounded."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json

import pytest

from door_support import Doorway, batch, track
from footfall.collect.settings import CollectSection
from footfall.errors import StorageFailed
from footfall.event.drop import DropReason
from footfall.eventlog.contract import Counts
from footfall.eventlog.sqlite import SqliteLog


def run(main):
    return asyncio.run(main)


def frames_of(door):
    return [frame for block in door.blocks() for frame in block.frames]


def test_a_batch_is_in_the_log_as_it_came_when_it_is_answered(tmp_path):
    async def main():
        async with Doorway(tmp_path) as door:
            body = batch(track(1), track(2))
            reply = await door.ask("/v1/batch", body)
            (frame,) = frames_of(door)
            assert (reply.status, reply.json()) == (200, {"success": True})
            assert (frame.form, frame.body, frame.count, frame.kept, frame.source, frame.path) == ("raw", body, 2, None, "shop", "/v1/batch")
            assert frame.sent == "2026-01-02T03:04:06Z"
            assert door.log.totals() == Counts(2, 2, 0, 0)

    run(main())


def test_a_repeated_id_is_accepted_once_within_a_body_across_bodies_and_across_restarts(tmp_path):
    async def main():
        async with Doorway(tmp_path) as door:
            await door.ask("/v1/batch", batch(track(1), track(2), track(1)))
            await door.ask("/v1/batch", batch(track(2), track(3)))
            await door.ask("/v1/batch", batch(track(1)))
            assert [(frame.count, frame.kept) for frame in frames_of(door)] == [(2, (0, 1)), (1, (1,))]
            assert door.log.totals() == Counts(6, 3, 3, 0)
        async with Doorway(tmp_path) as door:
            from footfall import clock
            from footfall.collect.duplicates import DAY_US

            now_us = clock.now_us()
            assert door.desk.window.load(door.log.ids(now_us - 8 * DAY_US), now_us) == 3
            await door.ask("/v1/batch", batch(track(3), track(4)))
            assert frames_of(door)[-1].kept == (1,)
            assert door.log.totals() == Counts(8, 4, 4, 0)

    run(main())


def test_one_bad_event_becomes_a_dead_letter_and_its_neighbours_are_stored(tmp_path):
    async def main():
        async with Doorway(tmp_path) as door:
            reply = await door.ask(
                "/v1/batch", batch(track(1), {"type": "dance", "messageId": "x"}, track(2, userId=None), track(3, event=7), track(4))
            )
            assert reply.status == 200
            letters = door.letters()
            assert [(letter.place, letter.reason, letter.field) for letter in letters] == [
                (3, "malformed_event", "event"),
                (1, "invalid_field", "type"),
                (2, "missing_person", "userId"),
            ]
            assert json.loads(letters[1].row) == {"type": "dance", "messageId": "x"}
            assert [frame.count for frame in frames_of(door)] == [2, 3]
            assert [json.loads(line)["event_id"] for line in frames_of(door)[0].body.splitlines()] == ["id-1", "id-4"]
            assert door.log.totals() == Counts(5, 2, 0, 3)

    run(main())


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b"{", {}, 400, DropReason.MALFORMED_BODY),
        (b"", {}, 400, DropReason.MALFORMED_BODY),
        (b'{"batch":[]}', {}, 400, DropReason.MALFORMED_BODY),
        (b'{"batch":[{"event":"\xff"}]}', {}, 400, DropReason.INVALID_ENCODING),
        (b'{"batch":[' + b"[" * 10_000 + b"]" * 10_000 + b"]}", {}, 400, DropReason.MALFORMED_BODY),
        (b"\x1f\x8bnonsense", {}, 400, DropReason.MALFORMED_BODY),
        (b"{}", {"content-encoding": "lzma"}, 415, DropReason.MALFORMED_BODY),
        (gzip.compress(bytes(30 << 20)), {"content-encoding": "gzip"}, 413, DropReason.BODY_TOO_LARGE),
    ],
)
def test_a_body_nobody_can_read_is_one_dead_letter(tmp_path, body, headers, status, reason):
    async def main():
        async with Doorway(tmp_path) as door:
            reply = await door.ask("/v1/batch", body, headers)
            assert reply.status == status
            (letter,) = door.letters()
            assert letter.reason == reason
            assert door.log.totals() == Counts(1, 0, 0, 1)

    run(main())


def test_a_body_over_the_limit_is_refused_before_it_is_read(tmp_path):
    async def main():
        async with Doorway(tmp_path, CollectSection(body_bytes_max=1000)) as door:
            declared = await door.ask("/v1/batch", b"", {"content-length": "100000000"})
            chunked = await door.ask("/v1/batch", pieces=[b"x" * 400] * 5)
            assert (declared.status, chunked.status) == (413, 413)
            assert door.door.waiting_bytes == 0

    run(main())


def test_chunks_make_one_body(tmp_path):
    async def main():
        async with Doorway(tmp_path) as door:
            body = batch(track(1), track(2))
            reply = await door.ask("/v1/batch", pieces=[body[:10], body[10:30], body[30:]])
            assert reply.status == 200
            assert frames_of(door)[0].body == body

    run(main())


def test_too_many_events_and_too_large_events(tmp_path):
    async def main():
        async with Doorway(tmp_path, CollectSection(events_max=3, event_bytes_max=2_000)) as door:
            many = await door.ask("/v1/batch", batch(*(track(n) for n in range(4))))
            large = await door.ask("/v1/batch", batch(track(1), track(2, properties={"text": "x" * 3_000}), track(3)))
            assert (many.status, large.status) == (413, 200)
            assert [letter.reason for letter in door.letters()] == ["too_many_events", "event_too_large"]
            assert door.log.totals() == Counts(4, 2, 0, 2)

    run(main())


def test_an_address_in_the_body_never_reaches_the_log(tmp_path):
    async def main():
        async with Doorway(tmp_path) as door:
            context = {"ip": "8.8.8.8", "page": {"url": "https://a.example/x"}}
            await door.ask("/v1/batch", batch(track(1, context=context), track(2)))
            await door.ask("/v1/batch", batch(track(3, context=context, type="dance")))
            (lines, letters) = frames_of(door)
            first = json.loads(lines.body.splitlines()[0])
            assert (lines.form, first["country"], first["context"]) == ("lines", "US", {"page": {"url": "https://a.example/x"}})
            assert b"8.8.8.8" not in lines.body + letters.body

    run(main())


def test_addresses_can_be_hashed_or_kept(tmp_path):
    async def main(kept):
        async with Doorway(tmp_path / kept, CollectSection(ip=kept)) as door:
            await door.ask("/v1/batch", batch(track(1, context={"ip": "8.8.8.8"})))
            return json.loads(frames_of(door)[0].body)["ip"]

    assert run(main("keep")) == "8.8.8.8"
    hashed = run(main("hash"))
    assert len(hashed) == 16
    assert hashed != "8.8.8.8"


def test_the_country_is_that_of_a_device_and_not_of_a_server(tmp_path):
    async def main():
        async with Doorway(tmp_path) as door:
            forwarded = {"x-forwarded-for": "1.1.1.1, 8.8.8.8, 127.0.0.1"}
            await door.ask("/v1/batch", batch(track(1)), {"user-agent": "Mozilla/5.0 (X11)", **forwarded})
            await door.ask("/v1/batch", batch(track(2)), {"user-agent": "analytics-python/2.3", **forwarded})
            await door.ask("/v1/batch", batch(track(3)), {"user-agent": "Mozilla/5.0 (X11)", **forwarded}, client="9.9.9.9")
            assert [(frame.country, frame.agent) for frame in frames_of(door)[:2]] == [("US", "Mozilla/5.0 (X11)"), (None, None)]
            # A header of a client that is no proxy of ours is not believed.
            assert frames_of(door)[2].country == door.desk.places.of("9.9.9.9")[0]

    run(main())


def test_write_keys(tmp_path):
    async def main():
        async with Doorway(tmp_path) as door:
            secret = door.desk.keys.add("web", "write")
            reader = door.desk.keys.add("chart", "read")
            body = json.dumps({"batch": [track(1)]}).encode()

            def basic(key):
                return {"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}

            statuses = [(await door.ask("/v1/batch", body, headers)).status for headers in ({}, basic("guess"), basic(reader), basic(secret))]
            assert statuses == [401, 401, 401, 200]
            assert frames_of(door)[0].source == "web"
            assert (await door.ask("/v1/batch", b"{", {})).status == 400
            assert door.letters() == [], "a stranger cannot fill the disk"
            assert (await door.ask("/v1/batch", b"{", basic(secret))).status == 400
            assert [letter.reason for letter in door.letters()] == ["malformed_body"]
            assert (await door.ask("/metrics", method="GET")).status == 401
            assert (await door.ask("/metrics", b"", {"authorization": f"Bearer {reader}"}, method="GET")).status == 200

    run(main())


class FailingLog(SqliteLog):
    """A log whose disk fails on demand."""

    failing = False

    def append(self, group):
        if self.failing:
            raise StorageFailed("the disk is full", hint="free some space")
        return super().append(group)


def test_a_failing_disk_refuses_cleanly_and_the_retry_is_no_duplicate(tmp_path):
    async def main():
        log = FailingLog(tmp_path / "log", file_bytes=64 << 20, window_days=7)
        async with Doorway(tmp_path, log=log) as door:
            log.failing = True
            replies = await asyncio.gather(*(door.ask("/v1/batch", batch(track(1), track(n))) for n in range(2, 6)))
            assert [reply.status for reply in replies] == [503] * 4 or {reply.status for reply in replies} <= {429, 503}
            assert (await door.ask("/healthz", method="GET")).status == 503
            assert log.totals() == Counts()
            log.failing = False
            assert (await door.ask("/v1/batch", batch(*(track(n) for n in range(1, 6))))).status == 200
            assert (await door.ask("/healthz", method="GET")).status == 200
            assert log.totals() == Counts(5, 5, 0, 0)

    run(main())


def test_a_busy_door_asks_to_come_back(tmp_path):
    async def main():
        async with Doorway(tmp_path, CollectSection(waiting_bytes_max=1_000)) as door:
            door.door.waiting_bytes = 900
            reply = await door.ask("/v1/batch", batch(track(1)))
            assert reply.status == 429
            assert int(reply.headers["retry-after"]) >= 1
            door.door.waiting_bytes = 0
            assert (await door.ask("/v1/batch", batch(*(track(n) for n in range(100))))).status == 200, "alone, any body below its limit is taken"

    run(main())


def test_browsers_of_allowed_origins_may_send(tmp_path):
    async def main():
        async with Doorway(tmp_path, CollectSection(cors_origins=("https://shop.example",))) as door:
            asked = {"origin": "https://shop.example", "access-control-request-method": "POST"}
            preflight = await door.ask("/v1/batch", b"", asked, method="OPTIONS")
            assert preflight.status == 204
            assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
            for name in (
                "Content-Type",
                "Authorization",
                "X-Write-Key",
                "SP-Anonymous",
                "x-umami-cache",
                "openpanel-client-id",
                "openpanel-client-secret",
            ):
                assert name.lower() in preflight.headers["access-control-allow-headers"].lower()
            other = await door.ask("/v1/batch", batch(track(1)), {"origin": "https://elsewhere.example"})
            assert "access-control-allow-origin" not in other.headers

    run(main())


def test_a_request_on_a_shared_path_is_counted_for_its_own_vendor(tmp_path):
    async def main():
        async with Doorway(tmp_path) as door:
            amplitude = {"api_key": "k", "events": [{"event_type": "x", "user_id": "user-1", "insert_id": "1"}]}
            posthog = {"api_key": "k", "batch": [{"event": "x", "distinct_id": "user-1", "uuid": "2"}]}
            assert (await door.ask("/batch", json.dumps(amplitude).encode())).status == 200
            assert (await door.ask("/batch/", json.dumps(posthog).encode())).status == 200
            assert {name for name, _ in door.door.counters.requests} == {"amplitude", "posthog"}

    run(main())


def test_every_answer_has_a_request_id(tmp_path):
    async def main():
        async with Doorway(tmp_path) as door:
            given = await door.ask("/v1/batch", batch(track(1)), {"x-request-id": "abc-1"})
            made = [(await door.ask("/nowhere")).headers["x-request-id"] for _ in range(2)]
            evil = await door.ask("/nowhere", b"", {"x-request-id": "a b\tc"})
            assert given.headers["x-request-id"] == "abc-1"
            assert len({*made, evil.headers["x-request-id"]}) == 3

    run(main())


def test_own_pages_and_unknown_paths(tmp_path):
    async def main():
        async with Doorway(tmp_path) as door:
            assert (await door.ask("/healthz", method="GET")).json() == {"status": "ok", "reason": None}
            assert (await door.ask("/healthz", method="HEAD")).body == b""
            await door.ask("/v1/batch", batch(track(1), track(1)))
            metrics = (await door.ask("/metrics", method="GET")).body.decode()
            assert 'footfall_events_total{protocol="segment",outcome="duplicate"} 1' in metrics
            assert 'footfall_step_runs_total{step="drop_if_duplicate"} 1' in metrics
            assert "footfall_log_received_events 2" in metrics
            document = (await door.ask("/openapi.json", method="GET")).json()
            assert {"/v1/batch", "/healthz"} <= set(document["paths"])
            assert (await door.ask("/nowhere")).status == 404
            refused = await door.ask("/v1/batch", method="GET")
            assert (refused.status, refused.headers["allow"]) == (405, "POST, OPTIONS")

    run(main())
