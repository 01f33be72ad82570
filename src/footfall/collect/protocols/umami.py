"""Umami: POST /api/send with one event, /api/batch with a list.

A payload names one of website, link or pixel by its UUID, which is the key.  An event without a name is a page view; `identify` joins the visitor to
`id`.  Visitors have no cookie: their id is anonymous_visitor's, a visit ends after 30 minutes, and both come back with every answer in a token that
the script returns as x-umami-cache.  Robots are told `beep boop`, and their events are stored and marked.  There are no ids to remove
duplicates by.  Session recordings are taken and forgotten.  Source: the vendor's SDK, server and documentation.
"""

from __future__ import annotations

import base64
import re
from typing import Any

import msgspec

from footfall.collect.wire.contract import JSON, Answer, Asked, BadRequest, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.json_body import decode, refusal, text_of
from footfall.collect.wire.retry_after import retry_after
from footfall.collect.wire.robots import is_robot
from footfall.collect.wire.visitor import anonymous_visitor, visitor_id
from footfall.event.canonical import NO_JSON, Event, absent
from footfall.event.drop import DropReason

VISIT_S = 1_800
_HOUR_S = 3_600
_US_A_SECOND = 1_000_000
_LATEST_S = 7_258_118_400  # 2200-01-01
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LENGTHS = {"hostname": 100, "name": 50, "tag": 50, "screen": 11, "language": 35}  # characters
_KINDS = ("event", "identify", "performance", "engagement")
_VITALS = ("lcp", "inp", "cls", "fcp", "ttfb", "engagement")
_CONTEXT = ("hostname", "title", "tag", "screen", "language")


class _Payload(msgspec.Struct, gc=False):
    website: str | None = None
    link: str | None = None
    pixel: str | None = None
    hostname: str | None = None
    url: str | None = None
    referrer: str | None = None
    title: str | None = None
    name: str | None = None
    tag: str | None = None
    screen: str | None = None
    language: str | None = None
    id: str | int | None = None
    ip: str | None = None
    userAgent: str | None = None  # noqa: N815 - the protocol's own name
    timestamp: int | float | str | None = None
    browser: str | None = None
    os: str | None = None
    device: str | None = None
    lcp: float | None = None
    inp: float | None = None
    cls: float | None = None
    fcp: float | None = None
    ttfb: float | None = None
    engagement: float | None = None
    data: msgspec.Raw = NO_JSON


class Sent(msgspec.Struct, gc=False):
    """One event as sent, and whose it is."""

    type: str
    payload: _Payload
    session: str = ""
    visit: str = ""
    since_s: int = 0
    time_us: int | None = None
    is_robot: bool = False


_SENT = msgspec.json.Decoder(Sent)
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_TOKEN = msgspec.json.Decoder(tuple[str, str, str, int])

Wrong = tuple[DropReason, str, str]  # reason, field, what is wrong


def _json(told: Any, status: int = 200) -> Answer:
    return Answer(status, msgspec.json.encode(told), (JSON,))


def _error(status: int, code: str, message: str) -> Answer:
    return _json({"error": {"message": message, "code": code, "status": status}}, status)


_RECORDED = _json({"ok": True})


class Umami:
    """Umami's collector."""

    name = "umami"
    title = "Umami"
    stream = "events"
    raw = False
    allow_headers = ("x-umami-cache",)
    routes = (
        Route(("POST",), "/api/send"),
        Route(("POST",), "/api/batch"),
        Route(("POST",), "/api/record", reply=lambda _: _RECORDED),
    )

    def read(self, asked: Asked) -> Batch:
        """The events of one request; a single event that is wrong is the whole request."""
        if not _is_list(asked):
            return _read_one(asked)
        batch = Batch([], [], places=[])
        assert batch.places is not None
        raws = decode(_RAWS, asked.body)
        if not raws:
            raise BadRequest(DropReason.MALFORMED_BODY, "the list holds no events", field="body")
        for place, raw in enumerate(raws):
            try:
                sent = _SENT.decode(raw)
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
                batch.refused.append(refusal(place, problem, bytes(raw)))
                continue
            wrong = _complete(sent, asked)
            if wrong is not None:
                batch.refused.append(Refusal(place, wrong[0], wrong[2], text_of(bytes(raw)), wrong[1]))
                continue
            batch.items.append(sent)
            batch.ids.append(None)
            batch.places.append(place)
            batch.key = batch.key or _site(sent.payload)
        return batch

    def events(self, batch: Batch) -> list[Event]:
        """Events in canonical form."""
        return [_event(sent) for sent in batch.items]

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """The token with session and visit; for a list, what became of it."""
        items = outcome.batch.items
        token = _token(items[-1]) if items else None
        if not _is_list(asked):
            if not items:
                return _error(400, "refused", outcome.refused[0].detail)
            sent = items[0]
            return _json({"beep": "boop"} if sent.is_robot else {"cache": token, "sessionId": sent.session, "visitId": sent.visit})
        details = [{"index": one.place, "response": {"error": {"message": one.detail, "status": 400}}} for one in outcome.refused]
        size = len(items) + len(outcome.refused)
        return _json({"size": size, "processed": len(items), "errors": len(details), "details": details, "cache": token})

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """An error in Umami's form."""
        answer = _error(problem.status, problem.code, problem.sentence)
        return Answer(answer.status, answer.body, (JSON, *retry_after(problem)))


def _is_list(asked: Asked) -> bool:
    return asked.path.rstrip("/").endswith("/batch")


def _read_one(asked: Asked) -> Batch:
    sent = decode(_SENT, asked.body)
    wrong = _complete(sent, asked)
    if wrong is not None:
        raise BadRequest(wrong[0], wrong[2], field=wrong[1])
    return Batch([sent], [None], _site(sent.payload))


def _site(payload: _Payload) -> str | None:
    return payload.website or payload.link or payload.pixel


def _complete(sent: Sent, asked: Asked) -> Wrong | None:
    """Check an event and put to it its visitor, visit and time; what is wrong with it, if anything is."""
    payload = sent.payload
    wrong = _problem(sent)
    if wrong is not None:
        return wrong
    agent = payload.userAgent or asked.header(b"user-agent")
    if not agent:
        return DropReason.INVALID_FIELD, "user-agent", "the request has no User-Agent, which tells visitors apart"
    if payload.timestamp is not None:
        sent.time_us = _microseconds(payload.timestamp)
        if sent.time_us is None:
            return DropReason.INVALID_TIME, "payload.timestamp", f"timestamp is {payload.timestamp!r}, no seconds since 1970"
    site = _site(payload)
    assert site is not None
    sent.is_robot = is_robot(agent)
    sent.session = anonymous_visitor(asked, site, address=payload.ip, agent=payload.userAgent)
    _put_visit(sent, site, asked)
    return None


def _problem(sent: Sent) -> Wrong | None:
    payload = sent.payload
    if sent.type not in _KINDS:
        return DropReason.INVALID_FIELD, "type", f"type {sent.type[:40]!r} is none of {', '.join(_KINDS)}"
    named = [name for name in ("website", "link", "pixel") if getattr(payload, name)]
    if len(named) != 1:
        return DropReason.INVALID_FIELD, "payload.website", "exactly one of website, link and pixel must be given"
    if _UUID.fullmatch(getattr(payload, named[0])) is None:
        return DropReason.INVALID_FIELD, f"payload.{named[0]}", f"{named[0]} {getattr(payload, named[0])[:40]!r} is no UUID"
    for name, most in _LENGTHS.items():
        if len(getattr(payload, name) or "") > most:
            return DropReason.INVALID_FIELD, f"payload.{name}", f"{name} has more than {most} characters"
    if not absent(payload.data) and bytes(memoryview(payload.data)[:1]) != b"{":
        return DropReason.INVALID_FIELD, "payload.data", "data must be an object"
    return None


def _microseconds(seconds: float | str) -> int | None:
    try:
        number = float(seconds)
    except (ValueError, OverflowError):
        return None
    return round(number * _US_A_SECOND) if 0 <= number < _LATEST_S else None


def _put_visit(sent: Sent, site: str, asked: Asked) -> None:
    """The visit that the script's token names, as long as it is the same visitor's and young enough; else the visitor's visit of this hour."""
    now_s = asked.received_us // _US_A_SECOND
    known = _known(asked.header(b"x-umami-cache"))
    if known is not None and known[:2] == (site, sent.session) and now_s - known[3] <= VISIT_S:
        sent.visit, sent.since_s = known[2], known[3]
    else:
        sent.visit, sent.since_s = visitor_id("visit", sent.session, str(now_s // _HOUR_S)), now_s


def _token(sent: Sent) -> str:
    told = base64.urlsafe_b64encode(msgspec.json.encode((_site(sent.payload), sent.session, sent.visit, sent.since_s))).decode()
    return f"{told}.{visitor_id('token', told)}"


def _known(token: str | None) -> tuple[str, str, str, int] | None:
    """What a token of ours says; None for any other."""
    told, _, seal = (token or "").partition(".")
    if not seal or visitor_id("token", told) != seal:
        return None
    return _TOKEN.decode(base64.urlsafe_b64decode(told))


def _name(sent: Sent) -> str:
    payload = sent.payload
    if sent.type != "event":
        return sent.type
    return payload.name or ("link" if payload.link else "pixel" if payload.pixel else "page_view")


def _event(sent: Sent) -> Event:
    payload = sent.payload
    user = str(payload.id) if payload.id not in (None, "") else None
    address = payload.url or None
    page = None
    if address is not None and address[:1] == "/" and address[:2] != "//":
        page = re.split(r"[?#]", address, maxsplit=1)[0]
        address = f"https://{payload.hostname}{address}" if payload.hostname else address
    context = {name: value for name in _CONTEXT if (value := getattr(payload, name))}
    return Event(
        name=_name(sent),
        event_time=sent.time_us,
        user_id=user,
        anonymous_id=sent.session,
        session_id=sent.visit,
        identity="identify" if sent.type == "identify" and user else None,
        url=address,
        page=page,
        referrer=payload.referrer or None,
        agent=payload.userAgent or None,
        ip=payload.ip or None,
        os=payload.os,
        browser=payload.browser,
        device=payload.device,
        is_bot=True if sent.is_robot else None,
        properties=_properties(payload),
        context=msgspec.Raw(msgspec.json.encode(context)) if context else NO_JSON,
    )


def _properties(payload: _Payload) -> msgspec.Raw:
    """The data as sent; measurements of a page where there are some."""
    vitals = {name: value for name in _VITALS if (value := getattr(payload, name)) is not None}
    if not vitals:
        return NO_JSON if absent(payload.data) else payload.data
    data = {} if absent(payload.data) else msgspec.json.decode(payload.data, type=dict[str, msgspec.Raw])
    return msgspec.Raw(msgspec.json.encode(vitals | data))
