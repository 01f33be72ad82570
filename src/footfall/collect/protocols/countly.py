"""Countly: GET or POST /i with one request in the query, a form or JSON, /i/bulk with `requests`, a list of them.

One request may become several events, in this order: old_device_id (merge), begin_session (session_start), events (by their `key`), crash, user_details
(identify), session_duration (session_update), end_session (session_end).  `metrics` stand in the context of each.  The device is the
visitor; a merge joins the old device to the new one, as Countly does.  The key is `app_key`; a GET of /i without one is Snowplow's.  Checksums are
taken and not looked at.  Time is the event's `timestamp`, else the request's.  Requests have no ids.  Source: the vendor's documentation.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from footfall.collect.wire.contract import JSON, Answer, Asked, BadRequest, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.json_body import check_text, decode, json_text, text_of
from footfall.collect.wire.plain_values import moment, number
from footfall.collect.wire.retry_after import retry_after
from footfall.event.canonical import NO_JSON, Event
from footfall.event.drop import DropReason

_BROKEN = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
_SECRET = ("app_key", "checksum", "checksum256", "ip_address", "location")

Members = dict[str, msgspec.Raw]


class _Item(msgspec.Struct, gc=False):
    key: str | None = None
    count: int | float | None = None
    sum: int | float | str | None = None
    dur: int | float | str | None = None
    segmentation: dict[str, msgspec.Raw] | None = None
    timestamp: int | float | str | None = None


class _Metrics(msgspec.Struct, gc=False):
    os: str | None = msgspec.field(name="_os", default=None)
    device: str | None = msgspec.field(name="_device", default=None)
    browser: str | None = msgspec.field(name="_browser", default=None)


_ITEM = msgspec.json.Decoder(_Item)
_METRICS = msgspec.json.Decoder(_Metrics)
_MEMBERS = msgspec.json.Decoder(Members)
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)


def _has_key(asked: Asked) -> bool:
    return b"app_key=" in asked.query_string


class Countly:
    """Countly's write API."""

    name = "countly"
    title = "Countly"
    stream = "events"
    raw = False
    allow_headers = ()
    routes = (Route(("POST",), "/i"), Route(("GET",), "/i", when=_has_key), Route(("GET", "POST"), "/i/bulk"))

    def read(self, asked: Asked) -> Batch:
        """The events of one request, or of a list of them.  Places count events, since a request may become several."""
        params = _params(asked)
        batch = Batch([], [], key=params.get("app_key") or None, places=[])
        if not asked.path.rstrip("/").endswith("/bulk"):
            _take(batch, params)
            return batch
        for raw in _requests(params):
            try:
                told = _texts(_MEMBERS.decode(raw))
            except _BROKEN as problem:
                _refuse(batch, DropReason.MALFORMED_EVENT, "requests", f"the request is no object: {problem}", text_of(bytes(raw)))
                continue
            batch.key = batch.key or told.get("app_key") or None
            _take(batch, told)
        return batch

    def events(self, batch: Batch) -> list[Event]:
        """They are canonical already."""
        return batch.items

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """What takes the request out of the SDK's queue."""
        return Answer(200, b'{"result":"Success"}', (JSON,))

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """What was wrong; the SDKs keep the request and send it again."""
        return Answer(problem.status, msgspec.json.encode({"result": problem.sentence}), (JSON, *retry_after(problem)))


def _params(asked: Asked) -> dict[str, str]:
    """Query and body as texts; what is no text in a JSON body is its JSON."""
    start = asked.body.lstrip()[:1]
    if start == b"{":
        return asked.query() | _texts(decode(_MEMBERS, asked.body))
    check_text(asked.body)
    if start == b"[":
        return asked.query() | {"requests": asked.body.decode()}
    return asked.query() | dict(parse_qsl(asked.body.decode(), keep_blank_values=True))


def _texts(members: Members) -> dict[str, str]:
    found = {}
    for name, raw in members.items():
        plain = bytes(raw)
        if plain != b"null":
            found[name] = _TEXT.decode(raw) if plain[:1] == b'"' else plain.decode()
    return found


def _requests(params: dict[str, str]) -> list[msgspec.Raw]:
    if "requests" not in params:
        raise BadRequest(DropReason.MALFORMED_BODY, "the request has no list named requests", field="requests")
    requests = decode(_RAWS, params["requests"].encode("utf-8", "replace"))
    if not requests:
        raise BadRequest(DropReason.MALFORMED_BODY, "the list of requests is empty", field="requests")
    return requests


def _refuse(batch: Batch, reason: DropReason, field: str, detail: str, row: str) -> None:
    batch.refused.append(Refusal(len(batch.items) + len(batch.refused), reason, detail, row, field))


def _add(batch: Batch, event: Event) -> None:
    assert batch.places is not None
    batch.places.append(len(batch.items) + len(batch.refused))
    batch.items.append(event)
    batch.ids.append(None)


class _Writer:
    """The events of one request: what all of them share, and where they go."""

    def __init__(self, batch: Batch, params: dict[str, str]) -> None:
        self.batch, self.params = batch, params
        self.device = params["device_id"]
        self.time = moment(params.get("timestamp"))
        metrics = _object(params.get("metrics"))
        self.context = _raw({"metrics": metrics}) if metrics else NO_JSON
        try:
            self.metrics = _METRICS.decode(_raw(metrics)) if metrics else _Metrics()
        except _BROKEN:
            self.metrics = _Metrics()

    def add(self, name: str, properties: dict[str, Any] | None = None, **rest: Any) -> None:
        """One event of the request's device."""
        params = self.params
        _add(
            self.batch,
            Event(
                **{
                    "name": name,
                    "event_time": self.time,
                    "anonymous_id": self.device,
                    "ip": params.get("ip_address") or None,
                    "country": (params.get("country_code") or "").upper() or None,
                    "city": params.get("city") or None,
                    "os": self.metrics.os,
                    "device": self.metrics.device,
                    "browser": self.metrics.browser,
                    "properties": _raw(properties) if properties else NO_JSON,
                    "context": self.context,
                }
                | rest
            ),
        )

    def add_events(self, text: str) -> None:
        """Those of the list `events`; one that cannot be read is refused, and the list when it is none."""
        try:
            raws = _RAWS.decode(text)
        except _BROKEN as problem:
            _refuse(self.batch, DropReason.MALFORMED_EVENT, "events", f"events is no list: {problem}", text_of(text.encode("utf-8", "replace")))
            return
        for raw in raws:
            self._add_event(raw)

    def _add_event(self, raw: msgspec.Raw) -> None:
        row = text_of(bytes(raw))
        try:
            item = _ITEM.decode(raw)
        except _BROKEN as problem:
            _refuse(self.batch, DropReason.MALFORMED_EVENT, "events", f"the event cannot be read: {problem}", row)
            return
        if not item.key:
            _refuse(self.batch, DropReason.MISSING_NAME, "key", "the event has no key", row)
            return
        amounts = {"count": item.count if item.count != 1 else None, "sum": item.sum, "dur": item.dur}
        told = {name: value for name, value in amounts.items() if value is not None}
        time = self.time if item.timestamp is None else moment(item.timestamp)
        self.add(item.key, told | (item.segmentation or {}), event_time=time)


def _take(batch: Batch, params: dict[str, str]) -> None:
    shown = json_text({name: value for name, value in params.items() if name not in _SECRET})
    device = params.get("device_id")
    if not device:
        _refuse(batch, DropReason.MISSING_PERSON, "device_id", "the request names no device_id", shown)
        return
    before = len(batch.items) + len(batch.refused)
    writer = _Writer(batch, params)
    old = params.get("old_device_id")
    if old and old != device:
        writer.add("merge", identity="merge", user_id=device, anonymous_id=None, previous_id=old)
    if _is_set(params.get("begin_session")):
        writer.add("session_start")
    if params.get("events"):
        writer.add_events(params["events"])
    for name, parameter in (("crash", "crash"), ("identify", "user_details")):
        if params.get(parameter):
            writer.add(name, _object(params[parameter]) or {parameter: params[parameter]})
    duration = {"duration": number(params["session_duration"])} if params.get("session_duration") else None
    if _is_set(params.get("end_session")):
        writer.add("session_end", duration)
    elif duration is not None and not _is_set(params.get("begin_session")):
        writer.add("session_update", duration)
    if len(batch.items) + len(batch.refused) == before:
        _refuse(batch, DropReason.INVALID_FIELD, "events", "the request holds no session, event, crash or user_details", shown)


def _is_set(text: str | None) -> bool:
    return text in ("1", "true")


def _object(text: str | None) -> Members:
    try:
        return _MEMBERS.decode(text) if text else {}
    except _BROKEN:
        return {}


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
