"""Mixpanel's requests: the browser's base64 form, the Python SDK's form, JSON arrays, pictures, profiles and groups."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

from examples_support import Example, get, post

from footfall.event.drop import DropReason

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _form(told: object, *, coded: bool = False, **more: str) -> bytes:
    text = json.dumps(told)
    return urlencode({"data": base64.b64encode(text.encode()).decode() if coded else text, **more}).encode()


_PAGE = {
    "event": "$mp_web_page_view",
    "properties": {
        "$os": "Linux",
        "$browser": "Chrome",
        "$referrer": "https://news.example/",
        "$current_url": "https://shop.example/cart?a=1",
        "current_url_path": "/cart",
        "mp_lib": "web",
        "$insert_id": "i1",
        "time": 1795341598.123,
        "distinct_id": "$device:d-1",
        "$device_id": "d-1",
        "utm_source": "mail",
        "ip": "198.51.100.7",
        "token": "key-1",
    },
}
_IDENTIFY = {
    "event": "$identify",
    "properties": {
        "distinct_id": "u1",
        "$anon_distinct_id": "$device:d-1",
        "$device_id": "d-1",
        "$user_id": "u1",
        "$insert_id": "i2",
        "time": 1795341599,
        "token": "key-1",
    },
}

EXAMPLES = [
    Example(
        title="the browser's batch, base64 in a form",
        asked=post("/track/", _form([_PAGE, _IDENTIFY], coded=True), query={"verbose": "1", "ip": "1", "_": "1795341600000"}, headers=_FORM),
        names=["$mp_web_page_view", "$identify"],
        users=[None, "u1"],
        anonymous=["d-1", "d-1"],
        ids=["i1:$device:d-1", "i2:u1"],
        times=[1_795_341_598_123_000, 1_795_341_599_000_000],
        addresses=["198.51.100.7"],
        fields={
            0: {
                "ip": "198.51.100.7",
                "url": "https://shop.example/cart?a=1",
                "page": "/cart",
                "referrer": "https://news.example/",
                "os": "Linux",
                "utm_source": "mail",
                "identity": None,
                "properties": {
                    "$os": "Linux",
                    "$browser": "Chrome",
                    "$referrer": "https://news.example/",
                    "$current_url": "https://shop.example/cart?a=1",
                    "current_url_path": "/cart",
                    "mp_lib": "web",
                    "utm_source": "mail",
                },
            },
            1: {"identity": "identify", "previous_id": "d-1"},
        },
        key="key-1",
        status=200,
        answer={"status": 1, "error": None},
    ),
    Example(
        title="one event as the Python SDK sends it, verbose in the form",
        asked=post(
            "/track",
            _form(
                {"event": "paid", "properties": {"token": "key-2", "distinct_id": 7, "time": 1795341000.5, "$insert_id": "p1", "price": 9.5}},
                verbose="1",
                ip="0",
            ),
            headers=_FORM,
        ),
        names=["paid"],
        users=["7"],
        anonymous=[None],
        ids=["p1:7"],
        times=[1_795_341_000_500_000],
        fields={0: {"properties": {"price": 9.5}}},
        key="key-2",
        answer={"status": 1, "error": None},
    ),
    Example(
        title="an alias and a merge: the second id joins the first",
        asked=post(
            "/track",
            [
                {"event": "$create_alias", "properties": {"distinct_id": "$device:d-1", "alias": "u1", "token": "key-1"}},
                {"event": "$merge", "properties": {"$distinct_ids": ["u1", "u2"], "token": "key-1"}},
                {"event": "$identify", "properties": {"$identified_id": "u3", "$anon_id": "a3", "token": "key-1"}},
            ],
        ),
        names=["$create_alias", "$merge", "$identify"],
        users=["u1", "u1", "u3"],
        ids=[None, None, None],
        times=[None, None, None],
        fields={
            0: {"identity": "alias", "previous_id": "d-1"},
            1: {"identity": "merge", "previous_id": "u2", "properties": {"$distinct_ids": ["u1", "u2"]}},
            2: {"identity": "identify", "previous_id": "a3"},
        },
        status=200,
        answer=b"1",
    ),
    Example(
        title="milliseconds, digits, and what nobody could store",
        asked=post(
            "/track",
            [
                {"event": "a", "properties": {"distinct_id": "u1", "time": 1795341598123}},
                {"properties": {"distinct_id": "u1"}},
                {"event": "b", "properties": {"time": 1795341598}},
                {"event": "c", "properties": {"distinct_id": "u1", "time": "yesterday"}},
                {"event": "d", "properties": [1]},
                7,
                {"event": "$merge", "properties": {"$distinct_ids": ["u1"]}},
                {"event": "e", "properties": {"distinct_id": "u1", "time": "1795341598"}},
                {"event": "f", "properties": {"distinct_id": "d-2", "$device_id": "d-2"}},
            ],
        ),
        names=["a", "e", "f"],
        users=["u1", "u1", None],
        anonymous=[None, None, "d-2"],
        ids=[None, None, None],
        times=[1_795_341_598_123_000, 1_795_341_598_000_000, None],
        refused=[
            (1, DropReason.MISSING_NAME),
            (2, DropReason.MISSING_PERSON),
            (3, DropReason.INVALID_TIME),
            (4, DropReason.MALFORMED_EVENT),
            (5, DropReason.MALFORMED_EVENT),
            (6, DropReason.INVALID_FIELD),
        ],
        answer=b"1",
    ),
    Example(
        title="nothing of it could be stored",
        asked=post("/track", _form({"event": "", "properties": {}}, verbose="1")),
        names=[],
        users=[],
        ids=[],
        times=[],
        refused=[(0, DropReason.MISSING_NAME)],
        answer={"status": 0, "error": "'event' is invalid: an event must have a name"},
    ),
    Example(
        title="a GET for a picture",
        asked=get(
            "/track",
            query={"data": base64.urlsafe_b64encode(b'{"event":"open","properties":{"distinct_id":"u1","token":"key-3"}}').decode(), "img": "1"},
        ),
        names=["open"],
        users=["u1"],
        ids=[None],
        times=[None],
        key="key-3",
        status=200,
    ),
    Example(
        title="changes of profiles",
        asked=post(
            "/engage/",
            _form(
                [
                    {"$token": "key-1", "$distinct_id": "u1", "$set": {"plan": "pro"}, "$ip": "198.51.100.8", "$time": 1795341598000},
                    {"$token": "key-1", "$distinct_id": "$device:d-1", "$add": {"visits": 1}},
                    {"$token": "key-1", "$set": {"plan": "pro"}},
                    {"$token": "key-1", "$distinct_id": "u1", "$device_id": "d-1", "$user_id": "u1", "$delete": "u1"},
                ]
            ),
        ),
        names=["$engage", "$engage", "$engage"],
        users=["u1", None, "u1"],
        anonymous=[None, "d-1", "d-1"],
        ids=[None, None, None],
        times=[1_795_341_598_000_000, None, None],
        refused=[(2, DropReason.MISSING_PERSON)],
        addresses=["198.51.100.8"],
        fields={
            0: {"ip": "198.51.100.8", "properties": {"$distinct_id": "u1", "$set": {"plan": "pro"}, "$time": 1795341598000}},
            1: {"properties": {"$distinct_id": "$device:d-1", "$add": {"visits": 1}}},
        },
        key="key-1",
        answer=b"1",
    ),
    Example(
        title="changes of groups",
        asked=post(
            "/groups",
            [
                {"$token": "key-1", "$group_key": "company", "$group_id": "acme", "$set": {"size": 3}},
                {"$token": "key-1", "$group_key": "company", "$set": {"size": 3}},
            ],
            query={"verbose": "1"},
        ),
        names=["$groups"],
        users=[None],
        anonymous=["$group:company:acme"],
        ids=[None],
        times=[None],
        refused=[(1, DropReason.MISSING_PERSON)],
        fields={0: {"properties": {"$group_key": "company", "$group_id": "acme", "$set": {"size": 3}}}},
        answer={"status": 1, "error": None},
    ),
]
