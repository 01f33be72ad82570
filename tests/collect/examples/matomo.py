"""Matomo's requests: a page view as the JavaScript tracker sends it, every kind of hit in bulk, hits that name no site."""

from __future__ import annotations

from urllib.parse import urlencode

from examples_support import Example, get, post, request

from footfall.event.drop import DropReason

_VISITOR = "0123456789abcdef"


def _hit(**parameters: object) -> str:
    return "?" + urlencode({"idsite": 3, "rec": 1, "_id": _VISITOR, **parameters})


EXAMPLES = [
    Example(
        title="a page view",
        asked=get(
            "/matomo.php",
            query={
                "action_name": "Cart", "idsite": "3", "rec": "1", "r": "123456", "h": "9", "m": "59", "s": "58", "url": "https://shop.example/cart",
                "urlref": "https://news.example/", "_id": _VISITOR, "_idn": "1", "send_image": "0", "pv_id": "a1b2c3", "res": "1920x1080",
                "dimension1": "member", "cip": "198.51.100.7", "_cvar": '{"1":["a","b"]}',
            },
        ),
        names=["page_view"],
        users=[None],
        anonymous=[_VISITOR],
        ids=[None],
        times=[None],
        addresses=["198.51.100.7"],
        fields={
            0: {
                "url": "https://shop.example/cart",
                "referrer": "https://news.example/",
                "ip": None,
                "properties": {"title": "Cart", "dimension1": "member"},
                "context": {
                    "idsite": "3", "r": "123456", "h": "9", "m": "59", "s": "58", "_idn": "1", "pv_id": "a1b2c3", "res": "1920x1080",
                    "_cvar": {"1": ["a", "b"]},
                },
            }
        },
        key="3",
        status=204,
    ),
    Example(
        title="every kind of hit, in bulk and with a token",
        asked=post(
            "/matomo.php",
            {
                "requests": [
                    _hit(e_c="Video", e_a="Play", e_n="Trailer", e_v="2.5", uid="u1"),
                    _hit(search="shoes", search_cat="women", search_count=7, cdt="2026-11-22 09:00:00"),
                    _hit(link="https://elsewhere.example/", cdt="1795338000"),
                    _hit(download="https://shop.example/a.pdf"),
                    _hit(idgoal=4, revenue="9.5"),
                    _hit(idgoal=0, ec_id="o1", revenue="20", ec_tx="3.8", ec_items='[["sku","shoe","women",20,1]]'),
                    _hit(idgoal=0, revenue="20"),
                    _hit(ping=1, url="https://shop.example/"),
                    _hit(c_n="banner", c_p="a.png", c_i="click"),
                    _hit(url="https://shop.example/", cip="198.51.100.7", ua="Mozilla/5.0 (X11)", country="de", city="Bonn"),
                    {"idsite": 3, "rec": 1, "action_name": "as an object", "cid": _VISITOR},
                    "?rec=1&url=x",
                    17,
                    _hit(rec=0),
                ],
                "token_auth": "33dc3f2536d3025974cccb4b4d2d98f4",
            },
        ),
        names=[
            "Play", "site_search", "outlink", "download", "goal", "order", "cart_update", "page_ping", "content_interaction", "page_view", "page_view"
        ],
        users=["u1", *[None] * 10],
        anonymous=[_VISITOR] * 11,
        ids=[None] * 11,
        times=[None, "2026-11-22T09:00:00Z", 1_795_338_000_000_000, *[None] * 8],
        refused=[(11, DropReason.INVALID_FIELD), (12, DropReason.MALFORMED_EVENT), (13, DropReason.INVALID_FIELD)],
        addresses=["198.51.100.7", "33dc3f2536d3025974cccb4b4d2d98f4"],
        fields={
            0: {"properties": {"category": "Video", "name": "Trailer", "value": 2.5}},
            1: {"properties": {"keyword": "shoes", "category": "women", "count": 7}},
            2: {"properties": {"target": "https://elsewhere.example/"}},
            4: {"properties": {"goal_id": "4", "revenue": 9.5}},
            5: {"properties": {"order_id": "o1", "revenue": 20, "tax": 3.8, "items": [["sku", "shoe", "women", 20, 1]]}},
            8: {"properties": {"name": "banner", "piece": "a.png", "interaction": "click"}},
            9: {"ip": "198.51.100.7", "agent": "Mozilla/5.0 (X11)", "country": "DE", "city": "Bonn"},
            10: {"properties": {"title": "as an object"}},
        },
        key="3",
        status=200,
        answer={"status": "success", "tracked": 11, "invalid": 3},
    ),
    Example(
        title="a form, from somebody without an id",
        asked=request("POST", "/piwik.php", b"idsite=5&rec=1&action_name=Home&token_auth=x&cip=198.51.100.8", headers={"User-Agent": "Mozilla/5.0"}),
        names=["page_view"],
        users=[None],
        ids=[None],
        times=[None],
        addresses=["198.51.100.8"],
        fields={0: {"ip": "198.51.100.8"}},
        key="5",
        status=200,
    ),
]  # fmt: skip
