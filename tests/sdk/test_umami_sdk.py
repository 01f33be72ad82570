"""Umami's published SDK for Node, unchanged but for the host."""

from __future__ import annotations

import json

SITE = "0198a1f0-6d4e-7a3b-9c55-6f1f0b1d2e3f"
EVERY_CALL = """
import {Umami} from '@umami/node';
const told = [];
const umami = new Umami({websiteId: process.env.SITE, hostUrl: process.env.DOOR});
const robot = new Umami({websiteId: process.env.SITE, hostUrl: process.env.DOOR, userAgent: 'Mozilla/5.0 (compatible; Googlebot/2.1)'});
const wrong = new Umami({websiteId: 'shop', hostUrl: process.env.DOOR});
const read = async (answer) => told.push([answer.status, await answer.json()]);
await read(await umami.track({url: '/cart?utm_source=mail', hostname: 'shop.example', title: 'Cart', referrer: 'https://news.example/'}));
await read(await umami.track('signup', {plan: 'pro', size: 3}));
await read(await umami.identify({email: 'a@b.example'}));
await read(await umami.send({website: process.env.SITE, id: 'u1', timestamp: 1795000000}, 'identify'));
await read(await robot.track('crawled'));
await read(await wrong.track('lost'));
console.log(JSON.stringify(told));
"""


def test_every_call_arrives_as_it_was_made(door, run_node):
    told = json.loads(run_node(EVERY_CALL, DOOR=door.url, SITE=SITE))
    assert [status for status, _ in told] == [200] * 5 + [400]
    answers = [answer for _, answer in told]
    assert all(set(answer) == {"cache", "sessionId", "visitId"} for answer in answers[:4])
    assert answers[4] == {"beep": "boop"}
    events = door.events(5)
    assert [event["name"] for event in events] == ["page_view", "signup", "identify", "identify", "crawled"]
    assert {event["source"] for event in events} == {SITE}
    assert {(event["anonymous_id"], event["session_id"]) for event in events[:4]} == {(answers[0]["sessionId"], answers[0]["visitId"])}
    assert [event["user_id"] for event in events] == [None, None, None, "u1", None]
    assert [event["is_bot"] for event in events[3:]] == [False, True]
    view = events[0]
    assert (view["url"], view["page"], view["utm_source"]) == ("https://shop.example/cart?utm_source=mail", "/cart", "mail")
    assert view["properties"]["$context"]["title"] == "Cart"
    assert events[1]["properties"] == {"plan": "pro", "size": 3}
    assert events[3]["event_time"].timestamp() == 1795000000
    assert [letter["reason"] for letter in door.letters(1)] == ["invalid_field"]


def test_a_list_is_told_what_became_of_each(door):
    events = [{"type": "event", "payload": {"website": SITE, "name": f"e{number}"}} for number in range(30)]
    status, body = door.post("/api/batch", json.dumps([*events, {"type": "??", "payload": {}}]), {"User-Agent": "Mozilla/5.0 Firefox/140.0"})
    assert status == 200
    assert {name: json.loads(body)[name] for name in ("size", "processed", "errors")} == {"size": 31, "processed": 30, "errors": 1}
    assert [event["name"] for event in door.events(30)] == [f"e{number}" for number in range(30)]
    assert len(door.letters(1)) == 1
