"""Umami's requests: the script's page view, the Node SDK's event, identify, measurements, links, a robot, and a list."""

from __future__ import annotations

from examples_support import Example, post

from footfall.event.drop import DropReason

_SITE = "0198a1f0-6d4e-7a3b-9c55-6f1f0b1d2e3f"
_BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Content-Type": "application/json"}


def _send(type_name: str = "event", **payload: object) -> dict[str, object]:
    return {"type": type_name, "payload": {"website": _SITE} | payload}


EXAMPLES = [
    Example(
        title="a page view of the script",
        asked=post(
            "/api/send",
            _send(
                hostname="shop.example",
                language="de-DE",
                referrer="https://news.example/",
                screen="1920x1080",
                title="Cart",
                url="/cart?utm_source=mail#top",
                ip="198.51.100.7",
            ),
            headers=_BROWSER,
        ),
        names=["page_view"],
        users=[None],
        ids=[None],
        times=[None],
        addresses=["198.51.100.7"],
        fields={
            0: {
                "ip": "198.51.100.7",
                "url": "https://shop.example/cart?utm_source=mail#top",
                "page": "/cart",
                "referrer": "https://news.example/",
                "is_bot": None,
                "context": {"hostname": "shop.example", "title": "Cart", "screen": "1920x1080", "language": "de-DE"},
            }
        },
        key=_SITE,
        status=200,
    ),
    Example(
        title="an event of the Node SDK",
        asked=post("/api/send", _send(name="signup", data={"plan": "pro"}), headers={"User-Agent": "Mozilla/5.0 Umami/v20.19.4"}),
        names=["signup"],
        users=[None],
        ids=[None],
        times=[None],
        fields={0: {"properties": {"plan": "pro"}, "identity": None, "is_bot": None}},
    ),
    Example(
        title="an identify joins the visitor to an id",
        asked=post("/api/send", _send("identify", id="u1", data={"email": "a@b.example"}), headers=_BROWSER),
        names=["identify"],
        users=["u1"],
        ids=[None],
        times=[None],
        fields={0: {"identity": "identify", "properties": {"email": "a@b.example"}}},
    ),
    Example(
        title="measurements, with a time in seconds",
        asked=post("/api/send", _send("performance", lcp=1200.5, cls=0.01, url="https://shop.example/", timestamp=1795341000), headers=_BROWSER),
        names=["performance"],
        users=[None],
        ids=[None],
        times=[1_795_341_000_000_000],
        fields={0: {"properties": {"lcp": 1200.5, "cls": 0.01}, "url": "https://shop.example/", "page": None}},
    ),
    Example(
        title="a link that was followed",
        asked=post("/api/send", {"type": "event", "payload": {"link": _SITE, "id": 7}}, headers=_BROWSER),
        names=["link"],
        users=["7"],
        ids=[None],
        times=[None],
        key=_SITE,
    ),
    Example(
        title="a robot is marked and told so",
        asked=post("/api/send", _send(url="/"), headers={"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}),
        names=["page_view"],
        users=[None],
        ids=[None],
        times=[None],
        fields={0: {"is_bot": True, "page": "/", "url": "/"}},
        status=200,
        answer={"beep": "boop"},
    ),
    Example(
        title="a list, of which some are wrong",
        asked=post(
            "/api/batch",
            [
                _send(name="a"),
                _send("purchase"),
                _send(website="shop"),
                {"type": "event", "payload": {}},
                7,
                _send(name="x" * 51),
                _send(timestamp="soon"),
                _send(data=[1]),
                _send(link=_SITE),
                _send(name="b", timestamp="1795341000", lcp=1, data={"lcp": 2, "c": 3}),
                _send(name=7),
            ],
            headers=_BROWSER,
        ),
        names=["a", "b"],
        users=[None, None],
        ids=[None, None],
        times=[None, 1_795_341_000_000_000],
        refused=[
            (1, DropReason.INVALID_FIELD),
            (2, DropReason.INVALID_FIELD),
            (3, DropReason.INVALID_FIELD),
            (4, DropReason.MALFORMED_EVENT),
            (5, DropReason.INVALID_FIELD),
            (6, DropReason.INVALID_TIME),
            (7, DropReason.INVALID_FIELD),
            (8, DropReason.INVALID_FIELD),
            (10, DropReason.MALFORMED_EVENT),
        ],
        fields={1: {"properties": {"lcp": 2, "c": 3}}},
        status=200,
    ),
]
