"""Google Analytics 4's Measurement Protocol: POST /mp/collect with `{client_id | app_instance_id, user_id, events: [{name, params}]}`.

Its limits hold: 25 events a request, 25 parameters an event, 25 user properties, names of 40 characters, values of 100 (page_title 300,
page_referrer 420, page_location 1,000), 130 kB, 72 hours back.  What exceeds them is refused with its reason; the vendor loses it in silence.
The key is `api_secret`, without one `measurement_id` or `firebase_app_id`.  Time is the event's `timestamp_micros`, else the request's.
The answer is 204 and empty also for a body that cannot be used, as the vendor's; only a wrong key and a busy door are told.  POST
/debug/mp/collect answers `validationMessages` and stores nothing.  Events have no ids.  Source: the vendor's documentation.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from footfall.collect.wire.contract import JSON, Answer, Asked, BadRequest, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.json_body import decode, refusal, text_of
from footfall.collect.wire.plain_values import identifier
from footfall.collect.wire.retry_after import retry_after
from footfall.event.canonical import NO_JSON, Event, absent
from footfall.event.drop import DropReason

BODY_BYTES_MAX = 130_000
EVENTS_MAX = 25
PARAMS_MAX = 25
NAME_LENGTH_MAX = 40
VALUE_LENGTH_MAX = 100
LONGER_VALUES = {"page_title": 300, "page_referrer": 420, "page_location": 1_000}
USER_PROPERTIES_MAX = 25
USER_PROPERTY_NAME_MAX = 24
USER_PROPERTY_VALUE_MAX = 36
BACK_US_MAX = 72 * 3_600_000_000
_INT64_MAX = (1 << 63) - 1
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_MOVED = ("session_id", "page_location", "page_referrer")  # parameters with a column of their own
_CODES = {
    DropReason.TOO_MANY_EVENTS: "EXCEEDED_MAX_ENTITIES",
    DropReason.BODY_TOO_LARGE: "VALUE_OUT_OF_BOUNDS",
    DropReason.MISSING_NAME: "VALUE_REQUIRED",
    DropReason.MISSING_PERSON: "VALUE_REQUIRED",
}

Wrong = tuple[DropReason, str, str]  # reason, field, what is wrong
Value = str | int | float | bool | None


class _Item(msgspec.Struct, gc=False):
    name: str = ""
    params: dict[str, msgspec.Raw] | None = None
    timestamp_micros: str | int | float | None = None


class _Place(msgspec.Struct, gc=False):
    city: str | None = None
    region_id: str | None = None
    country_id: str | None = None


class _Device(msgspec.Struct, gc=False):
    category: str | None = None
    operating_system: str | None = None
    browser: str | None = None


class _Property(msgspec.Struct, gc=False):
    value: msgspec.Raw = NO_JSON


class _Body(msgspec.Struct, gc=False):
    events: list[msgspec.Raw]
    client_id: Value = None
    app_instance_id: Value = None
    user_id: Value = None
    timestamp_micros: str | int | float | None = None
    user_properties: dict[str, msgspec.Raw] | None = None
    consent: msgspec.Raw = NO_JSON
    user_location: _Place | None = None
    device: _Device | None = None
    ip_override: str | None = None
    user_agent: str | None = None


_BODY = msgspec.json.Decoder(_Body)
_ITEM = msgspec.json.Decoder(_Item)
_PROPERTY = msgspec.json.Decoder(_Property)
_TEXT = msgspec.json.Decoder(str)
_VALUE = msgspec.json.Decoder(Value)
_BROKEN = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def _validate(asked: Asked) -> Answer:
    """What the validation server says of a request."""
    try:
        refused = _read(asked).refused
        found = [(one.field or "events", one.detail, one.reason) for one in refused]
    except BadRequest as problem:
        found = [(problem.field or "", problem.sentence, problem.reason)]
    messages = [
        {"fieldPath": field, "description": detail, "validationCode": _CODES.get(reason, "NAME_INVALID" if field == "name" else "VALUE_INVALID")}
        for field, detail, reason in found
    ]
    return Answer(200, msgspec.json.encode({"validationMessages": messages}), (JSON,))


class Ga4:
    """Google Analytics 4's Measurement Protocol."""

    name = "ga4"
    title = "Google Analytics 4 (Measurement Protocol)"
    stream = "events"
    raw = False
    allow_headers = ()
    routes = (Route(("POST",), "/mp/collect"), Route(("POST",), "/debug/mp/collect", reply=_validate))

    def read(self, asked: Asked) -> Batch:
        """The events of one request."""
        return _read(asked)

    def events(self, batch: Batch) -> list[Event]:
        """They are canonical already."""
        return batch.items

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """Nothing, and that is success."""
        return Answer(204)

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """Nothing either; a status for what the sender can mend, or has to send again."""
        silent = problem.status in (400, 413, 415)
        return Answer(204) if silent else Answer(problem.status, b"", retry_after(problem))


def _read(asked: Asked) -> Batch:
    if len(asked.body) > BODY_BYTES_MAX:
        sentence = f"the body has {len(asked.body):,} bytes, more than {BODY_BYTES_MAX:,}"
        raise BadRequest(DropReason.BODY_TOO_LARGE, sentence, field="body", hint="send fewer events at once", status=413)
    body = decode(_BODY, asked.body)
    if not body.events:
        raise BadRequest(DropReason.MALFORMED_BODY, "the list of events is empty", field="events")
    if not (identifier(body.client_id) or identifier(body.app_instance_id) or identifier(body.user_id)):
        raise BadRequest(DropReason.MISSING_PERSON, "neither client_id nor app_instance_id has a value", field="client_id")
    wrong = _wrong_properties(body.user_properties or {})
    if wrong is not None:
        raise BadRequest(wrong[0], wrong[2], field=wrong[1])
    query = asked.query()
    batch = Batch([], [], places=[], key=query.get("api_secret") or query.get("measurement_id") or query.get("firebase_app_id") or None)
    context = _context(body)
    for place, raw in enumerate(body.events):
        _take(batch, place, raw, (asked, body, context))
    return batch


def _take(batch: Batch, place: int, raw: msgspec.Raw, request: tuple[Asked, _Body, msgspec.Raw]) -> None:
    asked, body, context = request
    try:
        item = _ITEM.decode(raw)
    except _BROKEN as problem:
        batch.refused.append(refusal(place, problem, bytes(raw)))
        return
    time = item.timestamp_micros if item.timestamp_micros is not None else body.timestamp_micros
    micros = _micros(time)
    wrong = _wrong(item, place) or _wrong_time(time, micros, asked.received_us)
    if wrong is not None:
        batch.refused.append(Refusal(place, wrong[0], wrong[2], text_of(bytes(raw)), wrong[1]))
        return
    assert batch.places is not None
    batch.places.append(place)
    batch.items.append(_event(item, body, context, micros))
    batch.ids.append(None)


def _wrong(item: _Item, place: int) -> Wrong | None:
    params = item.params or {}
    if place >= EVENTS_MAX:
        return DropReason.TOO_MANY_EVENTS, "events", f"the event is number {place + 1} of a request that may have {EVENTS_MAX}"
    if not item.name:
        return DropReason.MISSING_NAME, "name", "the event has no name"
    if len(item.name) > NAME_LENGTH_MAX or not _NAME.fullmatch(item.name):
        return (
            DropReason.INVALID_FIELD,
            "name",
            f"the name {item.name[:80]!r} is not a letter and then letters, digits and _, {NAME_LENGTH_MAX} at most",
        )
    if len(params) > PARAMS_MAX:
        return DropReason.INVALID_FIELD, "params", f"the event has {len(params)} parameters, more than {PARAMS_MAX}"
    return _wrong_params(params)


def _wrong_params(params: dict[str, msgspec.Raw]) -> Wrong | None:
    for name, raw in params.items():
        if not 0 < len(name) <= NAME_LENGTH_MAX:
            return DropReason.INVALID_FIELD, f"params.{name[:80]}", f"the parameter's name has {len(name)} characters, not 1 to {NAME_LENGTH_MAX}"
        most = LONGER_VALUES.get(name, VALUE_LENGTH_MAX)
        if len(_text(raw)) > most:
            return DropReason.INVALID_FIELD, f"params.{name}", f"the value of {name!r} has {len(_text(raw))} characters, more than {most}"
    return None


def _wrong_time(time: str | float | None, micros: int | None, received_us: int) -> Wrong | None:
    if time is None:
        return None
    if micros is None:
        return DropReason.INVALID_TIME, "timestamp_micros", f"timestamp_micros is {str(time)[:80]!r}, no number of microseconds"
    if micros < received_us - BACK_US_MAX:
        return DropReason.INVALID_TIME, "timestamp_micros", f"timestamp_micros is {micros}, more than 72 hours back"
    return None


def _wrong_properties(properties: dict[str, msgspec.Raw]) -> Wrong | None:
    """Properties of the user hold for all events of the request, and so do their limits."""
    if len(properties) > USER_PROPERTIES_MAX:
        return DropReason.INVALID_FIELD, "user_properties", f"there are {len(properties)} user properties, more than {USER_PROPERTIES_MAX}"
    for name, raw in properties.items():
        try:
            value = _text(_PROPERTY.decode(raw).value)
        except _BROKEN:
            return DropReason.INVALID_FIELD, "user_properties", f"the user property {name[:80]!r} is not an object with a value"
        if not 0 < len(name) <= USER_PROPERTY_NAME_MAX or len(value) > USER_PROPERTY_VALUE_MAX:
            sentence = (
                f"the user property {name[:80]!r} is longer than {USER_PROPERTY_NAME_MAX} characters, or its value than {USER_PROPERTY_VALUE_MAX}"
            )
            return DropReason.INVALID_FIELD, "user_properties", sentence
    return None


def _text(raw: msgspec.Raw | None) -> str:
    """The value where it is text, else nothing."""
    if raw is None or absent(raw) or memoryview(raw)[0] != ord('"'):
        return ""
    return _TEXT.decode(raw)


def _micros(time: str | float | None) -> int | None:
    try:
        micros = int(time) if time is not None else None
    except (ValueError, OverflowError):
        return None
    return micros if micros is not None and abs(micros) <= _INT64_MAX else None


def _context(body: _Body) -> msgspec.Raw:
    """What holds for the whole request and has no column."""
    found: dict[str, Any] = {}
    if body.user_properties:
        found["user_properties"] = {name: _PROPERTY.decode(raw).value for name, raw in body.user_properties.items()}
        found["user_properties"] = {name: value for name, value in found["user_properties"].items() if not absent(value)}
    if not absent(body.consent):
        found["consent"] = body.consent
    return msgspec.Raw(msgspec.json.encode(found)) if found else NO_JSON


def _event(item: _Item, body: _Body, context: msgspec.Raw, micros: int | None) -> Event:
    params = item.params or {}
    place, device = body.user_location or _Place(), body.device or _Device()
    rest = {name: raw for name, raw in params.items() if name not in _MOVED}
    return Event(
        name=item.name,
        event_time=micros,
        user_id=identifier(body.user_id),
        anonymous_id=identifier(body.client_id) or identifier(body.app_instance_id),
        session_id=_scalar(params.get("session_id")),
        url=_text(params.get("page_location")) or None,
        referrer=_text(params.get("page_referrer")) or None,
        agent=body.user_agent,
        ip=body.ip_override or None,
        country=place.country_id,
        region=place.region_id,
        city=place.city,
        os=device.operating_system,
        browser=device.browser,
        device=device.category,
        properties=msgspec.Raw(msgspec.json.encode(rest)) if rest else NO_JSON,
        context=context,
    )


def _scalar(raw: msgspec.Raw | None) -> str | None:
    try:
        return None if raw is None else identifier(_VALUE.decode(raw))
    except _BROKEN:
        return None
