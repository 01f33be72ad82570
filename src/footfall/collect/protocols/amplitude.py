"""Amplitude's HTTP API.

POST /2/httpapi and /batch with `{api_key, events, options: {min_id_length}, client_upload_time}`; /identify and /groupidentify with
`api_key` and `identification` (JSON: one object or a list) in a form or a JSON body.  Duplicates go by `device_id` and `insert_id` together.
Event time is `time` (milliseconds), corrected by `client_upload_time` where an SDK sends it.  An event with a user_id and a device_id
joins the two when it is an `$identify`.  An id shorter than min_id_length (default 5), and a placeholder that many share, is no id.

The answer is 200 when everything is stored, refused events included, as dead letters: the SDKs take a 400 apart, drop the indexes that it
lists and send the rest again, so a 400 may only mean that nothing was stored.  It then names a `missing_field`, upon which the SDKs drop the
whole request; without one they send all of it twelve times.
`event_properties` become the properties, with user_properties, groups, group_properties and revenue beside them; the rest is context.
Source: the vendor's SDKs and HTTP documentation.
"""

from __future__ import annotations

import msgspec

from footfall.collect.wire.contract import JSON, TEXT, Answer, Asked, BadRequest, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.form_body import form_field
from footfall.collect.wire.json_body import decode, decode_each, text_of
from footfall.collect.wire.json_object import with_members
from footfall.collect.wire.retry_after import retry_after
from footfall.event.canonical import NO_JSON, Event, absent
from footfall.event.drop import DropReason

Wrong = tuple[DropReason, str, str]

_ID_LENGTH_MIN = 5
_LENGTH_MAX = 1_024
_EVENTS_MAX = 2_000
_LAST_MS = 7_258_118_400_000  # the year 2200
_PLACEHOLDERS = frozenset(
    (
        *("anonymous", "unknown", "undefined", "not set", "n/a", "na", "nil", "none", "null", "0", "-1", "true", "false", "[]", "{}", "lmy47d"),
        *("00000000-0000-0000-0000-000000000000", "unsupported identifier"),
    )
)
_BESIDE = ("user_properties", "groups", "group_properties", "price", "quantity", "revenue", "productId", "revenueType", "currency")
# Members with columns or meanings of their own; everything else goes to the context.
_OWN = frozenset(
    (
        *("event_type", "event_properties", "user_id", "device_id", "time", "insert_id", "session_id", "ip", "country", "region", "city"),
        *("platform", "os_name", "device_model", "user_agent", *_BESIDE),
    )
)


class Item(msgspec.Struct, gc=False):
    """The members of an event that footfall looks into."""

    event_type: str | None = None
    user_id: str | int | None = None
    device_id: str | int | None = None
    time: int | float | None = None
    session_id: int | float | str | None = None
    insert_id: str | int | None = None
    ip: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    platform: str | None = None
    os_name: str | None = None
    device_model: str | None = None
    user_agent: str | None = None
    event_properties: msgspec.Raw = NO_JSON
    user_properties: msgspec.Raw = NO_JSON
    groups: msgspec.Raw = NO_JSON
    group_properties: msgspec.Raw = NO_JSON
    group_type: str | None = None
    group_value: str | int | None = None


class _Options(msgspec.Struct, gc=False):
    min_id_length: int | None = None


class _Body(msgspec.Struct, gc=False):
    events: list[msgspec.Raw]
    api_key: str | None = None
    options: _Options | None = None
    client_upload_time: str | None = None


class _Identification(msgspec.Struct, gc=False):
    api_key: str | None = None
    identification: msgspec.Raw = NO_JSON
    options: _Options | None = None


class _Page(msgspec.Struct, gc=False):
    url: str | None = msgspec.field(default=None, name="[Amplitude] Page URL")
    location: str | None = msgspec.field(default=None, name="[Amplitude] Page Location")
    path: str | None = msgspec.field(default=None, name="[Amplitude] Page Path")
    screen: str | None = msgspec.field(default=None, name="[Amplitude] Screen Name")
    referrer: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None


_BODY = msgspec.json.Decoder(_Body)
_IDENTIFICATION = msgspec.json.Decoder(_Identification)
_ITEM = msgspec.json.Decoder(Item)
_PAGE = msgspec.json.Decoder(_Page)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_NO_PAGE = _Page()


class Amplitude:
    """Amplitude's HTTP V2, batch and identify endpoints."""

    name = "amplitude"
    title = "Amplitude"
    stream = "events"
    raw = False
    allow_headers = ()
    routes = (
        *(Route(("POST",), path) for path in ("/2/httpapi", "/batch")),
        *(Route(("POST",), path) for path in ("/identify", "/groupidentify")),
    )

    def read(self, asked: Asked) -> Batch:
        """The events of one request."""
        kind = {"/identify": "$identify", "/groupidentify": "$groupidentify"}.get(asked.path)
        if kind is None:
            body = decode(_BODY, asked.body)
            raws, key, options, sent = body.events, body.api_key, body.options, body.client_upload_time
        else:
            key, options, raws = _identification(asked.body)
            sent = None
        if not raws:
            raise BadRequest(DropReason.MALFORMED_BODY, "the request holds no events", field="events")
        id_length_min = _ID_LENGTH_MIN if options is None or options.min_id_length is None else options.min_id_length
        batch = _batch(raws, kind, id_length_min)
        batch.key, batch.sent = key or None, sent or None
        return batch

    def events(self, batch: Batch) -> list[Event]:
        """They are canonical already."""
        return batch.items

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """How many were stored; /identify says it in a word."""
        if asked.path in ("/identify", "/groupidentify"):
            return Answer(200, b"success", (TEXT,))
        body = {
            "code": 200,
            "events_ingested": outcome.stored,
            "payload_size_bytes": len(asked.body),
            "server_upload_time": asked.received_us // 1_000,
        }
        return Answer(200, msgspec.json.encode(body), (JSON,))

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """The SDKs read `code` in the body before the status."""
        status = problem.status
        body: dict[str, object] = {"code": status, "error": problem.sentence}
        if status == 401:
            # Amplitude says it with a 400; some of its SDKs would send a 401 again and again.
            status = 400
            body = {"code": 400, "error": f"Invalid API key: {problem.batch.key if problem.batch else None}"}
        elif status == 429:
            count = _EVENTS_MAX if problem.batch is None else len(problem.batch.items) + len(problem.batch.refused)
            # SDKs wait 30 seconds with the events that are listed, and send the others again at once.
            body |= {"eps_threshold": 1_000, "throttled_users": {}, "throttled_devices": {}, "throttled_events": list(range(count))}
            body |= {"exceeded_daily_quota_users": {}, "exceeded_daily_quota_devices": {}}
        elif 400 <= status < 500 and status != 413:
            body |= {"missing_field": "events", "events_with_invalid_fields": {}, "events_with_missing_fields": {}}
        return Answer(status, msgspec.json.encode(body), (JSON, *retry_after(problem)))


def _identification(body: bytes) -> tuple[str | None, _Options | None, list[msgspec.Raw]]:
    """Key, options and identifications, from a form or from JSON."""
    if body.lstrip()[:1] == b"{":
        read = decode(_IDENTIFICATION, body)
        key, options, raw = read.api_key, read.options, bytes(read.identification)
    else:
        key, options, raw = form_field(body, "api_key"), None, (form_field(body, "identification") or "").encode("utf-8", "surrogatepass")
    if not raw:
        raise BadRequest(DropReason.MALFORMED_BODY, "the request has no identification", field="identification")
    if raw.lstrip()[:1] == b"[":
        return key, options, decode(_RAWS, raw)
    # decoded as a list of one, so that its syntax is checked like any other
    return key, options, decode(_RAWS, b"[" + raw + b"]")


def _batch(raws: list[msgspec.Raw], kind: str | None, id_length_min: int) -> Batch:
    items, places, refused = decode_each(_ITEM, raws)
    events: list[Event] = []
    ids: list[str | None] = []
    kept: list[int] = []
    for item, place in zip(items, places, strict=True):
        item.event_type = kind or item.event_type
        made = _event(item, raws[place], id_length_min)
        if isinstance(made, Event):
            events.append(made)
            ids.append(None if made.event_id is None else f"{made.anonymous_id or made.user_id}\n{made.event_id}")
            kept.append(place)
        else:
            reason, field, detail = made
            refused.append(Refusal(place, reason, detail, text_of(bytes(raws[place])), field))
    return Batch(events, ids, refused=refused, places=kept if refused else None)


def _event(item: Item, raw: msgspec.Raw, id_length_min: int) -> Event | Wrong:
    wrong = _wrong(item, id_length_min)
    if wrong is not None:
        return wrong
    user, device = _id(item.user_id), _id(item.device_id)
    if user is None and device is None:
        if item.event_type != "$groupidentify" or item.group_type is None or item.group_value is None:
            return DropReason.MISSING_PERSON, "user_id", "neither user_id nor device_id has a value that identifies anybody"
        device = f"${item.group_type}_{item.group_value}"
    try:
        properties, context = _rest(raw, item)
        page = _page(item.event_properties)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        return DropReason.INVALID_FIELD, "event_properties", f"event_properties: {problem}"
    session = None if item.session_id is None or item.session_id == -1 else str(item.session_id)
    return Event(
        name=item.event_type or "",
        event_id=None if item.insert_id is None or item.insert_id == "" else str(item.insert_id),
        event_time=None if item.time is None else int(item.time * 1_000),
        user_id=user,
        anonymous_id=device,
        session_id=session,
        identity="identify" if item.event_type == "$identify" and user and device else None,
        url=page.url or page.location,
        page=page.path or page.screen,
        referrer=page.referrer,
        agent=item.user_agent,
        ip=None if item.ip == "$remote" else item.ip,
        country=item.country,
        region=item.region,
        city=item.city,
        platform=item.platform,
        os=item.os_name,
        device=item.device_model,
        utm_source=page.utm_source,
        utm_medium=page.utm_medium,
        utm_campaign=page.utm_campaign,
        properties=properties,
        context=context,
    )


def _wrong(item: Item, id_length_min: int) -> Wrong | None:
    """What Amplitude itself refuses: no name, ids too short or too long, a time that is none."""
    if not item.event_type:
        return DropReason.MISSING_NAME, "event_type", "the event has no event_type"
    for field, value in (("event_type", item.event_type), ("user_id", item.user_id), ("device_id", item.device_id)):
        if isinstance(value, str) and len(value) > _LENGTH_MAX:
            return DropReason.INVALID_FIELD, field, f"{field} is longer than {_LENGTH_MAX} characters"
    for field, value in (("user_id", item.user_id), ("device_id", item.device_id)):
        text = _id(value)
        if text is not None and len(text) < id_length_min:
            return DropReason.INVALID_FIELD, field, f"{field} {text!r} is shorter than {id_length_min} characters (options.min_id_length)"
    if item.time is not None and not 0 <= item.time < _LAST_MS:
        return DropReason.INVALID_TIME, "time", f"time {item.time!r} is no time in milliseconds between 1970 and 2200"
    return None


def _id(value: str | int | None) -> str | None:
    """An id as text; None for one that is empty or a placeholder."""
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else str(value)
    return None if not text or text.lower() in _PLACEHOLDERS else text


def _page(raw: msgspec.Raw) -> _Page:
    """Where the event happened.  MsgspecError when the properties are no object."""
    if absent(raw):
        return _NO_PAGE
    try:
        return _PAGE.decode(raw)
    except msgspec.ValidationError:  # a property of another type than the SDK's own says nothing
        _OBJECT.decode(raw)
        return _NO_PAGE


def _rest(raw: msgspec.Raw, item: Item) -> tuple[msgspec.Raw, msgspec.Raw]:
    """Properties and context: everything that has no column."""
    members = _OBJECT.decode(raw)
    if b"null" in memoryview(raw).tobytes():
        members = {name: value for name, value in members.items() if not absent(value)}
    beside = {name: bytes(members[name]) for name in _BESIDE if name in members}
    properties = with_members(b"{}" if absent(item.event_properties) else bytes(item.event_properties), beside)
    context = {name: value for name, value in members.items() if name not in _OWN}
    return (
        NO_JSON if properties == b"{}" else msgspec.Raw(properties),
        msgspec.Raw(msgspec.json.encode(context)) if context else NO_JSON,
    )
