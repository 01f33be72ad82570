"""OpenPanel's calls, one a request."""

from __future__ import annotations

from typing import Any

from examples_support import Example, post

from footfall.event.drop import DropReason

_HEADERS = {"openpanel-client-id": "client-1", "openpanel-client-secret": "secret", "User-Agent": "Mozilla/5.0", "openpanel-sdk-name": "web"}


def _call(title: str, kind: str, payload: Any, **meaning: Any) -> Example:
    asked = post("/track", {"type": kind, "payload": payload}, headers=_HEADERS)
    return Example(title=title, asked=asked, key="client-1", status=200, **({"ids": [None], "times": [None]} | meaning))


def _refused(title: str, kind: str, payload: Any, reason: DropReason) -> Example:
    return _call(title, kind, payload, names=[], users=[], ids=[], times=[], refused=[(0, reason)])


EXAMPLES = [
    _call(
        "a page of a visitor",
        "track",
        {
            "name": "screen_view",
            "properties": {
                "__path": "https://shop.example/cart",
                "__title": "Cart",
                "__referrer": "https://news.example/",
                "__timestamp": "2026-11-22T09:59:58.000Z",
                "__ip": "198.51.100.7",
                "__deviceId": "d1",
                "price": 9.5,
            },
            "groups": ["g1"],
        },
        names=["screen_view"],
        users=[None],
        anonymous=["d1"],
        times=["2026-11-22T09:59:58.000Z"],
        addresses=["198.51.100.7"],
        fields={
            0: {
                "url": "https://shop.example/cart",
                "referrer": "https://news.example/",
                "ip": "198.51.100.7",
                "properties": {"title": "Cart", "price": 9.5, "groups": ["g1"]},
            }
        },
        answer={"deviceId": "d1", "sessionId": ""},
    ),
    _call(
        "somebody who says who it is while at it",
        "track",
        {"name": "revenue", "properties": {"__revenue": 5, "__timestamp": 1795341598000, "__identify": {"profileId": 7, "email": "a@b.example"}}},
        names=["revenue"],
        users=["7"],
        anonymous=[None],
        times=[1_795_341_598_000_000],
        fields={0: {"identity": "identify", "properties": {"__revenue": 5, "traits": {"email": "a@b.example"}}}},
    ),
    _call(
        "identify",
        "identify",
        {"profileId": "p1", "firstName": "Ada", "properties": {"plan": "pro", "__deviceId": "d1"}},
        names=["identify"],
        users=["p1"],
        anonymous=["d1"],
        fields={0: {"identity": "identify", "properties": {"firstName": "Ada", "plan": "pro"}}},
    ),
    _call(
        "increment",
        "increment",
        {"profileId": "p1", "property": "visits", "value": 2},
        names=["increment"],
        users=["p1"],
        anonymous=[None],
        fields={0: {"properties": {"property": "visits", "value": 2}}},
    ),
    _call("decrement", "decrement", {"profileId": "p1", "property": "visits"}, names=["decrement"], users=["p1"]),
    _call(
        "alias",
        "alias",
        {"profileId": "p1", "alias": "a1"},
        names=["alias"],
        users=["p1"],
        fields={0: {"identity": "alias", "previous_id": "a1", "properties": {}}},
    ),
    _call(
        "a group",
        "group",
        {"id": "g1", "type": "company", "name": "Acme", "properties": {"size": 3}},
        names=["group"],
        users=[None],
        anonymous=["$group:g1"],
        fields={0: {"properties": {"id": "g1", "type": "company", "name": "Acme", "size": 3}}},
    ),
    _call(
        "membership",
        "assign_group",
        {"groupIds": ["g1"], "profileId": "p1"},
        names=["assign_group"],
        users=["p1"],
        fields={0: {"properties": {"groupIds": ["g1"]}}},
    ),
    _refused("a replay", "replay", {"chunk_index": 0, "payload": "[]"}, DropReason.INVALID_FIELD),
    _refused("no such type", "guess", {}, DropReason.INVALID_FIELD),
    _refused("no name", "track", {"properties": {}}, DropReason.MISSING_NAME),
    _refused("nobody", "identify", {"firstName": "Ada"}, DropReason.MISSING_PERSON),
    _refused("no alias", "alias", {"profileId": "p1"}, DropReason.INVALID_FIELD),
    _refused("no payload", "track", [], DropReason.MALFORMED_EVENT),
]
