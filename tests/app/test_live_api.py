"""The live path over HTTP, in Python and on the command line: one answer on every face, what changes as it changes, and errors in words."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import random
import re
import threading
import urllib.parse
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from door_support import Doorway
from footfall import clock
from footfall.app.api import live_reading, pages, streams
from footfall.app.api.live_reading import Live
from footfall.app.api.pages import LivePages, live_pages
from footfall.app.api.pulse import EVERY_S, REST, Pulse
from footfall.app.api.questions import ViewAsked
from footfall.app.front.deliveries import Deliveries, Noted
from footfall.cli.main import main as run_command
from footfall.errors import InvalidQuery
from footfall.stream.contract import Alert
from live_support import LATENESS_S, MINUTE_US, START_US, Shop

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["/", "/cart", "/pay", 'a "quoted", page', "ünïcode\n"]


@pytest.fixture
def shop(tmp_path):
    made = Shop(tmp_path / "shop")
    yield made
    made.close()


class Port(Doorway):
    """The door of a shop in this process, with the pages of its live path."""

    def __init__(self, shop):
        super().__init__(shop.project.path, log=shop.log)
        self.pages = LivePages(Live(shop.project, log=shop.log), self.desk.keys, live_pages(shop.project, shop.log)._metrics)
        self.further = self.pages.further()

    async def get(self, path, headers=None, method="GET"):
        return await self.ask(path, b"", headers, method=method)

    async def __aexit__(self, *problem):
        await asyncio.get_running_loop().run_in_executor(None, self.committer.close)
        self.pages.close()


def run(main):
    return asyncio.run(asyncio.wait_for(main, 60))


def some_events(seed, count):
    """Events with little disorder, and now and then one that is late."""
    state = random.Random(seed)
    events = []
    for number in range(count):
        late = LATENESS_S + 1 + state.random() if state.random() < 0.05 else state.random() * LATENESS_S / 2
        second = max(0.0, number * 0.7 - late)
        events.append({"page": state.choice(PAGES), "person": state.choice("abcdefgh"), "s": round(second, 3), "ms": state.randrange(100)})
    return events


def counted(events):
    """The twin: events by (minute, page), those that came too late left out."""
    counts, seen = Counter(), -1e9
    for event in events:
        if event["s"] >= seen - LATENESS_S:
            counts[int(event["s"] // 60), event["page"]] += 1
        seen = max(seen, event["s"])
    return counts


def iso(minute):
    return live_reading.iso(START_US + minute * MINUTE_US)


# --- one answer on every face --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_every_face_gives_the_same_rows_and_alerts_and_they_are_right(shop, capsys, seed):
    events = some_events(seed, 400)
    shop.send(*events)
    shop.take()
    folder = str(shop.project.path)

    def command(*arguments):
        assert run_command(["-C", folder, *arguments]) == 0
        return capsys.readouterr().out

    async def over_http():
        async with Port(shop) as port:
            rows = await port.get("/api/v1/views/pages?order=events&limit=25")
            text = await port.get("/api/v1/views/pages?order=events&limit=25&format=csv")
            alerts, alerts_text = await port.get("/api/v1/alerts?limit=5"), await port.get("/api/v1/alerts?limit=5&format=csv")
            views, status = await port.get("/api/v1/views"), await port.get("/api/v1/live")
            assert {reply.status for reply in (rows, text, alerts, alerts_text, views, status)} == {200}
            assert text.headers["content-type"].startswith("text/csv")
            return rows.json(), text.body.decode(), alerts.json(), alerts_text.body.decode(), views.json(), status.json()

    document, text, alerts, alerts_text, views, status = run(over_http())
    live = shop.project.live
    assert live.rows("pages", order="events", limit=25) == document["rows"]
    assert json.loads(command("views", "pages", "--order", "events", "--limit", "25", "--json")) == document
    assert command("views", "pages", "--order", "events", "--limit", "25", "--csv") == text
    assert list(csv.DictReader(io.StringIO(text))) == [
        {name: "" if value is None else str(value).lower() if isinstance(value, bool) else str(value) for name, value in row.items()}
        for row in document["rows"]
    ]
    assert live.alerts(limit=5) == alerts["alerts"] == json.loads(command("alerts", "list", "--limit", "5", "--json"))["alerts"]
    assert command("alerts", "list", "--limit", "5", "--csv") == alerts_text
    assert live.views() == views["views"] == json.loads(command("views", "--json"))["views"]
    told = json.loads(command("live", "--json"))
    assert {name: told[name] for name in ("position", "log_end", "sequence", "counts")} == {
        name: status[name] for name in ("position", "log_end", "sequence", "counts")
    }

    expected = counted(events)
    everything = live.rows("pages")
    assert {(row["window_start"], row["page"]): row["events"] for row in everything} == {
        (iso(minute), page): count for (minute, page), count in expected.items()
    }
    assert status["counts"]["view:pages"]["late"] == len(events) - sum(expected.values())
    assert document["rows"] == sorted(everything, key=lambda row: (row["window_start"], row["events"]), reverse=True)[:25] or len(
        {(row["window_start"], row["events"]) for row in document["rows"]}
    ) < len(document["rows"]), "equal counts have an order of their own"


@pytest.mark.parametrize("seed", range(4))
def test_questions_against_a_twin(shop, seed):
    state = random.Random(seed)
    shop.send(*some_events(seed, 300))
    shop.take()
    live = shop.project.live
    everything = live.rows("pages")

    def twin(since, until, where, latest):
        newest = max(row["window_start"] for row in everything)
        return {
            (row["window_start"], row["page"])
            for row in everything
            if (since is None or row["window_end"] > since)
            and (until is None or row["window_start"] < until)
            and (where is None or row["page"] == where)
            and (not latest or row["window_start"] == newest)
        }

    for _ in range(30):
        since, until = (state.choice([None, iso(state.randrange(5)), iso(state.randrange(5))]) for _ in range(2))
        where, latest = state.choice([None, *PAGES]), state.random() < 0.2
        rows = live.rows("pages", since=since, until=until, where={} if where is None else {"page": where}, latest=latest, order="-people")
        assert {(row["window_start"], row["page"]) for row in rows} == twin(since, until, where, latest), (since, until, where, latest)
        order = [(row["window_start"], -row["people"]) for row in rows]
        assert order == sorted(order, reverse=True)


def test_a_view_of_keys_without_windows_is_ordered_by_what_is_asked(shop):
    shop.send(*({"person": person, "page": page, "s": s} for s, (person, page) in enumerate([("a", "/1"), ("b", "/2"), ("a", "/3"), ("c", "/4")])))
    shop.take()
    live = shop.project.live
    assert [row["person_id"] for row in live.rows("trails")] == ["c", "a", "b"]
    assert [(row["person_id"], row["last"]) for row in live.rows("trails", order="events", limit=1)] == [("a", ["/1", "/3"])]
    assert set(live.rows("trails")[0]) == {"updated", "person_id", "events", "last"}


def test_alerts_behind_a_number_come_in_the_order_they_were_raised(shop):
    for minute in range(4):
        shop.send(*({"person": person, "s": minute * 60 + n} for n in range(4) for person in ("ada", "bob")))
    shop.take()
    live = shop.project.live
    newest = live.alerts(limit=3)
    numbers = [alert["number"] for alert in live.alerts()]
    assert numbers == sorted(numbers, reverse=True)
    assert [alert["number"] for alert in newest] == numbers[:3]
    assert [alert["number"] for alert in live.alerts(after=numbers[3])] == sorted(numbers[:3])
    assert live.alerts(rule="calm") == []
    assert newest[0]["text"].startswith("burst: person_id ")
    assert (newest[0]["severity"], newest[0]["value"], newest[0]["window_start"]) == ("high", 4.0, iso(3))


def test_before_anything_has_run_there_is_nothing_and_no_file_is_made(tmp_path):
    from footfall.app.project import init_project

    project = init_project(tmp_path / "shop")
    live = project.live
    assert (live.views(), live.alerts(), live.begun) == ([], [], False)
    assert live.status()["position"] == 0
    with pytest.raises(InvalidQuery, match="there is no view 'pages'") as raised:
        live.rows("pages")
    assert raised.value.hint == "views: none yet; start the project with footfall up"
    assert not (project.path / ".footfall" / "state.db").exists()


def test_state_that_is_removed_and_made_anew_is_seen(shop):
    shop.send({"page": "/old"})
    shop.take()
    live = shop.project.live
    assert [row["page"] for row in live.rows("pages")] == ["/old"]
    shop.rest()
    for file in (shop.project.path / ".footfall").glob("state.*"):
        file.unlink()
    assert live.views() == []
    shop.send({"page": "/new"})
    shop.take()
    assert {row["page"] for row in live.rows("pages")} == {"/old", "/new"}


def test_the_lag_is_what_the_log_holds_and_nobody_took(shop):
    shop.send({}, {})
    shop.take()
    shop.send({}, {}, {})
    status = shop.project.live.status()
    assert (status["position"], status["log_end"], status["lag_records"]) == (2, 5, 3)
    assert abs(status["lag_s"] - (clock.now_us() - START_US) / 1e6) < 60
    assert status["streams"]["events"]["event_clock"] == iso(0)


# --- what cannot be asked ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "field", "hint"),
    [
        ("/api/v1/views/pags", 404, "view", "did you mean 'pages'?"),
        ("/api/v1/views/pags/stream", 404, "view", "did you mean 'pages'?"),
        ("/api/v1/views/pages/rows", 404, "path", "write /api/v1/views/NAME or /api/v1/views/NAME/stream"),
        ("/api/v1/views/", 404, "path", "write /api/v1/views/NAME or /api/v1/views/NAME/stream"),
        ("/api/v1/views?limit=1", 400, "limit", "this path takes none"),
        ("/api/v1/views/pages?ordr=events", 400, "ordr", "did you mean 'order'?"),
        ("/api/v1/views/pages?pag=/", 400, "pag", "did you mean 'page'?"),
        ("/api/v1/views/pages?order=event", 400, "order", "did you mean 'events'?"),
        ("/api/v1/views/pages?where=pag=/", 400, "where", "did you mean 'page'?"),
        ("/api/v1/views/pages?where=page", 400, "where", "write column=value, such as page=/cart"),
        ("/api/v1/views/pages?limit=0", 400, "limit", "write a number from 1 to 10,000"),
        ("/api/v1/views/pages?limit=10001", 400, "limit", "write a number from 1 to 10,000"),
        ("/api/v1/views/pages?limit=ten", 400, "limit", "write limit=100"),
        ("/api/v1/views/pages?limit=1&limit=2", 400, "limit", "give it once"),
        ("/api/v1/views/pages?latest=perhaps", 400, "latest", "write latest=1"),
        ("/api/v1/views/pages?since=soon", 400, "since", "write 2026-11-01, 2026-11-01T08:00:00Z, or a span back from now such as 10m"),
        ("/api/v1/views/pages?format=xml", 400, "format", "write format=json or format=csv"),
        ("/api/v1/views/pages/stream?limit=1001", 400, "limit", "write a number from 1 to 1,000"),
        ("/api/v1/views/pages/stream?format=csv", 400, "format", "parameters: since, until, where, order, latest, limit, page"),
        ("/api/v1/alerts?after=-1", 400, "after", "write after=100"),
        ("/api/v1/alerts?after=9999999999999999999", 400, "after", "write a number of 0 or more"),
        ("/api/v1/alerts?rules=burst", 400, "rules", "did you mean 'rule'?"),
        ("/api/v1/live?x=1", 400, "x", "this path takes none"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(shop, path, status, field, hint):
    shop.send({})
    shop.take()

    async def main():
        async with Port(shop) as port:
            reply = await port.get(path)
            error = reply.json()["error"]
            assert (reply.status, error["field"], error["hint"]) == (status, field, hint)
            assert error["sentence"]
            assert error["code"] == "invalid_query"

    run(main())


WORDS = ["since", "until", "where", "order", "latest", "limit", "format", "page", "events", "after", "rule", "x", "window_start", "final", ""]
VALUES = [
    "", "0", "1", "-1", "9" * 30, "page", "-page", "--page", "page=", "page=/", "page==", "=", "events", "mean_ms=1.5", "true", "10m", "none", "1e9d", "2026-11-25", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999-23:59", "2026-11-25T10:00:00Z", "csv", "json", "\x00", "\ufffd", '"', "'; DROP TABLE views; --", "\U0001f600", "a" * 5_000,
]  # fmt: skip


def test_no_question_breaks_anything(shop):
    seed = random.randrange(1 << 32)
    state = random.Random(seed)
    shop.send(*some_events(1, 100))
    shop.take()
    paths = ["/api/v1/views/pages", "/api/v1/views/trails", "/api/v1/views/burst", "/api/v1/alerts", "/api/v1/views", "/api/v1/live"]

    async def main():
        statuses = Counter()
        async with Port(shop) as port:
            for _ in range(1_500):
                pairs = [(state.choice(WORDS), state.choice(VALUES)) for _ in range(state.randrange(4))]
                path = f"{state.choice(paths)}?{urllib.parse.urlencode(pairs)}"
                headers = {"last-event-id": state.choice(["", "1", "-1", "x", "9" * 5_000])}
                reply = await port.get(path, headers)
                statuses[reply.status] += 1
                assert reply.status in (200, 400), f"state {seed}: {path}: {reply.body}"
                if path.startswith("/api/v1/views/"):
                    begun = await port.get(path.replace("?", "/stream?"), headers, "HEAD")
                    assert begun.status in (200, 400), f"state {seed}: {path}: {begun.body}"
        assert min(statuses[200], statuses[400]) > 100, statuses

    run(main())


def test_python_refuses_the_same(shop):
    shop.send({})
    shop.take()
    with pytest.raises(InvalidQuery, match="there is no parameter 'ordr'") as raised:
        shop.project.live.rows("pages", ordr="events")
    assert raised.value.hint == "did you mean 'order'?"
    with pytest.raises(InvalidQuery, match="limit cannot be 'all'"):
        shop.project.live.rows("pages", limit="all")
    with pytest.raises(InvalidQuery, match="page is no text"):
        shop.project.live.rows("pages", where={"page": "\udcff"})


def test_methods_and_origins_are_as_on_every_page_of_the_door(shop):
    shop.send({})
    shop.take()

    async def main():
        async with Port(shop) as port:
            head = await port.get("/api/v1/views/pages", method="HEAD")
            assert (head.status, head.body, head.headers["content-type"]) == (200, b"", "application/json")
            stream = await port.get("/api/v1/views/pages/stream", method="HEAD")
            assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
            assert (await port.get("/api/v1/views/pages", method="POST")).status == 405
            reply = await port.get("/api/v1/views", {"origin": "https://a.example"})
            assert reply.headers["access-control-allow-origin"] == "https://a.example"
            preflight = await port.get("/api/v1/alerts/stream", {"origin": "https://a.example"}, "OPTIONS")
            assert "Last-Event-ID" in preflight.headers["access-control-allow-headers"]
            document = (await port.get("/openapi.json")).json()
            for path in [*port.further.pages, "/api/v1/views/{name}", "/api/v1/views/{name}/stream"]:
                assert "get" in document["paths"][path], path

    run(main())


def test_where_there_are_keys_only_those_who_may_read_do(shop):
    shop.send({})
    shop.take()

    async def main():
        async with Port(shop) as port:
            assert (await port.get("/api/v1/views")).status == 200
            writer, reader, admin = (port.desk.keys.add(scope, scope) for scope in ("write", "read", "admin"))
            for path in (
                "/api/v1/views",
                "/api/v1/views/pages",
                "/api/v1/views/pages/stream",
                "/api/v1/alerts",
                "/api/v1/alerts/stream",
                "/api/v1/live",
            ):
                statuses = [(await port.get(path, {"authorization": f"Bearer {key}"}, "HEAD")).status for key in (writer, reader, admin, "guess")]
                assert statuses == [401, 200, 200, 401], path
            refused = await port.get("/api/v1/views")
            assert (refused.status, refused.json()["error"]["code"], refused.headers["www-authenticate"]) == (401, "unknown_key", "Bearer")

    run(main())


def test_slow_questions_do_not_hold_up_the_door_and_too_many_are_turned_away(shop, monkeypatch):
    monkeypatch.setattr(pages, "READS_MAX", 2)

    async def main():
        async with Port(shop) as port:
            holds = threading.Event()
            slow = [asyncio.create_task(port.pages._read(holds.wait)) for _ in range(2)]
            await asyncio.sleep(0)
            assert (await port.get("/healthz")).status == 200
            refused = await port.get("/api/v1/views")
            assert (refused.status, refused.json()["error"]["code"]) == (429, "busy")
            assert int(refused.headers["retry-after"]) >= 1
            assert (await port.get("/metrics")).status == 200
            holds.set()
            await asyncio.gather(*slow)
            assert (await port.get("/api/v1/views")).status == 200

    run(main())


def test_state_that_cannot_be_read_is_said_and_the_door_stays_open(shop):
    file = shop.project.path / ".footfall" / "state.db"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"this is no database, but long enough to be taken for one" * 100)

    async def main():
        async with Port(shop) as port:
            reply = await port.get("/api/v1/views")
            assert (reply.status, reply.json()["error"]["code"]) == (503, "storage_failed")
            assert (await port.get("/metrics")).status == 200
            assert (await port.get("/healthz")).status == 200

    run(main())


# --- streams, without a server -------------------------------------------------------------------------------------------


class Stream:
    """The events of a stream's pieces."""

    def __init__(self, pieces):
        self.pieces = pieces
        self.comments = 0
        self.quiet = asyncio.Event()

    async def next(self):
        async for piece in self.pieces:
            text = piece.decode()
            if text.startswith(":"):
                self.comments += 1
                if self.comments == 3:
                    self.quiet.set()
            elif not text.startswith("retry:"):
                lines = dict(line.split(": ", 1) for line in text.splitlines() if line)
                return lines["event"], int(lines.get("id", -1)), json.loads(lines["data"])
        raise EOFError

    async def close(self):
        await self.pieces.aclose()


async def stream_of(port, path, headers=None):
    from footfall.collect.wire.contract import Asked

    path, _, query = path.partition("?")
    page = port.further.pages.get(path) or port.further.prefixes["/api/v1/views/"]
    answer = await page(Asked("GET", path, b"", query.encode(), {name.encode(): value.encode() for name, value in (headers or {}).items()}))
    return Stream(answer.pieces)


def test_a_stream_begins_with_what_there_is_and_tells_changes_only(shop):
    async def main():
        shop.send({"page": "/", "s": 1})
        shop.take()
        async with Port(shop) as port:
            stream = await stream_of(port, "/api/v1/views/pages/stream?page=/")
            name, first, document = await stream.next()
            assert (name, document["sequence"], document["rows"]) == ("rows", first, shop.project.live.rows("pages", where={"page": "/"}))
            shop.send({"page": "/other", "s": 2})
            shop.take()
            shop.send({"page": "/", "s": 3})
            shop.take()
            name, second, document = await stream.next()
            assert [row["events"] for row in document["rows"]] == [2]
            assert second == shop.project.live.view("pages", ViewAsked())["sequence"] > first
            await stream.close()

            again = await stream_of(port, "/api/v1/views/pages/stream?page=/", {"last-event-id": str(second)})
            waiting = asyncio.create_task(again.next())
            other = await stream_of(port, "/api/v1/views/pages/stream?page=/", {"last-event-id": str(first)})
            assert (await other.next())[1] == second, "it missed something"
            assert not waiting.done(), "it has seen everything"
            shop.send({"page": "/", "s": 70})
            shop.take()
            assert [row["events"] for row in (await waiting)[2]["rows"]] == [1, 2]
            assert [row["events"] for row in (await other.next())[2]["rows"]] == [1, 2]
            await again.close()
            await other.close()
            assert port.pages._streams._pulse._beating is None, "nobody waits, so nobody looks"

    run(main())


def test_a_stream_of_alerts_leaves_none_out(shop, monkeypatch):
    monkeypatch.setattr(streams, "ALERTS_AT_ONCE", 3)

    def raise_some(minute):
        shop.send(*({"person": person, "s": minute * 60 + n} for n in range(4) for person in "abcdefgh"))
        shop.take()

    async def main():
        raise_some(0)
        async with Port(shop) as port:
            stream = await stream_of(port, "/api/v1/alerts/stream?limit=5")
            found = [await stream.next() for _ in range(5)]
            assert [number for _, number, _ in found] == [4, 5, 6, 7, 8], "the newest, oldest first"
            raise_some(1)
            found += [await stream.next() for _ in range(8)]
            assert [number for _, number, _ in found] == list(range(4, 17))
            assert found[-1][2] == shop.project.live.alerts(limit=1)[0]
            await stream.close()
            resumed = await stream_of(port, "/api/v1/alerts/stream?rule=burst", {"last-event-id": "6"})
            assert [(await resumed.next())[1] for _ in range(10)] == list(range(7, 17))
            await resumed.close()
            beyond = await stream_of(port, "/api/v1/alerts/stream", {"last-event-id": "1000"})
            assert (await beyond.next())[1] == 1, "numbers began again"
            await beyond.close()
            nobody = await stream_of(port, "/api/v1/alerts/stream?rule=calm")
            waiting = asyncio.create_task(nobody.next())
            raise_some(2)
            live = await stream_of(port, "/api/v1/alerts/stream?after=16")
            assert (await live.next())[1] == 17
            assert not waiting.done()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await live.close()

    run(main())


def test_a_quiet_stream_gives_signs_of_life(shop, monkeypatch):
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.05)

    async def main():
        shop.send({})
        shop.take()
        async with Port(shop) as port:
            stream = await stream_of(port, "/api/v1/views/pages/stream")
            await stream.next()
            waiting = asyncio.create_task(stream.next())
            await stream.quiet.wait()
            assert stream.comments >= 3
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    run(main())


def test_streams_of_one_question_read_once(shop, monkeypatch):
    reads = Counter()
    view = Live.view

    def counting(self, name, asked):
        reads[name, asked.limit] += 1
        return view(self, name, asked)

    monkeypatch.setattr(Live, "view", counting)

    async def main():
        shop.send({})
        shop.take()
        async with Port(shop) as port:
            found = [await stream_of(port, "/api/v1/views/pages/stream") for _ in range(50)]
            await asyncio.gather(*(stream.next() for stream in found))
            before = reads["pages", 100]
            assert before <= 5
            shop.send({})
            shop.take()
            await asyncio.gather(*(stream.next() for stream in found))
            assert reads["pages", 100] - before <= 3
            for stream in found:
                await stream.close()

    run(main())


def test_what_takes_long_to_read_is_looked_at_more_rarely():
    async def main():
        looks, reads = [], []

        async def look():
            looks.append(clock.monotonic_s())
            return len(looks)

        async def slow():
            reads.append(clock.monotonic_s())
            await asyncio.sleep(0.15)
            return "read"

        pulse = Pulse(look)
        async with pulse.followed():
            beat = -1
            while len(reads) < 4:
                assert await pulse.after(beat, 10)
                beat = pulse.beat
                assert await asyncio.gather(*(pulse.once("key", slow) for _ in range(3))) == ["read"] * 3
        pauses = [later - earlier for earlier, later in pairwise(looks)]
        assert min(pauses[2:]) >= REST * 0.15
        assert pauses[0] > EVERY_S * 0.9

    run(main())


def test_a_stream_whose_view_goes_says_so_and_ends(shop):
    async def main():
        shop.send({})
        shop.take()
        async with Port(shop) as port:
            stream = await stream_of(port, "/api/v1/views/pages/stream")
            await stream.next()
            shop.rest()
            for file in (shop.project.path / ".footfall").glob("state.*"):
                file.unlink()
            name, _, document = await stream.next()
            assert (name, document["error"]["field"]) == ("problem", "view")
            with pytest.raises(EOFError):
                await stream.next()

    run(main())


# --- metrics -------------------------------------------------------------------------------------------------------------

SAMPLE = re.compile(r'^(?P<name>[a-z_]+)(?:\{(?P<labels>(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (?P<value>[-+0-9.e]+|\+Inf|NaN)$')


OF_DIMENSIONS = {"footfall_live_dimension_unknown_total"}  # this shop declares none


def samples(text):
    """The samples of an exposition by name and labels, which must have one type each and no repetition."""
    types, found = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in types, f"{name} is declared twice"
            types[name] = kind
            continue
        match = SAMPLE.match(line)
        assert match, line
        assert match["name"] in types or re.sub(r"_(bucket|sum|count)$", "", match["name"]) in types, f"{line} has no type"
        assert (match["name"], match["labels"]) not in found, f"{line} is there twice"
        found[match["name"], match["labels"]] = float(match["value"])
    return found


def test_metrics_say_what_the_status_says_and_are_explained(shop):
    shop.send(*some_events(9, 200))
    shop.take()
    shop.send({})
    alert = Alert("id", "burst", "high", {}, 1, None, 1)
    deliveries = Deliveries(shop.project.path / ".footfall" / "deliveries.db")
    deliveries.note(Noted("mail", 1, passed=(1, "id"), delivered=[(1, alert.id)]))
    deliveries.close()

    async def main():
        async with Port(shop) as port:
            await port.ask("/v1/track", b'{"event":"x","userId":"u","messageId":"m"}')
            await port.ask("/v1/track", b"{")
            return (await port.get("/metrics")).body.decode(), (await port.get("/api/v1/live")).json()

    text, status = run(main())
    found = samples(text)
    assert found["footfall_live_position", None] == status["position"]
    assert found["footfall_live_lag_records", None] == status["lag_records"] == 3
    assert found["footfall_live_lag_seconds", None] > 0
    for operator, counts in status["counts"].items():
        for name, value in counts.items():
            assert found["footfall_live_records_total", f'operator="{operator}",outcome="{name}"'] == value
    watermark_us = round(found["footfall_live_watermark_seconds", 'stream="events"'] * 1e6)
    assert live_reading.iso(watermark_us) == status["streams"]["events"]["event_clock"]
    assert found["footfall_live_state_bytes", 'operator="view:pages"'] == status["state_bytes"]["view:pages"] > 0
    assert found["footfall_live_state_rows", 'operator="view:pages",table="main"'] > 0
    assert found["footfall_live_step_seconds_total", 'step="commit"'] > 0
    assert found["footfall_live_batch_milliseconds", 'quantile="0.5"'] > 0
    assert found["footfall_deliveries_total", 'action="mail",outcome="delivered"'] == 1
    explained = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    names = {re.sub(r"_(bucket|sum|count)$", "", name) if name.startswith("footfall_answer") else name for name, _ in found}
    assert len(names) > 20
    assert sorted(name for name in names if f"`{name}`" not in explained) == []
    assert sorted(set(re.findall(r"`(footfall_[a-z_]+)`", explained)) - names - OF_DIMENSIONS) == [], "explained, but never shown"


def test_names_in_labels_are_escaped():
    from footfall.app.api.metrics import _labels

    assert _labels({"a": 'say "hi"\\\n'}) == '{a="say \\"hi\\"\\\\\\n"}'


def test_the_example_of_the_documentation_runs(shop, monkeypatch):
    shop.send(*({"page": "/hats", "s": second} for second in range(5)))
    shop.take()
    text = (ROOT / "docs" / "live-api.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(shop.project.path.parent)
    names: dict[str, Any] = {}
    exec(compile(example, "docs/live-api.md", "exec"), names)
    assert names["live"].rows("pages", where={"page": "/hats"})[0]["events"] == 5
    names["live"].close()
