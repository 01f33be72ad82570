"""Matomo's tracking API: GET or POST /matomo.php (/piwik.php) with one hit, POST with `{"requests": ["?…"], "token_auth"}` for many.

A hit is a query string; its kind is told by its parameters: ping (page_ping), e_c and e_a (an event, named by its action, with category, name and
value), search (site_search), link (outlink), download, idgoal (goal; 0 with ec_id an order, 0 alone a cart_update), c_n (content_impression
or content_interaction), else page_view.  The key is `idsite`, in a bulk request that of the first hit.  `uid` is the user, `cid` or `_id` the visitor,
and who has neither gets an id of the day.  `cip` (with a token_auth), `ua`, `cdt`, `country` stand in for what the request says itself.
The token is not looked at beyond being there, because the door's keys say who may write.  Duplicates cannot be told: hits have no ids.
Source: the vendor's documentation of the tracking API.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from footfall.collect.wire.contract import JSON, Answer, Asked, BadRequest, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.json_body import check_text, decode, json_text, text_of
from footfall.collect.wire.pixel import picture
from footfall.collect.wire.plain_values import moment, number
from footfall.collect.wire.retry_after import retry_after
from footfall.collect.wire.visitor import anonymous_visitor
from footfall.event.canonical import NO_JSON, Event
from footfall.event.drop import DropReason

_PATHS = ("/matomo.php", "/piwik.php")
_VISITOR = re.compile(r"[0-9a-fA-F]{16}")
_CIVIL = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})")

# What a kind of hit says of itself -> its name in the properties.
_EVENT = {"e_c": "category", "e_n": "name", "e_v": "value"}
_SEARCH = {"search": "keyword", "search_cat": "category", "search_count": "count"}
_ORDER = {
    "ec_id": "order_id",
    "revenue": "revenue",
    "ec_st": "subtotal",
    "ec_tx": "tax",
    "ec_sh": "shipping",
    "ec_dt": "discount",
    "ec_items": "items",
}
_GOAL = {"idgoal": "goal_id", "revenue": "revenue"}
_CONTENT = {"c_n": "name", "c_p": "piece", "c_t": "target", "c_i": "interaction"}
_NUMBERS = frozenset(("e_v", "revenue", "ec_st", "ec_tx", "ec_sh", "ec_dt", "search_count"))
_OBJECTS = frozenset(("ec_items", "cvar", "_cvar", "e_cvar", "uadata"))
# Parameters with a place of their own, and those that no one needs to know later: the address and the token above all.
_TAKEN = frozenset(
    (
        "_id", "_rcn", "action_name", "apiv", "bots", "cdt", "cid", "cip", "city", "country", "cs", "download", "e_a", "idgoal", "link", "ping", "queuedtracking",
        "rand", "rec", "region", "send_image", "token_auth", "ua", "uid", "url", "urlref",
    )
)  # fmt: skip


class _Bulk(msgspec.Struct, gc=False):
    requests: list[msgspec.Raw]
    token_auth: str | None = None


_BULK = msgspec.json.Decoder(_Bulk)
_ONE = msgspec.json.Decoder(str | dict[str, str | int | float | bool | None])
_ANY = msgspec.json.Decoder(msgspec.Raw)


class Matomo:
    """Matomo's tracking API."""

    name = "matomo"
    title = "Matomo"
    stream = "events"
    raw = False
    allow_headers = ()
    routes = tuple(Route(("GET", "POST"), path) for path in _PATHS)

    def read(self, asked: Asked) -> Batch:
        """The hits of one request."""
        batch = Batch([], [], places=[])
        if _is_bulk(asked):
            bulk = decode(_BULK, asked.body)
            if not bulk.requests:
                raise BadRequest(DropReason.MALFORMED_BODY, "the list of requests is empty", field="requests")
            for place, raw in enumerate(bulk.requests):
                _take_raw(asked, batch, place, raw, trusted=bool(bulk.token_auth))
        else:
            check_text(asked.body)
            hit = asked.query() | dict(_parameters(asked.body.decode()))
            if not hit:
                raise BadRequest(DropReason.MALFORMED_BODY, "the request has no parameters", field="idsite", hint="send idsite, rec=1 and url")
            _take(asked, batch, 0, hit, trusted=False)
            batch.extra = hit.get("send_image")
        return batch

    def events(self, batch: Batch) -> list[Event]:
        """They are canonical already."""
        return batch.items

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """A picture, nothing with send_image=0, and for many hits the number of those that were tracked."""
        if _is_bulk(asked):
            told = {"status": "success", "tracked": outcome.stored, "invalid": len(outcome.refused)}
            return Answer(200, msgspec.json.encode(told), (JSON,))
        return Answer(204) if outcome.batch.extra == "0" else picture()

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """The status with a picture, or what was wrong in JSON for many hits."""
        if _is_bulk(asked):
            told = {"status": "error", "tracked": 0, "invalid": 0, "message": problem.sentence}
            return Answer(problem.status, msgspec.json.encode(told), (JSON, *retry_after(problem)))
        return picture(problem.status, *retry_after(problem))


def _is_bulk(asked: Asked) -> bool:
    return asked.method == "POST" and asked.body.lstrip()[:1] in (b"{", b"[")


def _parameters(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text.strip().removeprefix("?"), keep_blank_values=True)


def _take_raw(asked: Asked, batch: Batch, place: int, raw: msgspec.Raw, *, trusted: bool) -> None:
    """One element of a bulk request: a query string, or the same as an object."""
    try:
        told = _ONE.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        batch.refused.append(Refusal(place, DropReason.MALFORMED_EVENT, f"the request is no query string: {problem}", text_of(bytes(raw))))
        return
    if isinstance(told, str):
        hit = dict(_parameters(told))
    else:
        hit = {name: str(int(value) if isinstance(value, bool) else value) for name, value in told.items() if value is not None}
    _take(asked, batch, place, hit, trusted=trusted)


def _take(asked: Asked, batch: Batch, place: int, hit: dict[str, str], *, trusted: bool) -> None:
    if not hit.get("idsite"):
        _refuse(batch, place, "idsite", "the hit names no idsite", hit)
    elif hit.get("rec", "1") != "1":
        _refuse(batch, place, "rec", f"rec is {hit['rec']!r}, and only rec=1 asks to be recorded", hit)
    else:
        batch.items.append(_event(asked, hit, trusted=trusted or bool(hit.get("token_auth"))))
        batch.ids.append(None)
        assert batch.places is not None
        batch.places.append(place)
        batch.key = batch.key or hit["idsite"]


def _refuse(batch: Batch, place: int, field: str, detail: str, hit: dict[str, str]) -> None:
    told = {name: value for name, value in hit.items() if name not in ("token_auth", "cip")}
    batch.refused.append(Refusal(place, DropReason.INVALID_FIELD, detail, json_text(told), field))


def _event(asked: Asked, hit: dict[str, str], *, trusted: bool) -> Event:
    name, own = _kind(hit)
    properties: dict[str, Any] = {title: _value(parameter, hit[parameter]) for parameter, title in own.items() if hit.get(parameter)}
    if hit.get("action_name"):
        properties.setdefault("title", hit["action_name"])
    for parameter in ("link", "download"):
        if name in ("outlink", "download") and hit.get(parameter):
            properties["target"] = hit[parameter]
    properties |= {name: value for name, value in hit.items() if name.startswith("dimension")}
    context = {
        parameter: _value(parameter, value)
        for parameter, value in hit.items()
        if parameter not in _TAKEN and parameter not in own and not parameter.startswith("dimension")
    }
    address = hit.get("cip") or None if trusted else None
    user = hit.get("uid") or None
    visitor = next((one for one in (hit.get("cid", ""), hit.get("_id", "")) if _VISITOR.fullmatch(one)), None)
    if user is None and visitor is None:
        visitor = anonymous_visitor(asked, hit["idsite"], address=address, agent=hit.get("ua"))
    return Event(
        name=name,
        event_time=_time(hit.get("cdt", "")),
        user_id=user,
        anonymous_id=visitor,
        url=hit.get("url") or None,
        referrer=hit.get("urlref") or None,
        agent=hit.get("ua") or None,
        ip=address,
        country=(hit.get("country") or "").upper() or None if trusted else None,
        region=hit.get("region") or None if trusted else None,
        city=hit.get("city") or None if trusted else None,
        utm_campaign=hit.get("_rcn") or None,
        properties=msgspec.Raw(msgspec.json.encode(properties)) if properties else NO_JSON,
        context=msgspec.Raw(msgspec.json.encode(context)) if context else NO_JSON,
    )


def _kind(hit: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The name of a hit's event, and the parameters that are its own."""
    if hit.get("ping") == "1":
        return "page_ping", {}
    if hit.get("e_c") and hit.get("e_a"):
        return hit["e_a"], _EVENT
    bought = "order" if hit.get("ec_id") else "cart_update"
    kinds: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("search", "site_search", _SEARCH),
        ("link", "outlink", {}),
        ("download", "download", {}),
        ("idgoal", *((bought, _ORDER) if hit.get("idgoal") == "0" else ("goal", _GOAL))),
        ("c_n", "content_interaction" if hit.get("c_i") else "content_impression", _CONTENT),
    )
    return next(((name, own) for parameter, name, own in kinds if hit.get(parameter)), ("page_view", {}))


def _value(parameter: str, text: str) -> Any:
    if parameter in _NUMBERS:
        return number(text)
    if parameter in _OBJECTS:
        try:
            return _ANY.decode(text)
        except (msgspec.MsgspecError, RecursionError):
            return text
    return text


def _time(text: str) -> str | int | None:
    """`cdt` is a Unix time, or a date and a time in UTC."""
    civil = _CIVIL.fullmatch(text.strip())
    return f"{civil[1]}T{civil[2]}Z" if civil else moment(text.strip())
