"""Plausible: POST /api/event with one event, as JSON that browsers call text.

Names are long (`name`, `url`, `domain`, `referrer`, `props`, `revenue`, `interactive`) or the script's short ones (n, u, d, r, p, $, i).  The key is the
domain, or the address's host.  The answer is 202 `ok`; 400 with x-plausible-dropped: 1 where the event could not be stored; with X-Debug-Request:
true the address that the visitor was counted by.  Visitors have no cookie: their id is anonymous_visitor's.  There are no ids to
remove duplicates by.  Source: the vendor's tracker, server and documentation.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from footfall.collect.wire.contract import JSON, TEXT, Answer, Asked, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.json_body import decode, text_of
from footfall.collect.wire.retry_after import retry_after
from footfall.collect.wire.visitor import anonymous_visitor
from footfall.event.canonical import NO_JSON, Event
from footfall.event.drop import DropReason

URL_LENGTH_MAX = 2_000
_DROPPED = (b"x-plausible-dropped", b"1")
# Members beside the properties -> their names in the context.
_BESIDE = {"e": "engagement_ms", "sd": "scroll_depth", "v": "script_version"}


class _Body(msgspec.Struct, gc=False):
    """Either name of every member; of any type, which is looked at later."""

    n: Any = None
    name: Any = None
    u: Any = None
    url: Any = None
    d: Any = None
    domain: Any = None
    r: Any = None
    referrer: Any = None
    m: Any = None
    meta: Any = None
    p: Any = None
    props: Any = None
    short_revenue: Any = msgspec.field(name="$", default=None)
    revenue: Any = None
    i: Any = None
    interactive: Any = None
    h: Any = None
    hashMode: Any = None  # noqa: N815 - the protocol's own name
    e: Any = None
    sd: Any = None
    v: Any = None


class Sent(msgspec.Struct, gc=False):
    """One event as sent, and whose it is."""

    name: str
    url: str
    page: str | None
    domains: list[str]
    visitor: str
    body: _Body


_BODY = msgspec.json.Decoder(_Body)
_VALUE = msgspec.json.Decoder()

Wrong = tuple[DropReason, str, str]  # reason, field, what is wrong


class Plausible:
    """Plausible's events API."""

    name = "plausible"
    title = "Plausible"
    stream = "events"
    raw = False
    allow_headers = ("X-Debug-Request",)
    routes = (Route(("POST",), "/api/event"),)

    def read(self, asked: Asked) -> Batch:
        """The event of one request."""
        body = decode(_BODY, asked.body)
        sent = _sent(body, asked)
        if isinstance(sent, Sent):
            return Batch([sent], [None], sent.domains[0])
        reason, field, sentence = sent
        return Batch([], [], refused=[Refusal(0, reason, sentence, text_of(asked.body), field)], places=[])

    def events(self, batch: Batch) -> list[Event]:
        """The event in canonical form."""
        return [_event(sent) for sent in batch.items]

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """202 when it was stored, 400 when it was not."""
        if outcome.refused:
            told = {one.field or "request": [one.detail] for one in outcome.refused}
            return Answer(400, msgspec.json.encode({"errors": told}), (JSON, _DROPPED))
        if asked.header(b"x-debug-request") == "true":
            return Answer(200, (asked.address or "").encode(), (TEXT,))
        return Answer(202, b"ok", (TEXT,))

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """An error in Plausible's form."""
        body = msgspec.json.encode({"errors": {"request": [problem.sentence]}})
        return Answer(problem.status, body, (JSON, _DROPPED, *retry_after(problem)))


def _sent(body: _Body, asked: Asked) -> Sent | Wrong:
    """An event with its visitor, or what is wrong with it."""
    name, url, domain = _first(body.n, body.name), _first(body.u, body.url), _first(body.d, body.domain)
    if not isinstance(name, str) or not name.strip():
        return DropReason.MISSING_NAME, "name", "name can't be blank"
    problem = _url_problem(url)
    if problem is not None:
        return DropReason.INVALID_FIELD, "url", problem
    parts = urlsplit(url)
    named = domain if isinstance(domain, str) else parts.hostname or ""
    domains = [bare for one in named.split(",") if (bare := one.strip().removeprefix("www."))]
    if not domains:
        return DropReason.INVALID_FIELD, "domain", "domain can't be blank"
    # Where pages are told apart behind the #, the path alone would be one page.
    page = f"{parts.path or '/'}#{parts.fragment}" if _first(body.h, body.hashMode) in (1, True) and parts.fragment else None
    return Sent(name.strip(), url, page, domains, anonymous_visitor(asked, domains[0]), body)


def _url_problem(url: Any) -> str | None:
    if not isinstance(url, str) or not url:
        return "url is required"
    if len(url) > URL_LENGTH_MAX:
        return f"url has {len(url):,} characters, more than {URL_LENGTH_MAX:,}"
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        return f"url {url[:80]!r} cannot be read"
    return "url has the scheme data, which is not allowed" if scheme == "data" else None


def _first(short: Any, long: Any) -> Any:
    return long if short is None else short


def _event(sent: Sent) -> Event:
    body = sent.body
    referrer = _first(body.r, body.referrer)
    properties = _properties(body)
    context: dict[str, Any] = {name: value for member, name in _BESIDE.items() if (value := getattr(body, member)) is not None}
    if len(sent.domains) > 1:
        context["domains"] = sent.domains
    return Event(
        name=sent.name,
        anonymous_id=sent.visitor,
        url=sent.url,
        page=sent.page,
        referrer=referrer if isinstance(referrer, str) and referrer else None,
        properties=msgspec.Raw(msgspec.json.encode(properties)) if properties else NO_JSON,
        context=msgspec.Raw(msgspec.json.encode(context)) if context else NO_JSON,
    )


def _properties(body: _Body) -> dict[str, Any]:
    """The custom properties, with `revenue`, and `interactive` where it is false."""
    given = next((one for one in (body.m, body.meta, body.p, body.props) if one is not None), None)
    told = _object(given)
    found: dict[str, Any] = dict(told) if isinstance(told, dict) else {} if told is None else {"props": told}
    revenue = _object(_first(body.short_revenue, body.revenue))
    if revenue is not None:
        found.setdefault("revenue", revenue)
    if _first(body.i, body.interactive) is False:
        found.setdefault("interactive", False)
    return found


def _object(value: Any) -> Any:
    """A value, or what its text holds where somebody sent JSON in a string."""
    if not isinstance(value, str):
        return value
    try:
        read = _VALUE.decode(value)
    except (msgspec.MsgspecError, RecursionError):
        return value
    return read if isinstance(read, dict) else value
