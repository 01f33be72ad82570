"""Settling against its twin: random events with ties, missing fields, escapes, duplicate keys and skewed clocks, raw and as lines."""

from __future__ import annotations

import json
import random
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pytest
from settle_twin import Twin

from footfall.collect.protocols import Segment
from footfall.collect.settle import Settled, Settler, settler
from footfall.collect.wire.contract import Asked
from footfall.errors import InvalidConfig
from footfall.event.plan import TrackingPlan
from footfall.eventlog.contract import Block, Form, Frame

RECEIVED_US = 1_795_341_600_000_000
PLAN = TrackingPlan(columns={"price": "float64", "colour": "string"})
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "analytics-node/1.0",
)
URLS = (
    "https://shop.example/cart?utm_source=news%20letter&utm_medium=email&x=1#end",
    "https://me:secret@shop.example:8443/p/é?gclid=1&utm_campaign=a+b&utm_campaign=c",
    "https://shop.example",
    "/only/a/path?utm_source=",
    "https:\\/\\/shop.example\\/escaped\\/?utm_medium=cpc",
    "myapp://screen/3",
)
REFERRERS = ("https://www.google.com/search?q=x", "https://SHOP.example/", "https://blog.example/post", "android-app://com.google.android.gm/")
WEIRD = ("plain", 'quote \\" and \\\\ slash', "\\u00e9\\ud83d\\ude00", "tab\\t", "é😀", 'ends with {[\\"')


def quoted(value: str) -> str:
    """A JSON string of text that is escaped already."""
    return f'"{value}"'


def random_members(chance: random.Random) -> list[tuple[str, str]]:
    """Members of a canonical event as JSON text; now and then one is missing, null, empty or twice."""
    members = [("name", quoted(chance.choice(["view", "cart", "weird \\u00e9"])))]
    if chance.random() < 0.8:
        members.append(("event_id", quoted(f"m{chance.randrange(10**9)}")))
    if chance.random() < 0.8:
        members.append(("event_time", random_time(chance)))
    if chance.random() < 0.3:
        members.append(("sent_time", random_time(chance)))
    if chance.random() < 0.1:
        members.append(("true_time", "true"))
    members += [(name, value) for name in ("user_id", "anonymous_id") for value in random_id(chance)]
    if chance.random() < 0.3:
        members.append(("identity", quoted(chance.choice(["identify", "alias", "merge", "other"]))))
    if chance.random() < 0.2:
        members.append(("previous_id", quoted(f"a{chance.randrange(4)}")))
    optional = {"url": URLS, "referrer": REFERRERS, "agent": AGENTS, "page": ("/own",), "country": ("FR",), "os": ("Own OS",), "utm_source": ("own",)}
    members += [(name, quoted(chance.choice(values))) for name, values in optional.items() if chance.random() < 0.4]
    if chance.random() < 0.1:
        members.append(("is_bot", chance.choice(["true", "false"])))
    if chance.random() < 0.7:
        members.append(("properties", chance.choice(["null", '"text"', "[1, 2]", *[random_object(chance)] * 6])))
    if chance.random() < 0.5:
        members.append(("context", random_object(chance)))
    if chance.random() < 0.1:
        members += [("ip", quoted("hashed")), ("unheard", "[1]")]
    if chance.random() < 0.1:
        members.append((chance.choice(["name", "user_id", "anonymous_id", "event_id", "page"]), chance.choice(["null", '""', '"again"'])))
    head, *rest = members
    chance.shuffle(rest)
    return [head, *rest]


def random_time(chance: random.Random) -> str:
    second = RECEIVED_US // 1_000_000 + chance.choice([-3, 0, 0, -86_400, 3_600, -3_000_000_000, 3_000_000_000])
    moment = f"2026-11-{chance.randrange(1, 29):02d}T{chance.randrange(24):02d}:00:0{chance.randrange(10)}"
    return chance.choice(
        [str(second * 1_000_000 + chance.randrange(3)), quoted(moment + "Z"), quoted(moment), quoted(moment + ".5+02:00"), '"no time"', "null"]
    )


def random_id(chance: random.Random) -> list[str]:
    return [] if chance.random() < 0.3 else [chance.choice([quoted(f"u{chance.randrange(4)}"), quoted(f"a{chance.randrange(4)}"), "7", "null", '""'])]


def random_object(chance: random.Random) -> str:
    values = ["1.5", "2e3", "true", "null", "[1,\n2]", '{"deep": [{"er": "}"}]}', *(quoted(value) for value in WEIRD)]
    prices = ["1.5", "7", "null", '""', '"dear"', "-3e2"]
    members = [(chance.choice(["price", "pri\\u0063e"]), chance.choice(prices)), ("colour", chance.choice(['"red"', "null", '"gr\\u00fcn"']))]
    members += [(f"k{chance.randrange(4)}", chance.choice(values)) for _ in range(chance.randrange(5))]
    chosen = chance.sample(members, chance.randrange(len(members) + 1))
    blank = chance.choice(["", " ", "\n\t"])
    return "{" + f",{blank}".join(f'"{name}":{blank}{value}' for name, value in chosen) + blank + "}"


def record_of(chance: random.Random) -> str:
    blank = chance.choice(["", " "])
    return "{" + f",{blank}".join(f'"{name}":{blank}{value}' for name, value in random_members(chance)) + "}"


def random_blocks(chance: random.Random) -> list[tuple[Block, list[list[str]]]]:
    blocks, position = [], chance.choice([0, 12_345])
    for _ in range(chance.randrange(1, 5)):
        frames, texts = [], []
        for _ in range(chance.randrange(1, 5)):
            records = [record_of(chance) for _ in range(chance.randrange(1, 12))]
            frames.append(
                Frame(
                    "events",
                    "native",
                    "lines",
                    len(records),
                    RECEIVED_US + chance.randrange(10**9),
                    framed(chance, records),
                    source=chance.choice(["web", "app", None]),
                    sent=chance.choice([None, None, RECEIVED_US + 5_000_000, "2026-11-22T11:00:00Z", "nonsense"]),
                    agent=chance.choice([None, AGENTS[0]]),
                    country=chance.choice([None, "DE"]),
                    city=chance.choice([None, "Köln"]),
                )
            )
            texts.append(records)
        count = sum(frame.count for frame in frames)
        blocks.append((Block(position, count, RECEIVED_US, frames), texts))
        position += count
    return blocks


def framed(chance: random.Random, records: list[str]) -> bytes:
    """Records as lines, as an array, or after each other."""
    return chance.choice(["\n".join(records) + "\n", "[" + ",\n".join(records) + "]", " ".join(records)]).encode()


def rows_of(events: pa.Table) -> list[dict[str, Any]]:
    times = ("event_time", "received_time", "sent_time", "client_time")
    for name in times:
        events = events.set_column(events.schema.get_field_index(name), name, events.column(name).cast(pa.int64()))
    rows = events.to_pylist()
    for row in rows:
        row["properties"] = None if row["properties"] is None else json.loads(row["properties"])
    return rows


def edges_in(settled: Settled) -> list[tuple[int, str, str, str]]:
    return [(row["position"], row["kind"], row["a"], row["b"]) for row in settled.edges.to_pylist()]


@pytest.mark.parametrize("seed", range(40))
def test_settling_agrees_with_its_twin(seed, monkeypatch):
    chance = random.Random(seed)
    monkeypatch.setattr(settler, "RECORDS_AT_ONCE", chance.choice([1, 7, 20_000]))
    blocks = random_blocks(chance)
    twin = Twin("log", PLAN.columns)
    twin.settle(blocks)
    settled = Settler(PLAN, log_name="log").settle([block for block, _ in blocks])
    assert [(row["position"], row["reason"]) for row in settled.letters.to_pylist()] == twin.letters, seed
    for found, expected in zip(rows_of(settled.events), twin.events, strict=True):
        assert found == expected, seed
    assert sorted(edges_in(settled)) == sorted(twin.edges), seed


def test_settling_again_gives_the_same_rows_and_no_second_join():
    blocks = [block for block, _ in random_blocks(random.Random(3))]
    first_settler = Settler(PLAN, log_name="log")
    first, again = first_settler.settle(blocks), first_settler.settle(blocks)
    assert again.events.equals(first.events)
    assert again.letters.equals(first.letters)
    assert {kind for _, kind, _, _ in edges_in(again)} <= {"alias", "merge"}
    other = Settler(PLAN, log_name="log")
    other.know(first.edges)
    assert edges_in(other.settle(blocks)) == edges_in(again)


def segment_body(count: int) -> bytes:
    batch = [
        {
            "type": "track",
            "event": f"e{number % 3}",
            "messageId": f"m{number}",
            "userId": f"u{number % 5}",
            "anonymousId": f"a{number % 5}",
            "originalTimestamp": f"2026-11-22T09:59:{number % 60:02d}Z",
            "properties": {"price": number / 4, "colour": "red", "left": [number, "\n"]},
            "context": {"page": {"url": "https://shop.example/x", "referrer": "https://duckduckgo.com/"}, "userAgent": AGENTS[0]},
        }
        for number in range(count)
    ]
    return json.dumps({"batch": batch}, indent=1).encode()


@pytest.mark.parametrize("kept", [None, (0, 2, 5), (7,)])
def test_a_raw_body_settles_as_its_canonical_lines_do(kept):
    protocol, body = Segment(), segment_body(8)
    events = protocol.events(protocol.read(Asked("POST", "/v1/batch", body)))
    picked = events if kept is None else [events[index] for index in kept]
    lines = msgspec.json.Encoder().encode_lines(picked)

    def settled(form: Form, content: bytes) -> Settled:
        places = kept if form == "raw" else None
        frame = Frame("events", "segment", form, len(picked), RECEIVED_US, content, "web", "2026-11-22T10:00:00Z", path="/v1/batch", kept=places)
        return Settler(PLAN, log_name="log").settle([Block(10, len(picked), RECEIVED_US, [frame])])

    raw, canonical = settled("raw", body), settled("lines", lines)
    assert raw.events.equals(canonical.events)
    assert len(raw.events) == len(picked)
    assert raw.events.column("channel").to_pylist() == ["Organic Search"] * len(picked)
    assert raw.events.column("price").to_pylist() == [json.loads(bytes(event.properties))["price"] for event in picked]


@pytest.mark.parametrize("form", ["lines", "array", "one", "envelope", "kept"])
def test_raw_native_bodies_settle_in_every_form(form):
    events = [{"name": f"e{number}", "user_id": "u", "properties": {"price": number, "note": "a\nb"}} for number in range(1 if form == "one" else 4)]
    lines = "\n".join(json.dumps(event) for event in events)
    bodies = {"lines": lines, "array": json.dumps(events, indent=2), "one": json.dumps(events[0], indent=2), "kept": lines}
    body = bodies.get(form, json.dumps({"events": events})).encode()
    kept = (1, 3) if form == "kept" else None
    count = 2 if kept else len(events)
    frame = Frame("events", "native", "raw", count, RECEIVED_US, body, path="/api/v1/events", kept=kept)
    settled = Settler(PLAN, log_name="log").settle([Block(0, count, RECEIVED_US, [frame])])
    expected = [1.0, 3.0] if kept else [float(number) for number in range(len(events))]
    assert settled.events.column("price").to_pylist() == expected
    assert settled.events.column("properties").to_pylist() == ['{"note": "a\\nb"}'] * count


def frame_of(stream: Any, body: bytes, count: int, *, form: Form = "lines", protocol: str = "segment") -> Frame:
    return Frame(stream, protocol, form, count, RECEIVED_US, body, "web", path="/v1/batch")


def settle(*frames: Frame) -> Settled:
    count = sum(frame.count for frame in frames)
    return Settler(PLAN, log_name="log").settle([Block(100, count, RECEIVED_US, list(frames))])


def test_properties_and_attributes_hold_no_halves_of_characters():
    """SQL refuses a whole column of JSON for one such text, and JavaScript makes them when it cuts a text."""
    event = b'{"name":"a","user_id":"u","note":"cut \\ud83d","properties":{"deep":{"\\ude00":["\\ud83d\\ude00","\\\\ud83d"]}}}'
    line = b'{"kind":"error","message":"m","attributes":{"text":"\\ud83d"}}'
    settled = settle(frame_of("events", event, 1, protocol="native"), frame_of("logs", line, 1, protocol="native"))
    found = settled.events.column("properties").to_pylist() + settled.logs.column("attributes").to_pylist()
    assert found == ['{"note":"cut \\ufffd","deep":{"\\ufffd":["\\ud83d\\ude00","\\\\ud83d"]}}', '{"text":"\\ufffd"}']
    assert [duckdb.connect().execute("SELECT json_valid(?)", [text]).fetchone() for text in found] == [(True,), (True,)]


def test_broken_missing_and_surplus_records_each_have_one_outcome():
    good = b'{"name":"a","user_id":"u"}'
    deep = b'{"name":"a","user_id":"u","properties":' + b'{"a":' * 70 + b"1" + b"}" * 70 + b"}"
    faulty = [b'{"name":"a" "user_id":"u"}', deep, b'{"name":"a","user_id":"\xff"}', b'{"name":"a","user_id":"u","url":"\\ud800"}']
    settled = settle(frame_of("events", b"\n".join([good, *faulty, good]), 6), frame_of("events", good, 3), frame_of("events", good, 1))
    assert settled.events.column("position").to_pylist() == [100, 105, 106, 109]
    letters = settled.letters.to_pylist()
    assert [letter["position"] for letter in letters] == [101, 102, 103, 104, 107, 108]
    reasons = ["malformed_row", "malformed_row", "invalid_encoding", "invalid_encoding", "malformed_row", "malformed_row"]
    assert [letter["reason"] for letter in letters] == reasons
    assert letters[0] | {"detail": None} == {
        "file": "http:segment",
        "line": None,
        "reason": "malformed_row",
        "detail": None,
        "row": faulty[0].decode(),
        "received_time": letters[1]["received_time"],
        "digest": None,
        "letter_id": "log-101",
        "protocol": "segment",
        "source": "web",
        "position": 101,
    }


def test_a_body_that_cannot_be_read_again_becomes_one_letter_a_record():
    settled = settle(frame_of("events", b'{"batch":[]}', 2, form="raw"), frame_of("events", segment_body(2), 3, form="raw"))
    assert settled.letters.column("reason").to_pylist() == ["malformed_body"] * 5
    assert [bool(row) for row in settled.letters.column("row").to_pylist()] == [True, False, True, False, False]
    assert "held 3 accepted events and now has 2" in settled.letters.column("detail").to_pylist()[2]


def test_a_protocol_that_nobody_knows_stops_everything_and_loses_nothing():
    with pytest.raises(InvalidConfig, match="bodies of the protocol 'segmnt', which this version cannot read"):
        settle(frame_of("events", segment_body(1), 1, form="raw", protocol="segmnt"))


def test_letters_of_the_door_keep_their_reason_and_place():
    line = b'{"reason":"missing_name","detail":"no name","row":"{\\"x\\":1}\\n","place":4}\n'
    settled = settle(frame_of("letters", line + b"{broken}\n", 2))
    found = [(row["line"], row["reason"], row["row"], row["letter_id"]) for row in settled.letters.to_pylist()]
    assert found == [(5, "missing_name", '{"x":1}\n', "log-100"), (None, "malformed_event", "{broken}", "log-101")]


def test_log_lines_are_typed_and_get_the_time_of_their_receipt():
    records = [
        {"kind": "access", "time": "2026-11-22T09:00:00Z", "status": 200, "duration_ms": 1.5, "agent": AGENTS[1], "attributes": {"a": [1]}},
        {"kind": "error", "message": "two\nlines", "event_id": "e1"},
        {"kind": "error", "time": "never"},
        {"message": "no kind"},
    ]
    settled = settle(frame_of("logs", b"\n".join(json.dumps(record).encode() for record in records), 4, protocol="otlp"))
    rows = settled.logs.to_pylist()
    assert [(row["position"], row["kind"], row["event_id"], row["status"], row["is_bot"]) for row in rows] == [
        (100, "access", "log-100", 200, True),
        (101, "error", "e1", None, None),
    ]
    assert rows[0]["attributes"] == '{"a": [1]}'
    assert [row["time"].timestamp() * 1_000_000 for row in rows] == [RECEIVED_US - 3_600_000_000, RECEIVED_US]
    assert settled.letters.column("reason").to_pylist() == ["invalid_time", "missing_name"]
    assert settled.letters.column("file").to_pylist() == ["http:otlp"] * 2


def test_a_correction_beyond_all_time_says_so():
    line = b'{"name":"a","user_id":"u","event_time":1,"sent_time":7000000000000000}'
    settled = settle(frame_of("events", line, 1))
    detail = "event_time = '1' is no time between 1970 and 2200 once corrected by the client's clock at sending"
    assert settled.letters.column("detail").to_pylist() == [detail]


def test_streams_share_one_line_of_positions():
    event = b'{"name":"a","user_id":"u"}'
    settled = settle(
        frame_of("events", event, 1),
        frame_of("letters", b'{"reason":"r","detail":"d","row":""}', 1),
        frame_of("logs", b'{"kind":"x"}', 1),
        frame_of("events", event, 1),
    )
    assert settled.events.column("event_id").to_pylist() == ["log-100", "log-103"]
    assert settled.letters.column("position").to_pylist() == [101]
    assert settled.logs.column("position").to_pylist() == [102]
    assert settled.records == 4
