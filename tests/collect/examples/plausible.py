"""Plausible's requests: the script's short names as text, the API's long ones, properties in a string, and a goal with revenue."""

from __future__ import annotations

import json

from examples_support import Example, post

_BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Content-Type": "text/plain"}

EXAMPLES = [
    Example(
        title="the script's page view",
        asked=post(
            "/api/event",
            {
                "n": "pageview",
                "v": 36,
                "u": "https://shop.example/cart?a=1",
                "d": "shop.example",
                "r": "https://news.example/",
                "p": {"logged_in": True},
            },
            headers=_BROWSER,
        ),
        names=["pageview"],
        users=[None],
        ids=[None],
        times=[None],
        fields={
            0: {
                "url": "https://shop.example/cart?a=1",
                "page": None,
                "referrer": "https://news.example/",
                "properties": {"logged_in": True},
                "context": {"script_version": 36},
            }
        },
        key="shop.example",
        status=202,
        answer=b"ok",
    ),
    Example(
        title="the script's engagement, pages behind the #",
        asked=post(
            "/api/event",
            {
                "n": "engagement",
                "sd": 42,
                "d": "www.shop.example",
                "u": "https://shop.example/#/cart",
                "p": None,
                "e": 3100,
                "v": 36,
                "h": 1,
                "i": False,
            },
            headers=_BROWSER,
        ),
        names=["engagement"],
        users=[None],
        ids=[None],
        times=[None],
        fields={
            0: {
                "page": "/#/cart",
                "properties": {"interactive": False},
                "context": {"engagement_ms": 3100, "scroll_depth": 42, "script_version": 36},
            }
        },
        key="shop.example",
    ),
    Example(
        title="a goal with revenue, under long names, as JSON in strings",
        asked=post(
            "/api/event",
            {
                "name": "Purchase",
                "url": "app://shop/checkout",
                "domain": "a.example, b.example",
                "props": json.dumps({"method": "card"}),
                "revenue": json.dumps({"currency": "EUR", "amount": "12.50"}),
            },
            headers={"User-Agent": "okhttp/4"},
        ),
        names=["Purchase"],
        users=[None],
        ids=[None],
        times=[None],
        fields={
            0: {
                "properties": {"method": "card", "revenue": {"currency": "EUR", "amount": "12.50"}},
                "context": {"domains": ["a.example", "b.example"]},
            }
        },
        key="a.example",
        status=202,
    ),
    Example(
        title="who was counted, and the site of the address",
        asked=post("/api/event", {"name": "x", "url": "https://www.shop.example"}, headers={"X-Debug-Request": "true"}),
        names=["x"],
        users=[None],
        ids=[None],
        times=[None],
        key="shop.example",
        status=200,
        answer=b"203.0.113.9",
    ),
]
