"""Snowplow's tracker protocol: POST /com.snowplowanalytics.snowplow/tp2 with a list of events, GET /i with one.

All values are strings.  `e` says what an event is: pv page_view, pp page_ping, se a struct event (named by its action), ue a self-describing one
(named by its schema), tr and ti a transaction and its items.  What an event says of itself becomes its properties; what the tracker
says (name, time zone, screen, contexts) its context.  The key is `aid`, the id `eid`; time is received - (stm - dtm), or `ttm` as it is.  The
visitor is `duid`, else the network user id of the cookie `sp`, which every answer renews for 365 days, unless SP-Anonymous is asked for.  Nonsense
is answered with 200 and becomes dead letters.  Source: the vendor's trackers and protocol documentation.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

import msgspec

from footfall.collect.wire.contract import TEXT, Answer, Asked, BadRequest, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.form_body import from_base64
from footfall.collect.wire.json_body import check_text, decode, decode_each, json_text, not_json
from footfall.collect.wire.pixel import picture
from footfall.collect.wire.retry_after import retry_after
from footfall.event.canonical import NO_JSON, Event
from footfall.event.drop import DropReason

NOBODY = "00000000-0000-0000-0000-000000000000"  # the network user id of who asked not to have one
_TP2 = "/com.snowplowanalytics.snowplow/tp2"
_COOKIE = re.compile(r"(?:^|;)\s*sp=([A-Za-z0-9-]{1,64})")
_COOKIE_REST = "Max-Age=31536000; Path=/; SameSite=None; Secure; HttpOnly"
_SCHEMA = re.compile(r"iglu:[^/]+/([^/]+)/[^/]+/[^/]+")
_LATEST_MS = 7_258_118_400_000  # 2200-01-01

# Parameters of an event of its own kind -> their names in the properties.
_OWN: dict[str, dict[str, str]] = {
    "pv": {"page": "page_title"},
    "pp": {"page": "page_title", "pp_mix": "x_offset_min", "pp_max": "x_offset_max", "pp_miy": "y_offset_min", "pp_may": "y_offset_max"},
    "se": {"se_ca": "category", "se_ac": "action", "se_la": "label", "se_pr": "property", "se_va": "value"},
    "ue": {"page": "page_title"},
    "tr": {
        "tr_id": "order_id", "tr_af": "affiliation", "tr_tt": "total", "tr_tx": "tax", "tr_sh": "shipping", "tr_ci": "city", "tr_st": "state",
        "tr_co": "country", "tr_cu": "currency",
    },
    "ti": {
        "ti_id": "order_id", "ti_sk": "sku", "ti_nm": "name", "ti_ca": "category", "ti_pr": "price", "ti_qu": "quantity", "ti_cu": "currency",
    },
}  # fmt: skip
_NAMES = {"pv": "page_view", "pp": "page_ping", "tr": "transaction", "ti": "transaction_item"}
_NUMBERS = frozenset(("pp_mix", "pp_max", "pp_miy", "pp_may", "se_va", "tr_tt", "tr_tx", "tr_sh", "ti_pr", "ti_qu"))
# What has a column of its own, or is no part of the context for another reason.
_TAKEN = frozenset(("e", "eid", "aid", "dtm", "stm", "ttm", "uid", "duid", "sid", "url", "refr", "ip", "ua", "ue_px", "ue_pr", "cx", "co"))


class Sent(msgspec.Struct, gc=False):
    """One event as read: its parameters, its name, and the data of a self-describing one."""

    params: dict[str, str]
    name: str
    time_us: int | None
    sent_us: int | None
    described: Any = None
    schema: str | None = None
    network: str | None = None


class _Body(msgspec.Struct, gc=False):
    data: list[dict[str, str]]


class _LooseBody(msgspec.Struct, gc=False):
    data: list[msgspec.Raw]


_BODY = msgspec.json.Decoder(_Body)
_LOOSE = msgspec.json.Decoder(_LooseBody)
_PARAMS = msgspec.json.Decoder(dict[str, str | int | float | bool | None])
_VALUE = msgspec.json.Decoder()

Wrong = tuple[DropReason, str, str]  # reason, field, what is wrong


class Snowplow:
    """Snowplow's collector."""

    name = "snowplow"
    title = "Snowplow"
    stream = "events"
    raw = False
    allow_headers = ("SP-Anonymous",)
    routes = (
        Route(("POST",), _TP2),
        Route(("GET",), "/i", when=lambda asked: b"app_key=" not in asked.query_string),
    )

    def read(self, asked: Asked) -> Batch:
        """The events of one request."""
        if asked.method == "GET":
            rows, places, refused = [asked.query()], [0], list[Refusal]()
        else:
            rows, places, refused = _rows(asked.body)
        network = _network(asked)
        batch = Batch([], [], refused=refused, places=[], extra=network)
        assert batch.places is not None
        for params, place in zip(rows, places, strict=True):
            sent, wrong = _sent(params)
            if sent is None:
                assert wrong is not None
                reason, field, sentence = wrong
                batch.refused.append(Refusal(place, reason, sentence, json_text(params), field))
                continue
            sent.network = params.get("tnuid") or params.get("nuid") or network
            batch.items.append(sent)
            batch.ids.append(params.get("eid") or None)
            batch.places.append(place)
            batch.key = batch.key or params.get("aid") or None
        batch.refused.sort(key=lambda refusal: refusal.place)
        return batch

    def events(self, batch: Batch) -> list[Event]:
        """Events in canonical form."""
        return [_event(sent) for sent in batch.items]

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """ok, or a picture, with the cookie for another year."""
        network = outcome.batch.extra
        cookie = () if network is None else ((b"set-cookie", f"sp={network}; {_COOKIE_REST}".encode()),)
        return picture(200, *cookie) if asked.method == "GET" else Answer(200, b"ok", (TEXT, *cookie))

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """200 for nonsense, which no tracker shall send again; the status where sending again, or another key, helps."""
        status = 200 if problem.status in (400, 413, 415) else problem.status
        headers = retry_after(problem)
        if asked.method == "GET":
            return picture(status, *headers)
        return Answer(status, b"ok" if status == 200 else problem.sentence.encode(), (TEXT, *headers))


def _rows(body: bytes) -> tuple[list[dict[str, str]], list[int], list[Refusal]]:
    """The parameters of every event of a POST, their places, and what is no event."""
    check_text(body)
    try:
        rows = _BODY.decode(body).data
    except msgspec.ValidationError:
        loose = decode(_LOOSE, body)
        read, places, refused = decode_each(_PARAMS, loose.data)
        return [{name: _string(value) for name, value in row.items() if value is not None} for row in read], places, refused
    except (msgspec.MsgspecError, RecursionError) as problem:
        raise not_json(problem) from None
    if not rows:
        raise BadRequest(DropReason.MALFORMED_BODY, "the payload holds no events", field="data")
    return rows, list(range(len(rows))), []


def _string(value: str | float | bool) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _network(asked: Asked) -> str | None:
    """The network user id: the one of the cookie, or a new one; None for who asked to be nobody."""
    if b"sp-anonymous" in asked.headers:
        return None
    found = _COOKIE.search(asked.header(b"cookie") or "")
    return found[1] if found else str(uuid.uuid4())


def _sent(params: dict[str, str]) -> tuple[Sent | None, Wrong | None]:
    """An event with its name and times, or what is wrong with it."""
    kind = params.get("e", "")
    if kind not in _OWN:
        return None, (DropReason.INVALID_FIELD, "e", f"e is {kind!r}, none of {', '.join(_OWN)}")
    times = {}
    for field in ("dtm", "stm", "ttm"):
        text = params.get(field)
        times[field] = _microseconds(text) if text else None
        if text and times[field] is None:
            return None, (DropReason.INVALID_TIME, field, f"{field} is {text[:40]!r}, no milliseconds since 1970")
    created, sent_us = times["dtm"], times["stm"]
    if created is not None and sent_us is not None:
        # The Python tracker cuts stm to the second; an event that was sent before it happened would come to lie in the future.
        sent_us = max(created, sent_us)
    sent = Sent(params, _NAMES.get(kind, ""), created if times["ttm"] is None else times["ttm"], sent_us)
    if kind == "se":
        sent.name = params.get("se_ac", "")
        return (sent, None) if sent.name else (None, (DropReason.MISSING_NAME, "se_ac", "a struct event has no action"))
    wrong = _put_described(sent) if kind == "ue" else None
    return (None, wrong) if wrong is not None else (sent, None)


def _put_described(sent: Sent) -> Wrong | None:
    """Name and data of a self-describing event: its outer schema wraps the inner one, which names it."""
    field = "ue_px" if "ue_px" in sent.params else "ue_pr"
    if field not in sent.params:
        return DropReason.MISSING_NAME, "ue_pr", "a self-describing event has neither ue_pr nor ue_px"
    told = _json(sent.params, field)
    inner = told.get("data") if isinstance(told, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("schema"), str):
        return DropReason.MALFORMED_EVENT, field, f"{field} is no self-describing JSON"
    named = _SCHEMA.fullmatch(inner["schema"])
    if named is None:
        return DropReason.INVALID_FIELD, field, f"the schema {inner['schema'][:200]!r} is not of the form iglu:vendor/name/format/version"
    sent.name, sent.schema, sent.described = named[1], inner["schema"], inner.get("data")
    return None


def _json(params: dict[str, str], field: str) -> Any:
    """The JSON of a parameter, base64 where its name ends in x; None when it is none."""
    try:
        return _VALUE.decode(from_base64(params[field]) if field.endswith("x") else params[field])
    except (msgspec.MsgspecError, BadRequest, RecursionError, UnicodeDecodeError):
        return None


def _microseconds(text: str) -> int | None:
    try:
        milliseconds = float(text)
    except ValueError:
        return None
    return round(milliseconds * 1_000) if 0 <= milliseconds < _LATEST_MS else None


def _event(sent: Sent) -> Event:
    params = sent.params
    user = params.get("uid") or None
    anonymous = params.get("duid") or None
    if anonymous is None and user is None:
        anonymous = sent.network or params.get("sid") or NOBODY
    properties = _properties(sent)
    return Event(
        name=sent.name,
        event_id=params.get("eid") or None,
        event_time=sent.time_us,
        sent_time=sent.sent_us,
        true_time=bool(params.get("ttm")),
        user_id=user,
        anonymous_id=anonymous,
        session_id=params.get("sid") or None,
        url=params.get("url") or None,
        referrer=params.get("refr") or None,
        agent=params.get("ua") or None,
        ip=params.get("ip") or None,
        platform=params.get("p") or None,
        properties=msgspec.Raw(msgspec.json.encode(properties)) if properties else NO_JSON,
        context=msgspec.Raw(msgspec.json.encode(_context(sent, anonymous))),
    )


def _properties(sent: Sent) -> dict[str, Any]:
    """What an event says of itself; the data of a self-describing event come before the tracker's words for the page."""
    params = sent.params
    found: dict[str, Any] = {}
    for field, name in _OWN[params["e"]].items():
        if (value := params.get(field)) is not None:
            found[name] = _number(value) if field in _NUMBERS else value
    if sent.described is not None:
        found |= sent.described if isinstance(sent.described, dict) else {"data": sent.described}
    return found


def _number(text: str) -> float | str:
    try:
        number = float(text)
    except ValueError:
        return text
    if number - number != 0:  # infinite, or none
        return text
    return int(number) if number.is_integer() and abs(number) < 1 << 53 else number


def _context(sent: Sent, anonymous: str | None) -> dict[str, Any]:
    """What the tracker says about itself, the device and the page, under the protocol's own short names."""
    params = sent.params
    own = _OWN[params["e"]]
    found: dict[str, Any] = {name: value for name, value in params.items() if name not in _TAKEN and name not in own}
    if params.get("ttm") and params.get("dtm"):
        found["dtm"] = params["dtm"]
    if sent.network is not None and sent.network != anonymous:
        found["nuid"] = sent.network
    if sent.schema is not None:
        found["schema"] = sent.schema
    for field in ("cx", "co"):
        if field in params:
            told = _json(params, field)
            # Contexts that cannot be read stay as they came: the event is good without them.
            found |= {"contexts": told["data"]} if isinstance(told, dict) and "data" in told else {field: params[field]}
    return found
