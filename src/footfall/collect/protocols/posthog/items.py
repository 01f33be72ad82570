"""What PostHog's two protocols share: an event as the SDKs write it, who it is about, and its canonical form.

Whose it is.  PostHog has one `distinct_id`; footfall tells users from anonymous visitors by what the SDK says beside it, in this order:
`$is_identified` (browser and mobile SDKs) decides; `$process_person_profile: false` is an anonymous event; a `$user_id` equal to the
distinct id is a user; a `$device_id` equal to it is a visitor nobody has identified; otherwise, as from servers, it is a user.
`$identify` joins `$anon_distinct_id`, `$create_alias` and `$merge_dangerously` join `alias` to the distinct id, unless one of the two is a
placeholder that many people share (PostHog's list: null, undefined, guest, 0, ...); such an event is stored and joins nobody.

`$ip` goes to Event.ip (nowhere with `$geoip_disable`) and `token` away; `$set`, `$set_once` and `$unset` stand in the properties, whichever way they came.
"""

from __future__ import annotations

from typing import Any

import msgspec

from footfall.collect.wire.contract import Batch, Refusal
from footfall.collect.wire.json_body import json_text
from footfall.collect.wire.json_object import with_members
from footfall.event.canonical import NO_JSON, Event, absent
from footfall.event.drop import DropReason

Scalar = str | int | float | bool | None
Wrong = tuple[DropReason, str, str]

PLACEHOLDERS = frozenset(
    (
        *("anonymous", "guest", "distinctid", "distinct_id", "id", "not_authenticated", "email", "undefined", "true", "false"),
        *("[object object]", "nan", "none", "null", "0", "-1", "''", '""', '"null"', '"undefined"', "nil", "unknown"),
    )
)
_IDENTITY = {"$identify": "identify", "$create_alias": "alias", "$merge_dangerously": "merge"}
_PLATFORMS = {"web": "web", "posthog-ios": "ios", "posthog-android": "android", "posthog-flutter": "flutter"}
_LAST_US = 7_258_118_400_000_000  # the year 2200


class Options(msgspec.Struct, gc=False):
    """What V1 says beside the properties."""

    disable_skew_correction: bool | None = None
    process_person_profile: bool | None = None
    cookieless_mode: bool | None = None
    product_tour_id: str | None = None


class Item(msgspec.Struct, gc=False, omit_defaults=True):
    """One event of either protocol.  `token`, `api_key` and `sent_at` stand in an event when it is the whole body or in a bare list."""

    event: str | None = None
    uuid: str | None = None
    distinct_id: Scalar = None
    properties: msgspec.Raw = NO_JSON
    timestamp: str | int | float | None = None
    offset: int | float | None = None
    sent_at: str | int | float | None = None
    ip: str | None = None
    token: str | None = None
    api_key: str | None = None
    session_id: str | None = None
    window_id: str | None = None
    options: Options | None = None
    set: msgspec.Raw = msgspec.field(default=NO_JSON, name="$set")
    set_once: msgspec.Raw = msgspec.field(default=NO_JSON, name="$set_once")
    unset: msgspec.Raw = msgspec.field(default=NO_JSON, name="$unset")


class Origin(msgspec.Struct, gc=False):
    """What a request says about all of its events.  `true_time`: their times were not read from the clock that `sent` was read from."""

    received_us: int
    true_time: bool = False
    lib: str | None = None
    lib_version: str | None = None


class _Known(msgspec.Struct, gc=False):
    """The properties that footfall has columns for, or decides by."""

    distinct_id: Scalar = None
    token: Scalar = None
    session: str | None = msgspec.field(default=None, name="$session_id")
    url: str | None = msgspec.field(default=None, name="$current_url")
    pathname: str | None = msgspec.field(default=None, name="$pathname")
    screen: str | None = msgspec.field(default=None, name="$screen_name")
    referrer: str | None = msgspec.field(default=None, name="$referrer")
    ip: str | None = msgspec.field(default=None, name="$ip")
    os: str | None = msgspec.field(default=None, name="$os")
    browser: str | None = msgspec.field(default=None, name="$browser")
    browser_type: str | None = msgspec.field(default=None, name="$browser_type")
    device_type: str | None = msgspec.field(default=None, name="$device_type")
    agent: str | None = msgspec.field(default=None, name="$raw_user_agent")
    lib: str | None = msgspec.field(default=None, name="$lib")
    country: str | None = msgspec.field(default=None, name="$geoip_country_code")
    region: str | None = msgspec.field(default=None, name="$geoip_subdivision_1_name")
    city: str | None = msgspec.field(default=None, name="$geoip_city_name")
    is_identified: bool | None = msgspec.field(default=None, name="$is_identified")
    device_id: Scalar = msgspec.field(default=None, name="$device_id")
    user_id: Scalar = msgspec.field(default=None, name="$user_id")
    profile: bool | None = msgspec.field(default=None, name="$process_person_profile")
    anonymous: Scalar = msgspec.field(default=None, name="$anon_distinct_id")
    alias: Scalar = None
    ignore_sent_at: bool | None = msgspec.field(default=None, name="$ignore_sent_at")
    geoip_disable: bool | None = msgspec.field(default=None, name="$geoip_disable")
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None


_KNOWN = msgspec.json.Decoder(_Known)
_ANY_OBJECT = msgspec.json.Decoder(dict[str, Any])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_FIELDS = msgspec.structs.fields(_Known)
_NOTHING = _Known()


def text_of_id(value: Scalar) -> str | None:
    """An id as text; None for one that is not there or empty."""
    if isinstance(value, str):
        return value.strip() or None
    return None if value is None else msgspec.json.encode(value).decode()


def micros(value: str | float | None) -> str | int | None:
    """A time as a client wrote it: text as it is, a number of seconds, milli- or microseconds since 1970 as microseconds.

    ValueError when a number is no time between 1970 and 2200.
    """
    if value is None or isinstance(value, str):
        return value or None
    number = float(value)
    if not 0 <= number < float(_LAST_US):
        raise ValueError
    if number >= 1e14:
        return int(value)
    return int(number * 1_000) if number >= 1e11 else int(number * 1_000_000)


def batch_of(items: list[Item], places: list[int] | None, refused: list[Refusal], origin: Origin) -> Batch:
    """The canonical events of a request; what nobody could store joins the refused."""
    events: list[Event] = []
    kept: list[int] = []
    for index, item in enumerate(items):
        place = index if places is None else places[index]
        made = _event(item, origin)
        if isinstance(made, Event):
            events.append(made)
            kept.append(place)
        else:
            reason, field, detail = made
            refused.append(Refusal(place, reason, detail, json_text(item), field))
    return Batch(events, [event.event_id for event in events], refused=refused, places=kept if refused else None)


def _event(item: Item, origin: Origin) -> Event | Wrong:
    if not item.event:
        return DropReason.MISSING_NAME, "event", "the event has no name"
    try:
        known = _known(item.properties)
        properties = _properties(item, known, origin)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        return DropReason.INVALID_FIELD, "properties", f"properties: {problem}"
    distinct = text_of_id(item.distinct_id) or text_of_id(known.distinct_id)
    if distinct is None:
        return DropReason.MISSING_PERSON, "distinct_id", "distinct_id has no value"
    event = Event(
        name=item.event,
        event_id=item.uuid or None,
        session_id=item.session_id or known.session,
        url=known.url,
        page=known.pathname or known.screen,
        referrer=None if known.referrer == "$direct" else known.referrer,
        agent=known.agent,
        ip=None if known.geoip_disable else known.ip or item.ip,
        country=known.country,
        region=known.region,
        city=known.city,
        platform=_PLATFORMS.get(known.lib or origin.lib or ""),
        os=known.os,
        browser=known.browser,
        device=known.device_type,
        is_bot=True if known.browser_type == "bot" else None,
        utm_source=known.utm_source,
        utm_medium=known.utm_medium,
        utm_campaign=known.utm_campaign,
        properties=properties,
    )
    try:
        _put_times(event, item, known, origin)
    except ValueError:
        return DropReason.INVALID_TIME, "timestamp", f"timestamp {item.timestamp!r} is no time between 1970 and 2200"
    _put_person(event, distinct, known, item.options)
    return event


def _put_times(event: Event, item: Item, known: _Known, origin: Origin) -> None:
    """When it happened, and whether that is to be corrected.  ValueError when a number is no time."""
    event.event_time = micros(item.timestamp)
    event.sent_time = micros(item.sent_at)
    unskewed = item.options is not None and item.options.disable_skew_correction is True
    event.true_time = origin.true_time or unskewed or known.ignore_sent_at is True
    if event.event_time is None and item.offset is not None and abs(item.offset) < 1e13:
        # Milliseconds before the request was sent: no clock of the client is in it, so none needs correction.
        event.event_time, event.true_time = max(0, origin.received_us - int(item.offset * 1_000)), True


def _put_person(event: Event, distinct: str, known: _Known, options: Options | None) -> None:
    """Whose event it is, and whom it joins; see the head of this module."""
    profile = known.profile if options is None or options.process_person_profile is None else options.process_person_profile
    identity = _IDENTITY.get(event.name)
    if identity is None:
        device = text_of_id(known.device_id)
        if _is_anonymous(distinct, device, known, profile):
            event.anonymous_id = distinct
        else:
            event.user_id = distinct
            event.anonymous_id = device if device != distinct and not _is_placeholder(device) else None
        return
    event.user_id = distinct
    other = text_of_id(known.anonymous if identity == "identify" else known.alias)
    if other is None or other == distinct or _is_placeholder(other) or _is_placeholder(distinct):
        return
    event.identity = identity
    if identity == "identify":
        event.anonymous_id = other
    else:
        event.previous_id = other


def _is_anonymous(distinct: str, device: str | None, known: _Known, profile: bool | None) -> bool:
    if known.is_identified is not None:
        return not known.is_identified
    if profile is False:
        return True
    return text_of_id(known.user_id) != distinct and device == distinct


def _is_placeholder(text: str | None) -> bool:
    return text is None or text.lower() in PLACEHOLDERS


def _known(raw: msgspec.Raw) -> _Known:
    """The known properties; one of another type than its SDK sends says nothing and stays in the properties.

    MsgspecError when the properties are no object.
    """
    if absent(raw):
        return _NOTHING
    try:
        return _KNOWN.decode(raw)
    except msgspec.ValidationError:
        members = _ANY_OBJECT.decode(raw)
    known = _Known()
    for field in _FIELDS:
        if field.encode_name in members:
            try:
                setattr(known, field.name, msgspec.convert(members[field.encode_name], field.type))
            except msgspec.ValidationError:
                continue
    return known


def _properties(item: Item, known: _Known, origin: Origin) -> msgspec.Raw:
    """The properties without address and token, with what stood beside them."""
    data = b"{}" if absent(item.properties) else bytes(item.properties)
    if known.ip is not None or known.token is not None or b'$ip"' in data:
        data = _without(data, ("$ip", "token"))
    beside = {
        name: _without(bytes(raw), ("$ip",)) if b'$ip"' in bytes(raw) else bytes(raw)
        for name, raw in (("$set", item.set), ("$set_once", item.set_once), ("$unset", item.unset))
        if not absent(raw)
    }
    texts = (("$window_id", item.window_id), ("$lib", origin.lib), ("$lib_version", origin.lib_version))
    beside |= {name: msgspec.json.encode(text) for name, text in texts if text is not None}
    data = with_members(data, beside)
    return NO_JSON if data == b"{}" else msgspec.Raw(data)


def _without(data: bytes, names: tuple[str, ...]) -> bytes:
    """An object without members of these names, nor an address in what it sets; what is no object as it is."""
    try:
        members = _OBJECT.decode(data)
    except msgspec.ValidationError:
        return data
    for name in names:
        members.pop(name, None)
    for name in ("$set", "$set_once"):
        if name in members and b'$ip"' in bytes(members[name]):
            members[name] = msgspec.Raw(_without(bytes(members[name]), ("$ip",)))
    return msgspec.json.encode(members)
