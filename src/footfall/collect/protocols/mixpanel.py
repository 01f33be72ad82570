"""Mixpanel's tracking API: what its browser, mobile and server SDKs send.

/track, /engage and /groups take a form with `data=` (JSON, or base64 of it), a JSON body, or a GET with `data=` in the query.  The answer is `1`
or `0`, with verbose=1 `{"status":1,"error":null}`, with img=1 a picture.  The key is the `token` in the properties.  An `$insert_id` counts for
one distinct id.  `$identify`, `$create_alias` and `$merge` join people; /engage and /groups become events named `$engage` and `$groups`, a
group's with the anonymous id `$group:KEY:ID`.  Source: the vendor's SDKs and HTTP documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from footfall.collect.wire.contract import JSON, TEXT, Answer, Asked, BadRequest, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.form_body import form_field, from_base64
from footfall.collect.wire.json_body import check_text, decode, decode_each, not_json, text_of
from footfall.collect.wire.pixel import picture
from footfall.collect.wire.retry_after import retry_after
from footfall.event.canonical import Event
from footfall.event.drop import DropReason

IDENTITY = {"$identify": "identify", "$create_alias": "alias", "$merge": "merge"}
_DEVICE = "$device:"
_OWN_MEMBERS = ("token", "ip", "$ip", "time", "$insert_id", "distinct_id", "$device_id", "$user_id")
_OWN_OF_PROFILES = ("$token", "$ip")
_US_A_SECOND = 1_000_000
_SECONDS_MAX = 100_000_000_000  # the year 5138; as milliseconds this is 1973, as microseconds 1970
_LATEST_US = 7_258_118_400_000_000  # 2200-01-01


class Known(msgspec.Struct, gc=False):
    """The properties with a meaning of their own; nothing here can be of a wrong type, that is looked at later."""

    token: Any = None
    time: Any = None
    distinct_id: Any = None
    alias: Any = None
    ip: Any = None
    own_ip: Any = msgspec.field(name="$ip", default=None)
    insert_id: Any = msgspec.field(name="$insert_id", default=None)
    device_id: Any = msgspec.field(name="$device_id", default=None)
    user_id: Any = msgspec.field(name="$user_id", default=None)
    identified_id: Any = msgspec.field(name="$identified_id", default=None)
    anon_id: Any = msgspec.field(name="$anon_id", default=None)
    anon_distinct_id: Any = msgspec.field(name="$anon_distinct_id", default=None)
    distinct_ids: Any = msgspec.field(name="$distinct_ids", default=None)
    url: Any = msgspec.field(name="$current_url", default=None)
    page: Any = msgspec.field(name="current_url_path", default=None)
    referrer: Any = msgspec.field(name="$referrer", default=None)
    os: Any = msgspec.field(name="$os", default=None)
    browser: Any = msgspec.field(name="$browser", default=None)
    device: Any = msgspec.field(name="$device", default=None)
    country: Any = msgspec.field(name="mp_country_code", default=None)
    region: Any = msgspec.field(name="$region", default=None)
    city: Any = msgspec.field(name="$city", default=None)
    utm_source: Any = None
    utm_medium: Any = None
    utm_campaign: Any = None


class Track(msgspec.Struct, gc=False):
    """One element of /track and /import."""

    event: str | None = None
    properties: msgspec.Raw = msgspec.Raw(b"{}")


class _Profile(msgspec.Struct, gc=False):
    """What /engage and /groups say about whom they mean."""

    token: Any = msgspec.field(name="$token", default=None)
    ip: Any = msgspec.field(name="$ip", default=None)
    time: Any = msgspec.field(name="$time", default=None)
    distinct_id: Any = msgspec.field(name="$distinct_id", default=None)
    device_id: Any = msgspec.field(name="$device_id", default=None)
    user_id: Any = msgspec.field(name="$user_id", default=None)
    group_key: Any = msgspec.field(name="$group_key", default=None)
    group_id: Any = msgspec.field(name="$group_id", default=None)


class Told(msgspec.Struct, gc=False):
    """One element as read: its name, whom it means, and its members as they came."""

    name: str
    known: Known
    members: dict[str, msgspec.Raw]
    time_us: int | None
    user_id: str | None
    anonymous_id: str | None
    previous_id: str | None = None
    event_id: str | None = None


Wrong = tuple[DropReason, str, str]  # reason, field, what is wrong

_TRACKS = msgspec.json.Decoder(list[Track])
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_TRACK = msgspec.json.Decoder(Track)
_KNOWN = msgspec.json.Decoder(Known)
_PROFILE = msgspec.json.Decoder(_Profile)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _json(told: Any, status: int = 200) -> Answer:
    return Answer(status, msgspec.json.encode(told), (JSON,))


def _always(told: Any) -> Callable[[Asked], Answer]:
    answer = _json(told)
    return lambda _: answer


class Mixpanel:
    """Mixpanel's /track, /engage and /groups, and harmless answers to what else its browser SDK asks for."""

    name = "mixpanel"
    title = "Mixpanel"
    stream = "events"
    raw = False
    allow_headers = ("traceparent",)  # the browser SDK asks for flags with it
    routes = (
        Route(("POST", "GET"), "/track", when=lambda asked: b"openpanel-client-id" not in asked.headers),
        Route(("POST", "GET"), "/engage"),
        Route(("POST", "GET"), "/groups"),
        Route(("GET",), "/flags", reply=_always({"code": 200, "flags": {}})),
        Route(("GET",), "/flags/definitions", reply=_always({"flags": []})),
        Route(("GET",), "/decide", reply=_always({"notifications": [], "config": {"enable_collect_everything": False}})),
        Route(("GET",), "/settings", reply=_always({})),
        Route(("POST",), "/record", reply=_always({"code": 200, "status": "OK"})),
    )

    def read(self, asked: Asked) -> Batch:
        """The events, or the changes of profiles, of one request."""
        payload = payload_of(asked)
        if asked.path.rstrip("/") == "/track":
            return read_tracks(payload)
        return _read_profiles(payload, groups=asked.path.rstrip("/") == "/groups")

    def events(self, batch: Batch) -> list[Event]:
        """Events in canonical form."""
        return [event_of(told) for told in batch.items]

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """1 when anything was stored now or before, 0 when all of it was refused."""
        error = None if outcome.stored or not outcome.refused else f"{outcome.refused[0].detail}"
        return _answer(asked, 200, error)

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """0 and the status; the SDKs try again after 429 and 5xx."""
        answer = _answer(asked, problem.status, problem.sentence)
        return Answer(answer.status, answer.body, (*answer.headers, *retry_after(problem)))


def payload_of(asked: Asked) -> bytes:
    """The JSON of a request, whether it came as a body, in a form or in the query.

    Raises:
        BadRequest: there is none.
    """
    if asked.method == "GET":
        data = asked.query().get("data")
    else:
        body = asked.body.strip()
        if body[:1] in (b"[", b"{"):
            return body
        data = form_field(body, "data")
    if not data:
        raise BadRequest(DropReason.MALFORMED_BODY, "the request has no data", field="data", hint="send data= in a form, or a JSON array")
    return data.encode() if data.lstrip()[:1] in ("[", "{") else from_base64(data)


def read_tracks(payload: bytes, strict: Any = None) -> Batch:
    """The events of /track or /import; `strict` says what else is wrong with one, given what was read of it."""
    elements, places, refused = elements_of(payload)
    return sort_out(elements, places, refused, strict)


def elements_of(payload: bytes) -> tuple[list[Track], list[int], list[Refusal]]:
    """Elements of a JSON array or of one object, their places, and what is no event at all."""
    array = payload if payload.lstrip()[:1] == b"[" else b"[" + payload + b"]"
    check_text(array)
    try:
        elements = _TRACKS.decode(array)
    except msgspec.ValidationError:
        return decode_each(_TRACK, decode(_RAWS, array))
    except (msgspec.MsgspecError, RecursionError) as problem:
        raise not_json(problem) from None
    return elements, list(range(len(elements))), []


def sort_out(elements: list[Track], places: list[int], refused: list[Refusal], strict: Any = None) -> Batch:
    """A batch of the elements that can be stored."""
    if not elements and not refused:
        raise BadRequest(DropReason.MALFORMED_BODY, "the request holds no events", field="data", hint="send one or more")
    batch = Batch([], [], refused=refused, places=[])
    assert batch.places is not None
    for element, place in zip(elements, places, strict=True):
        told, wrong = told_of(element)
        if told is not None and strict is not None and wrong is None:
            wrong = strict(told, len(element.properties))
        if wrong is not None:
            row = text_of(msgspec.json.encode(element))
            batch.refused.append(Refusal(place, wrong[0], f"'{wrong[1]}' is invalid: {wrong[2]}", row, wrong[1]))
            continue
        assert told is not None
        batch.items.append(told)
        batch.ids.append(told.event_id)
        batch.places.append(place)
        batch.key = batch.key or _text(told.known.token)
    batch.refused.sort(key=lambda refusal: refusal.place)
    return batch


def told_of(element: Track) -> tuple[Told | None, Wrong | None]:
    """An element with its person, time and id, or what is wrong with it."""
    if not element.event:
        return None, (DropReason.MISSING_NAME, "event", "an event must have a name")
    try:
        known = _KNOWN.decode(element.properties)
        members = _OBJECT.decode(element.properties)
    except (msgspec.MsgspecError, RecursionError) as problem:
        return None, (DropReason.MALFORMED_EVENT, "properties", f"must be an object ({problem})")
    time_us = None
    if known.time is not None and (time_us := microseconds(known.time)) is None:
        return None, (DropReason.INVALID_TIME, "properties.time", "must be specified as seconds or milliseconds since epoch")
    told = Told(element.event, known, members, time_us, *person_of(known.distinct_id, known.device_id, known.user_id))
    if element.event in IDENTITY and (wrong := _put_identity(told)) is not None:
        return told, wrong
    if told.user_id is None and told.anonymous_id is None:
        return told, (DropReason.MISSING_PERSON, "properties.distinct_id", "must be the id of a person or a device")
    insert_id = _text(known.insert_id)
    if insert_id is not None:
        told.event_id = f"{insert_id}:{_text(known.distinct_id) or told.user_id or told.anonymous_id}"
    return told, None


def microseconds(time: Any) -> int | None:
    """Seconds or milliseconds since 1970, as a number or its digits, in microseconds; None when it is neither."""
    if isinstance(time, str):
        try:
            time = float(time)
        except ValueError:
            return None
    if not isinstance(time, int | float) or isinstance(time, bool) or not 0 <= time < _LATEST_US:
        return None
    if time >= _SECONDS_MAX * 1_000:
        return int(time)
    us = round(time * 1_000) if time >= _SECONDS_MAX else round(time * _US_A_SECOND)
    return us if us < _LATEST_US else None


def person_of(distinct_id: Any, device_id: Any, user_id: Any) -> tuple[str | None, str | None]:
    """User and anonymous id.

    A distinct id that begins with `$device:`, or is the device's, is a device's name and nobody's; any other is a user's.
    """
    distinct, device, user = _text(distinct_id), _text(device_id), _text(user_id)
    if device is not None:
        device = device.removeprefix(_DEVICE)
    if distinct is None or user is not None:
        return user, device
    bare = distinct.removeprefix(_DEVICE)
    if bare != distinct or bare == device:
        return None, device or bare
    return distinct, device


def _put_identity(told: Told) -> Wrong | None:
    """Who is joined to whom: `previous_id` to `user_id`."""
    known = told.known
    if told.name == "$merge":
        pair = known.distinct_ids
        texts = [text for one in pair if (text := _text(one)) is not None] if isinstance(pair, list) else []
        if len(texts) != 2:
            return DropReason.INVALID_FIELD, "properties.$distinct_ids", "must be two ids"
        told.user_id, told.previous_id = texts[0].removeprefix(_DEVICE), texts[1].removeprefix(_DEVICE)
    elif told.name == "$create_alias":
        alias, original = _text(known.alias), _text(known.distinct_id)
        if alias is None or original is None:
            return DropReason.INVALID_FIELD, "properties.alias", "an alias needs alias and distinct_id"
        told.user_id, told.previous_id = alias, original.removeprefix(_DEVICE)
    else:
        told.user_id = _text(known.identified_id) or told.user_id
        anonymous = _text(known.anon_id) or _text(known.anon_distinct_id)
        told.previous_id = anonymous.removeprefix(_DEVICE) if anonymous else None
    return None


def event_of(told: Told) -> Event:
    """One event in canonical form; its address, token, ids and time leave the properties."""
    known = told.known
    members = told.members
    for name in _OWN_MEMBERS if told.name not in ("$engage", "$groups") else _OWN_OF_PROFILES:
        members.pop(name, None)
    return Event(
        name=told.name,
        event_id=told.event_id,
        event_time=told.time_us,
        user_id=told.user_id,
        anonymous_id=told.anonymous_id,
        identity=IDENTITY.get(told.name),
        previous_id=told.previous_id,
        url=_text(known.url),
        page=_text(known.page),
        referrer=_text(known.referrer),
        ip=_text(known.ip) or _text(known.own_ip),
        os=_text(known.os),
        browser=_text(known.browser),
        device=_text(known.device),
        country=_text(known.country),
        region=_text(known.region),
        city=_text(known.city),
        utm_source=_text(known.utm_source),
        utm_medium=_text(known.utm_medium),
        utm_campaign=_text(known.utm_campaign),
        properties=msgspec.Raw(msgspec.json.encode(members)),
    )


def _read_profiles(payload: bytes, *, groups: bool) -> Batch:
    """The changes of profiles of people, or of groups, each an event."""
    array = payload if payload.lstrip()[:1] == b"[" else b"[" + payload + b"]"
    raws = decode(_RAWS, array)
    if not raws:
        raise BadRequest(DropReason.MALFORMED_BODY, "the request holds no changes", field="data", hint="send one or more")
    profiles, places, refused = decode_each(_PROFILE, raws)
    batch = Batch([], [], refused=refused, places=[])
    assert batch.places is not None
    for profile, place in zip(profiles, places, strict=True):
        user, anonymous = person_of(profile.distinct_id, profile.device_id, profile.user_id)
        if groups:
            key, group = _text(profile.group_key), _text(profile.group_id)
            user, anonymous = None, f"$group:{key}:{group}" if key and group else None
        if user is None and anonymous is None:
            field = "$group_id" if groups else "$distinct_id"
            batch.refused.append(Refusal(place, DropReason.MISSING_PERSON, f"'{field}' is missing or empty", text_of(bytes(raws[place])), field))
            continue
        known = Known(ip=profile.ip)
        told = Told("$groups" if groups else "$engage", known, _OBJECT.decode(raws[place]), microseconds(profile.time), user, anonymous)
        batch.items.append(told)
        batch.ids.append(None)
        batch.places.append(place)
        batch.key = batch.key or _text(profile.token)
    batch.refused.sort(key=lambda refusal: refusal.place)
    return batch


def _text(value: Any) -> str | None:
    """An id or a word as text; None when it is empty, or no such thing."""
    if value.__class__ is str:
        return value or None
    if value.__class__ is int or value.__class__ is float:
        return str(int(value)) if value == value // 1 else str(value)
    return None


def wants(asked: Asked, name: str) -> bool:
    """Whether a switch of the request is on, in its query or its form."""
    told = asked.query().get(name) if asked.query_string else None
    if told is None and asked.method == "POST" and asked.body[:64].lstrip()[:1] not in (b"[", b"{"):
        with suppress(BadRequest):
            told = form_field(asked.body, name)
    return told == "1"


def _answer(asked: Asked, status: int, error: str | None) -> Answer:
    if wants(asked, "img"):
        return picture(status)
    if wants(asked, "verbose"):
        return _json({"status": 0 if error else 1, "error": error}, status)
    return Answer(status, b"0" if error else b"1", (TEXT,))
