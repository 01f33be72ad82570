"""Bodies of Segment that are scanned where they stand settle as those that the protocol reads: the same tables, to the last byte."""

from __future__ import annotations

import json
import random

import msgspec
import pytest
from examples.segment import EXAMPLES

from footfall.collect.protocols import Segment
from footfall.collect.routing import every_protocol
from footfall.collect.settle import Settled, Settler
from footfall.collect.settle.segment_rows import SegmentScanner
from footfall.collect.settle.settler import FIELDS
from footfall.collect.wire.contract import Asked, BadRequest
from footfall.event.plan import TrackingPlan
from footfall.eventlog.contract import Block, Frame

RECEIVED_US = 1_795_341_600_000_000
PLANS = (
    TrackingPlan(),
    TrackingPlan(columns={"price": "float64", "colour": "string"}),
    TrackingPlan(names=("view", "page_view"), columns={"path": "int64"}),
)


class ReadBySegment(Segment):
    """The protocol itself, which the scanner does not stand in for."""


def quoted(text: str) -> str:
    return f'"{text}"'


TEXTS = ["x", "", "7", "view", "cart", "é😀", "\\u00e9", "\\ud83d\\ude00", 'q\\"u', "a\\/b\\\\", "tab\\t", "\\u0000", "]}{["]
HALVES = ["\\ud800", "\\ude00", "\\\\ud800", "\\ud83dx", "\\\\\\ud83d\\ude00", "\\ude00\\ud83d"]
ODD_VALUES = [
    "null",
    "true",
    "7",
    "0",
    "-0",
    "-1",
    "007",
    "1.0",
    "1e3",
    "123456789012345678",
    "12345678901234567890123",
    "[]",
    "{}",
    '[{"a":[1,"}"]}]',
    '""',
]
PLACES = ["https://shop.example/p?utm_source=mail&utm_medium=email", "https:\\/\\/shop.example\\/", "/p", "https://www.google.com/", ""]
TIMES = ["2026-11-22T09:59:58.000Z", "2026-11-22T09:59:59Z", "never", "2026-11-22 09:00:00+02:00", "", "1969-01-01T00:00:00Z"]


class Bodies:
    """Random bodies: mostly plain calls, each oddity now and then."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.oddity = self.chance.choice([0.0, 0.01, 0.05])

    def odd(self) -> bool:
        return self.chance.random() < self.oddity

    def value(self, usual: list[str]) -> str:
        if self.odd():
            half = self.chance.random() < 0.1
            return quoted(self.chance.choice(HALVES)) if half else self.chance.choice([*ODD_VALUES, quoted(self.chance.choice(TEXTS))])
        return quoted(self.chance.choice(usual))

    def name(self, name: str) -> str:
        return f"\\u{ord(name[0]):04x}{name[1:]}" if name and self.odd() else name

    def written(self, members: list[tuple[str, str]]) -> str:
        if self.odd() and members:
            members.append((self.chance.choice(members)[0], self.chance.choice([*ODD_VALUES, '"twice"'])))
        if self.odd():
            members.append(
                (self.chance.choice(["unheard", "integrations", "\\ud83d\\ude00", "a\\nb"]), self.chance.choice([*ODD_VALUES, '{"All":true}']))
            )
        self.chance.shuffle(members)
        blank = self.chance.choice(["", "", " ", "\n  "])
        return "{" + blank + f",{blank}".join(f'"{self.name(name)}":{blank}{value}' for name, value in members) + blank + "}"

    def some(self, members: dict[str, list[str]], share: float = 0.5) -> list[tuple[str, str]]:
        return [(name, self.value(usual)) for name, usual in members.items() if self.chance.random() < share]

    def properties(self) -> str:
        values = [*ODD_VALUES[:2], "7", "1.5", "[1,\n2]", '{"deep":[{"er":"}"}]}', *map(quoted, TEXTS)]
        names = ["price", "pri\\u0063e", "colour", "k0", "k1", "k0", "path", "", "price"]
        return self.written([(name, self.chance.choice(values)) for name in self.chance.sample(names, self.chance.randrange(6))])

    def context(self) -> str:
        if self.odd():
            return self.chance.choice(['{"a":' * 70 + "1" + "}" * 70, *ODD_VALUES])
        members = self.some({"userAgent": ["analytics-node/1.0", "Mozilla/5.0 (X11; Linux x86_64)"], "locale": TEXTS, "sessionId": ["s1", ""]})
        inner = {
            "page": {"url": PLACES, "path": ["/p", ""], "referrer": PLACES, "title": TEXTS},
            "campaign": {"source": TEXTS, "medium": ["cpc"], "name": TEXTS},
            "os": {"name": ["iOS"], "type": TEXTS},
            "device": {"type": ["mobile"], "name": TEXTS},
            "library": {"name": TEXTS},
        }
        for name, wanted in inner.items():
            if self.chance.random() < 0.4:
                members.append((name, self.chance.choice(ODD_VALUES) if self.odd() else self.written(self.some(wanted))))
        if self.odd():
            members.append(("ip", self.chance.choice(['"1.2.3.4"', "null", '""'])))
        if self.chance.random() < 0.05:
            members.append(("traits", self.properties()))
        if self.chance.random() < 0.1:
            members = [(name, value) for name, value in members if name != "sessionId"] + [("sessionId", "1795341000")]
        return self.written(members)

    def call(self) -> str:
        kind = self.chance.choice(["track"] * 6 + ["page", "screen", "identify", "alias"]) if self.oddity else "track"
        kind = self.chance.choice(["group", "merge", "?"]) if self.odd() else kind
        members = [("type", quoted(kind)), ("event", self.value(["view", "cart", "w\\u0065ird"])), ("anonymousId", self.value(["a1", "a2"]))]
        members += self.some({"messageId": TEXTS, "userId": ["u1", "u2", ""], "timestamp": TIMES, "originalTimestamp": TIMES, "sentAt": TIMES})
        members += self.some(dict.fromkeys(("name", "category", "previousId", "groupId", "writeKey", "traits"), TEXTS), 0.02)
        if self.chance.random() < 0.05:
            members = [(name, value) for name, value in members if name != "userId"] + [("userId", self.chance.choice(["0", "7"]))]
        if self.chance.random() < 0.8:
            members.append(("traits" if kind == "identify" else "properties", self.chance.choice(ODD_VALUES) if self.odd() else self.properties()))
        if self.chance.random() < 0.7:
            members.append(("context", self.context()))
        return self.chance.choice(ODD_VALUES) if self.odd() and self.odd() else self.written(members)

    def batch(self) -> str:
        calls = [self.call() for _ in range(self.chance.randrange(1, 9))]
        blank = self.chance.choice(["", "\n "])
        members = [("batch", "[" + f"{blank},{blank}".join(calls) + blank + "]")]
        return self.written(members + self.some({"sentAt": TIMES, "writeKey": ["k"]})) + blank

    def frame(self) -> Frame | None:
        single = self.chance.random() < 0.3
        path = self.chance.choice(["/v1/track", "/v1/page", "/v1/identify", "/api/s/s2s/track"]) if single else "/v1/batch"
        body = (self.call() if single else self.batch()).encode()
        try:
            held = len(Segment().read(Asked("POST", path, body)).items)
        except BadRequest:
            held = 1
        kept = None
        if held > 1 and self.chance.random() < 0.3:
            kept = tuple(sorted(self.chance.sample(range(held), self.chance.randrange(1, held))))
        count = held if kept is None else len(kept)
        if self.odd() and self.odd():
            count += 1
        sent = self.chance.choice([None, "2026-11-22T10:00:00Z"])
        return Frame("events", "segment", "raw", count, RECEIVED_US, body, "web", sent, path=path, kept=kept) if count else None


def settled_both(frames: list[Frame], plan: TrackingPlan) -> tuple[Settled, Settled]:
    """By the scanner, and by the protocol."""
    blocks, position = [], 100
    for frame in frames:
        blocks.append(Block(position, frame.count, RECEIVED_US, [frame]))
        position += frame.count
    read = {one.name: one for one in every_protocol()} | {"segment": ReadBySegment()}
    return Settler(plan, log_name="log").settle(blocks), Settler(plan, log_name="log", protocols=read).settle(blocks)


def assert_equal(frames: list[Frame], plan: TrackingPlan) -> None:
    scanned, read = settled_both(frames, plan)
    assert scanned.letters.to_pylist() == read.letters.to_pylist()
    assert scanned.events.to_pylist() == read.events.to_pylist()
    assert scanned.edges.equals(read.edges)
    assert scanned.events.schema.equals(read.events.schema)
    assert scanned.records == read.records


@pytest.mark.parametrize("seed", range(60))
def test_random_bodies_settle_as_the_protocol_reads_them(seed):
    bodies = Bodies(seed)
    frames = [frame for frame in (bodies.frame() for _ in range(25)) if frame is not None]
    line = Frame("events", "native", "lines", 1, RECEIVED_US, b'{"name":"between","user_id":"u","unheard":1,"properties":{"z":1}}')
    for place in range(0, len(frames), 7):
        frames.insert(place, line)
    assert_equal(frames, PLANS[seed % len(PLANS)])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_the_examples_settle_as_the_protocol_reads_them(example):
    held = Segment().read(example.asked).items
    frame = Frame("events", "segment", "raw", len(held), RECEIVED_US, example.asked.body, path=example.asked.path)
    assert_equal([frame], PLANS[1])


def plain_call(number: int) -> dict[str, object]:
    context = {"page": {"url": "https://shop.example/"}, "library": {"name": "x"}}
    return {"type": "track", "event": "view", "userId": f"u{number}", "context": context, "properties": {"price": number, "left": [number]}}


def scanned(calls: list[dict[str, object]], **other: object) -> tuple[int, int, int]:
    """How many calls the scanner took, left in doubt, and how many bodies it left whole."""
    frame = Frame("events", "segment", "raw", len(calls), RECEIVED_US, json.dumps({"batch": calls} | other).encode(), path="/v1/batch")
    found = SegmentScanner(FIELDS, ("price",)).scan([(frame, 0)])
    return len(found.raw), sum(map(len, found.doubts.values())), len(found.whole)


def test_plain_calls_are_scanned_and_the_others_are_not():
    calls = [plain_call(number) for number in range(10)]
    assert scanned(calls, sentAt="2026-11-22T10:00:00Z") == (10, 0, 0)
    assert scanned([*calls, calls[0] | {"groupId": "g"}]) == (10, 1, 0)
    assert scanned(calls, sentAt=7) == (0, 0, 1)
    assert scanned([*calls, calls[0] | {"event": "\ud800"}]) == (0, 0, 1)
    assert scanned([calls[0] | {"type": kind, "event": None, "properties": None} for kind in ("page", "screen", "identify", "alias")]) == (4, 0, 0)


@pytest.mark.parametrize("depth", [61, 62, 63, 64])
def test_both_ways_nest_to_the_same_depth(depth):
    deep = msgspec.Raw(b"[" * depth + b"]" * depth)
    call = {"type": "track", "event": "view", "userId": "u", "properties": {"deep": deep}, "context": {"page": {"deep": deep}, "deep": deep}}
    calls = [call, call | {"context": {"deep": deep}}, call | {"context": None}, call | {"properties": {"x": 1}, "context": None}]
    body = msgspec.json.encode({"batch": calls})
    assert_equal([Frame("events", "segment", "raw", len(calls), RECEIVED_US, body, path="/v1/batch")], PLANS[0])
