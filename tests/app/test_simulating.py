"""`footfall simulate`: what it sends is what the protocols read, and its counts are what arrived."""

from __future__ import annotations

import json
from collections import Counter
from urllib.parse import urlsplit

import msgspec
import pytest
from receiving_support import Collector

from footfall.app.front.sending.contract import micros
from footfall.app.front.sending.menu import NAMES, sender
from footfall.app.front.simulating import SimulationPlan, simulate, simulators
from footfall.cli.main import main
from footfall.collect.routing import Routing, every_protocol
from footfall.collect.wire.contract import Asked
from footfall.errors import InvalidQuery
from footfall.event.canonical import Event

NOW_US = 1_795_341_600_000_000
PROPERTIES = msgspec.Raw(b'{"product_id":7,"price":9.5,"brand":"\xc3\xa4"}')


@pytest.fixture
def collector():
    with Collector() as server:
        yield server


def read(post):
    """What the protocol of a path makes of a request."""
    parts = urlsplit(post.path)
    headers = {name.lower().encode(): value.encode() for name, value in post.headers.items()}
    asked = Asked("POST", parts.path, post.body, parts.query.encode(), headers, NOW_US)
    protocol, route = Routing(every_protocol()).first("POST", parts.path)
    protocol, _ = Routing(every_protocol()).choose(asked, protocol, route)
    batch = protocol.read(asked)
    return batch, protocol.events(batch)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_sent_is_what_the_protocol_reads(name):
    event = Event(
        "view", event_id="8f14e45f-ceea-467f-a8d1-7f5a0e8c1b2d", event_time=NOW_US - 5_000_000, user_id="u-12345", session_id="s-1",
        page="/p", properties=PROPERTIES,
    )  # fmt: skip
    form = sender(name)
    batch, (got,) = read(form.post([form.item(event)], "shop", NOW_US))
    assert batch.key == "shop"
    assert (got.name, got.user_id) == ("view", "u-12345")
    assert event.event_id in got.event_id  # some protocols add whose id it is
    assert msgspec.json.decode(got.properties).items() >= {"product_id": 7, "price": 9.5, "brand": "ä"}.items()
    time = got.event_time
    if isinstance(time, str):
        time = {"2026-11-22T09:59:55.000Z": NOW_US - 5_000_000}.get(time, int(time) * 1000 if time.isdecimal() else time)
    assert time == micros(event)


@pytest.mark.parametrize("name", NAMES)
def test_an_event_without_what_is_demanded_is_refused_and_the_others_are_not(name):
    form = sender(name)
    items = [form.item(Event("view", event_id=f"8f14e45f-ceea-467f-a8d1-7f5a0e8c1b2{n}", event_time=NOW_US, user_id="u-12345")) for n in range(3)]
    items[1].pop(form.name_member)
    batch, events = read(form.post(items, "shop", NOW_US))
    assert len(events) == 2
    assert [one.place for one in batch.refused] == [1]


def run(plan, collector, **options):
    return simulate(plan, collector.url, say=lambda _: None, stopped=lambda: False, **options)


def test_counts_are_what_arrived(collector):
    seen = []
    plan = SimulationPlan(protocol="native", rate=None, events=1_050, duplicates=0.1, late=0.2, malformed=0.05)
    collector.answers = [(503, {"Retry-After": "0"}, b""), (0, {}, b"")]
    counts = run(plan, collector, progress=lambda one: seen.append(one.events))
    lines = [json.loads(line) for _, _, body in collector.requests for line in body.splitlines()]
    assert counts.events == 1_050 == seen[-1] == len(collector.stored)
    assert counts.sent == len(lines)
    assert (counts.requests, counts.more_tries) == (11, 1)  # a kept connection that breaks off is made anew at once
    ids = Counter(line["event_id"] for line in lines)
    assert counts.duplicates == sum(count - 1 for count in ids.values()) > 50
    distinct = {line["event_id"]: line for line in lines}.values()
    assert counts.malformed == sum("name" not in line for line in distinct) > 20
    assert counts.late == sum(line["sent_time"] - line["event_time"] > 3_500_000_000 for line in distinct) > 100


def test_the_same_seed_is_the_same_behaviour_with_new_ids(collector):
    for _ in range(2):
        run(SimulationPlan(protocol="native", rate=None, events=300), collector)
    lines = collector.lines()
    told = [(line["name"], line["user_id"], line["properties"]) for line in lines]
    assert told[:300] == told[300:]
    assert len(collector.stored) == 600
    names = Counter(line["name"] for line in lines)
    assert names["view"] > names["cart"] > 0


def test_a_run_keeps_to_its_rate_and_its_duration(collector):
    counts = run(SimulationPlan(protocol="native", rate=1_000, duration_s=0.5, batch=50), collector)
    assert 50 <= counts.events <= 500  # never ahead of its rate; behind it when the machine is slow
    stopped = simulate(SimulationPlan(rate=10, events=100), collector.url, say=lambda _: None, stopped=lambda: True)
    assert stopped.events == 0


def test_mistakes_have_a_sentence_and_a_hint(collector, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert set(simulators()) >= {"shop"}
    wrong = {
        ("shp", "--to", collector.url): ("there is no simulator of 'shp'", "did you mean 'shop'?"),
        ("--to", collector.url, "--protocol", "segmnt"): ("nothing is sent as 'segmnt'", "did you mean 'segment'?"),
        ("--to", collector.url, "--rate", "fast"): ("'fast' is no rate", "write 200/s, or max"),
        ("--to", collector.url, "--late", "much"): ("'much' is no share", "write 2% or 0.02"),
        ("--to", collector.url, "--late", "200%"): ("late is a share of the events", "write 0% to 100%"),
    }
    for words, (sentence, hint) in wrong.items():
        assert main(["simulate", *words]) == 2
        assert capsys.readouterr().err.splitlines() == [f"error: {sentence}", f"hint: {hint}"]
    collector.answers = [(404, {}, b"")]
    with pytest.raises(InvalidQuery, match="answers 404"):
        run(SimulationPlan(events=1), collector)


def test_the_command_tells_what_it_did(collector, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", "--to", collector.url, "--rate", "max", "--events", "250", "--duplicates", "2%", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["events"], told["requests"], told["statuses"]) == (250, 3, {"200": 3})
    assert main(["simulate", "shop", "--to", collector.url, "--rate", "max", "--events", "10"]) == 0
    assert "sent 10 = 10 events + 0 repeats" in capsys.readouterr().err
