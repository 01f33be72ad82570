"""OpenPanel: POST /track with `{type, payload}`, told from Mixpanel's path of that name by the header openpanel-client-id, which is the key.

A track call keeps its name; identify, increment, decrement, alias, group and assign_group become events of those names.  The person is
`profileId`, for identify in a track call `__identify.profileId`; the visitor is `__deviceId`.  Who has neither gets an id of the day, made of
address, agent and client, and only then: a profile is never joined to a made id, which everybody behind one server would share.
A group is the visitor `$group:ID`.  Session replays are refused; the log is not made for them.  Time is `__timestamp`.  Events have no ids.
The answer names the device; its session is left empty, since sessions are found later, from the events.  Source: the vendor's SDK and server.
"""

from __future__ import annotations

from typing import Any

import msgspec

from footfall.collect.wire.contract import JSON, TEXT, Answer, Asked, BadRequest, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.json_body import decode, text_of
from footfall.collect.wire.plain_values import identifier
from footfall.collect.wire.retry_after import retry_after
from footfall.collect.wire.visitor import anonymous_visitor
from footfall.event.canonical import NO_JSON, Event, absent
from footfall.event.drop import DropReason

CLIENT = b"openpanel-client-id"
KINDS = ("track", "identify", "increment", "decrement", "alias", "group", "assign_group", "replay")
_SERVERS = ("openpanel-client-id", "openpanel-client-secret", "openpanel-sdk-name", "openpanel-sdk-version")
# Properties with a place of their own; the address above all.
_MOVED = ("__timestamp", "__ip", "__deviceId", "__identify", "__path", "__referrer", "__title")
_BROKEN = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)

Scalar = str | int | float | bool | None
Members = dict[str, msgspec.Raw]


class _Body(msgspec.Struct, gc=False):
    type: str | None = None
    payload: msgspec.Raw = NO_JSON


_BODY = msgspec.json.Decoder(_Body)
_MEMBERS = msgspec.json.Decoder(Members)
_SCALAR = msgspec.json.Decoder(Scalar)

Wrong = tuple[DropReason, str, str]  # reason, field, what is wrong


def _is_ours(asked: Asked) -> bool:
    return CLIENT in asked.headers


def _device(asked: Asked) -> Answer:
    return _told(anonymous_visitor(asked, asked.header(CLIENT) or ""))


def _told(device: str) -> Answer:
    return Answer(200, msgspec.json.encode({"deviceId": device, "sessionId": ""}), (JSON,))


class OpenPanel:
    """OpenPanel's tracking API."""

    name = "openpanel"
    title = "OpenPanel"
    stream = "events"
    raw = False
    allow_headers = _SERVERS
    routes = (
        Route(("POST",), "/track", when=_is_ours),
        Route(("GET",), "/track/device-id", reply=_device),
    )

    def read(self, asked: Asked) -> Batch:
        """The one event of a request."""
        if not asked.header(b"user-agent"):
            raise BadRequest(DropReason.INVALID_FIELD, "the request has no User-Agent", field="user-agent", hint="send that of the visitor")
        body = decode(_BODY, asked.body)
        batch = Batch([], [], key=asked.header(CLIENT) or None)
        try:
            payload = _MEMBERS.decode(body.payload)
            properties = {} if absent(payload.get("properties", NO_JSON)) else _MEMBERS.decode(payload["properties"])
        except _BROKEN:
            return _refused(batch, asked, (DropReason.MALFORMED_EVENT, "payload", "the payload, or its properties, are no object"))
        event = _event(asked, body.type or "", payload, properties)
        if isinstance(event, Event):
            batch.items, batch.ids = [event], [None]
            return batch
        return _refused(batch, asked, event)

    def events(self, batch: Batch) -> list[Event]:
        """It is canonical already."""
        return batch.items

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """The device, as the browser SDK wants to know it."""
        event = outcome.batch.items[0] if outcome.batch.items else None
        return _told((event.anonymous_id if event is not None else None) or anonymous_visitor(asked, outcome.batch.key or ""))

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """The sentence as text; the SDK tries everything but 401 again, three times."""
        return Answer(problem.status, problem.sentence.encode(), (TEXT, *retry_after(problem)))


def _refused(batch: Batch, asked: Asked, wrong: Wrong) -> Batch:
    batch.refused.append(Refusal(0, wrong[0], wrong[2], text_of(asked.body), wrong[1]))
    return batch


def _event(asked: Asked, kind: str, payload: Members, properties: Members) -> Event | Wrong:
    if kind not in KINDS:
        return DropReason.INVALID_FIELD, "type", f"type {kind[:80]!r} is none of {', '.join(KINDS)}"
    if kind == "replay":
        return DropReason.INVALID_FIELD, "type", "session replays are not stored"
    name = kind if kind != "track" else _text(payload.get("name"))
    if not name:
        return DropReason.MISSING_NAME, "payload.name", "a track call names no event"
    who = _members(properties.get("__identify"))
    profile = _text(who.get("profileId")) or _text(payload.get("profileId"))
    address, visitor = _text(properties.get("__ip")), _text(properties.get("__deviceId"))
    if kind == "group":
        group = _text(payload.get("id"))
        visitor = f"$group:{group}" if group else None
    elif profile is None and visitor is None and kind in ("track", "assign_group"):
        visitor = anonymous_visitor(asked, asked.header(CLIENT) or "", address=address)
    if profile is None and visitor is None:
        field = "payload.id" if kind == "group" else "payload.profileId"
        return DropReason.MISSING_PERSON, field, f"{field.partition('.')[2]} of the {kind} call has no value"
    alias = _text(payload.get("alias"))
    if kind == "alias" and alias is None:
        return DropReason.INVALID_FIELD, "payload.alias", "the alias call names no alias"
    told = _properties(kind, payload, properties)
    return Event(
        name=name,
        event_time=_time(properties.get("__timestamp")),
        user_id=profile,
        anonymous_id=visitor,
        identity=kind if kind in ("identify", "alias") else "identify" if "profileId" in who and profile else None,
        previous_id=alias if kind == "alias" else None,
        url=_text(properties.get("__path")),
        referrer=_text(properties.get("__referrer")),
        ip=address,
        properties=msgspec.Raw(msgspec.json.encode(told)) if told else NO_JSON,
    )


def _properties(kind: str, payload: Members, properties: Members) -> dict[str, Any]:
    """The properties, and what the payload of a kind has beside them."""
    beside = {
        "track": ("groups",),
        "identify": ("firstName", "lastName", "email", "avatar"),
        "increment": ("property", "value"),
        "decrement": ("property", "value"),
        "alias": (),
        "group": ("id", "type", "name"),
        "assign_group": ("groupIds",),
    }[kind]
    found: dict[str, Any] = {name: payload[name] for name in beside if name in payload and not absent(payload[name])}
    if "__title" in properties:
        found["title"] = properties["__title"]
    traits = {name: raw for name, raw in _members(properties.get("__identify")).items() if name != "profileId"}
    if traits:
        found["traits"] = traits
    return found | {name: raw for name, raw in properties.items() if name not in _MOVED}


def _members(raw: msgspec.Raw | None) -> Members:
    try:
        return {} if raw is None or absent(raw) else _MEMBERS.decode(raw)
    except _BROKEN:
        return {}


def _text(raw: msgspec.Raw | None) -> str | None:
    """An id or a text; None for everything else."""
    try:
        return None if raw is None or absent(raw) else identifier(_SCALAR.decode(raw))
    except _BROKEN:
        return None


def _time(raw: msgspec.Raw | None) -> str | int | None:
    """ISO text, or a number as JavaScript's Date takes it: milliseconds."""
    told = _text(raw)
    if told is not None and told.lstrip("-").isdecimal() and len(told) <= 15:
        return int(told) * 1_000
    return told
