"""Snowplow's requests: a POST of every kind of event as the Python and browser trackers send them, and the pixel."""

from __future__ import annotations

import base64
import json

from examples_support import Example, get, post

from footfall.event.drop import DropReason

_TP2 = "/com.snowplowanalytics.snowplow/tp2"
_SCHEMA = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
_LINK = "iglu:com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1"
_PAGE_ID = {"schema": "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0", "data": {"id": "w-1"}}


def _coded(told: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


def _described(schema: str, told: object) -> dict[str, object]:
    return {"schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0", "data": {"schema": schema, "data": told}}


def _contexts(*told: object) -> dict[str, object]:
    return {"schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0", "data": list(told)}


def _event(**fields: str) -> dict[str, str]:
    return {"tv": "js-4.10.2", "tna": "sp", "aid": "shop", "p": "web", "duid": "d-1", "sid": "s-1", "stm": "1795341599500"} | fields


def _payload(*events: object) -> dict[str, object]:
    return {"schema": _SCHEMA, "data": list(events)}


EXAMPLES = [
    Example(
        title="every kind of event",
        asked=post(
            _TP2,
            _payload(
                _event(
                    e="pv", eid="e1", dtm="1795341599000", url="https://shop.example/cart?a=1", page="Cart", refr="https://news.example/",
                    tz="Europe/Berlin", lang="de", res="1920x1080", ip="198.51.100.7", ua="Mozilla/5.0", cx=_coded(_contexts(_PAGE_ID)),
                ),
                _event(e="pp", eid="e2", dtm="1795341599100", page="Cart", pp_mix="0", pp_max="0", pp_miy="10", pp_may="640"),
                _event(e="se", eid="e3", dtm="1795341599200", se_ca="shop", se_ac="add-to-basket", se_la="red", se_pr="pcs", se_va="2.5"),
                _event(e="ue", eid="e4", dtm="1795341599300", ue_px=_coded(_described(_LINK, {"targetUrl": "https://a.example", "p": 1}))),
                _event(e="ue", eid="e5", ttm="1795341000000", dtm="1", ue_pr=json.dumps(_described("iglu:a.b/paid/jsonschema/1-0-0", [1]))),
                _event(e="tr", eid="e6", uid="u1", tr_id="o-1", tr_tt="20", tr_tx="3.8", tr_cu="EUR", co=json.dumps(_contexts())),
                _event(e="ti", eid="e7", uid="u1", ti_id="o-1", ti_sk="sku-1", ti_pr="10", ti_qu="2", cx="?"),
            ),
            headers={"Content-Type": "application/json; charset=utf-8", "Cookie": "a=1; sp=5d79770b-015b-4af8-8c91-b2ed6faf4b1e"},
        ),
        names=["page_view", "page_ping", "add-to-basket", "link_click", "paid", "transaction", "transaction_item"],
        users=[None, None, None, None, None, "u1", "u1"],
        anonymous=["d-1"] * 7,
        ids=["e1", "e2", "e3", "e4", "e5", "e6", "e7"],
        times=[1_795_341_599_000_000, 1_795_341_599_100_000, 1_795_341_599_200_000, 1_795_341_599_300_000, 1_795_341_000_000_000, None, None],
        addresses=["198.51.100.7"],
        fields={
            0: {
                "ip": "198.51.100.7",
                "sent_time": 1_795_341_599_500_000,
                "true_time": False,
                "session_id": "s-1",
                "url": "https://shop.example/cart?a=1",
                "referrer": "https://news.example/",
                "agent": "Mozilla/5.0",
                "platform": "web",
                "properties": {"page_title": "Cart"},
                "context": {
                    "tv": "js-4.10.2", "tna": "sp", "p": "web", "tz": "Europe/Berlin", "lang": "de", "res": "1920x1080",
                    "nuid": "5d79770b-015b-4af8-8c91-b2ed6faf4b1e", "contexts": [_PAGE_ID],
                },
            },
            1: {"properties": {"page_title": "Cart", "x_offset_min": 0, "x_offset_max": 0, "y_offset_min": 10, "y_offset_max": 640}},
            2: {"properties": {"category": "shop", "action": "add-to-basket", "label": "red", "property": "pcs", "value": 2.5}},
            3: {"properties": {"targetUrl": "https://a.example", "p": 1}},
            4: {"true_time": True, "properties": {"data": [1]}},
            5: {"properties": {"order_id": "o-1", "total": 20, "tax": 3.8, "currency": "EUR"}},
            6: {"properties": {"order_id": "o-1", "sku": "sku-1", "price": 10, "quantity": 2}},
        },
        key="shop",
        status=200,
        answer=b"ok",
    ),
    Example(
        title="the pixel",
        asked=get("/i", query={"e": "pv", "eid": "e1", "aid": "shop", "dtm": "1795341599000", "url": "https://shop.example/", "tnuid": "n-1"}),
        names=["page_view"],
        users=[None],
        anonymous=["n-1"],
        ids=["e1"],
        times=[1_795_341_599_000_000],
        key="shop",
        status=200,
    ),
    Example(
        title="the cookie is the visitor where the tracker names none",
        asked=post(_TP2, _payload({"e": "pv"}, {"e": "pv", "uid": "u1"}), headers={"Cookie": "sp=n-2"}),
        names=["page_view", "page_view"],
        users=[None, "u1"],
        anonymous=["n-2", None],
        ids=[None, None],
        times=[None, None],
    ),
    Example(
        title="somebody who asked to be nobody",
        asked=post(_TP2, _payload({"e": "pv", "sid": "s-9"}, {"e": "pv"}), headers={"SP-Anonymous": "*", "Cookie": "sp=n-2"}),
        names=["page_view", "page_view"],
        users=[None, None],
        anonymous=["s-9", "00000000-0000-0000-0000-000000000000"],
        ids=[None, None],
        times=[None, None],
    ),
    Example(
        title="nonsense, which is answered with 200",
        asked=post(
            _TP2,
            _payload(
                {"e": "??"},
                7,
                {"e": "pv", "duid": "d-1", "res": 17, "mobile": True, "gone": None},
                {"e": "se", "se_ca": "shop"},
                {"e": "ue"},
                {"e": "ue", "ue_px": "AAAA"},
                {"e": "ue", "ue_pr": '{"data":{"data":{}}}'},
                {"e": "ue", "ue_pr": json.dumps(_described("link_click", {}))},
                {"e": "pv", "dtm": "yesterday"},
                {"e": "pv", "nested": {}},
                {},
            ),
        ),
        names=["page_view"],
        users=[None],
        anonymous=["d-1"],
        ids=[None],
        times=[None],
        refused=[
            (0, DropReason.INVALID_FIELD),
            (1, DropReason.MALFORMED_EVENT),
            (3, DropReason.MISSING_NAME),
            (4, DropReason.MISSING_NAME),
            (5, DropReason.MALFORMED_EVENT),
            (6, DropReason.MALFORMED_EVENT),
            (7, DropReason.INVALID_FIELD),
            (8, DropReason.INVALID_TIME),
            (9, DropReason.MALFORMED_EVENT),
            (10, DropReason.INVALID_FIELD),
        ],
        status=200,
        answer=b"ok",
    ),
]  # fmt: skip
