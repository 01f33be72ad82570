"""footfall's own HTTP API: events and lines of application logs in canonical form, with a result for each of them.

POST /api/v1/events and /api/v1/logs.  The body is NDJSON, a JSON array, one object, or `{"events": […], "sent_time", "key", "cookieless"}`
(`records` for logs).  The key is the bearer of Authorization, X-Write-Key, `?key=` or `key`.  With `cookieless` an event without any id of its
person gets one that is made anew every day.  A member that the form does not have is refused by name, because a typo that
loses data in silence is found months later.  A log's element `{"line", "reason", "detail"}` is a line that its sender could not read;
it goes straight to the dead letters.  Duplicates go by `event_id`.  Times are judged downstream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta

from footfall.collect.wire.contract import JSON, Answer, Asked, BadRequest, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.json_body import check_text, decode, json_text, not_json, text_of
from footfall.collect.wire.retry_after import retry_after
from footfall.collect.wire.visitor import anonymous_visitor
from footfall.errors import nearest
from footfall.event.canonical import NO_JSON, Event, LogRecord, absent
from footfall.event.drop import DropReason

T = TypeVar("T")
NAME_LENGTH_MAX = 400
_BROKEN = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
_BRACE = ord("{")
_Id = Annotated[str, Meta(min_length=1)]
_Whole64 = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_Time = str | _Whole64
_Kind = Literal["access", "error", "performance", "log"]
_Identity = Literal["identify", "alias", "merge"]
_CHOICES: dict[str, tuple[str, ...]] = {"kind": get_args(_Kind), "identity": get_args(_Identity)}


class NativeEvent(Event, forbid_unknown_fields=True, kw_only=True):
    """An Event as the door takes it: nothing beside its own members, and a name."""

    name: Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
    event_id: _Id | None = None
    event_time: _Time | None = None
    sent_time: _Time | None = None
    identity: _Identity | None = None


class NativeRecord(LogRecord, forbid_unknown_fields=True, kw_only=True):
    """A LogRecord as the door takes it."""

    kind: _Kind
    event_id: _Id | None = None
    time: _Time | None = None
    status: _Whole64 | None = None
    bytes: _Whole64 | None = None


class _Whole(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What an envelope says beside its elements."""

    sent_time: _Time | None = None
    key: str | None = None
    cookieless: bool = False


class _Events(_Whole, Generic[T], kw_only=True):
    items: list[T] = msgspec.field(name="events")


class _Records(_Whole, Generic[T], kw_only=True):
    items: list[T] = msgspec.field(name="records")


class _Unread(msgspec.Struct, forbid_unknown_fields=True):
    """A line that `footfall tail` could not read."""

    line: str
    reason: DropReason
    detail: str = ""
    event_id: str | None = None


class _Identified(msgspec.Struct):
    event_id: str | None = None


class _Result(msgspec.Struct, omit_defaults=True):
    place: int
    result: str
    event_id: str | None = None
    reason: str | None = None
    field: str | None = None
    detail: str | None = None


class _Results(msgspec.Struct):
    results: list[_Result]
    stored: int
    duplicate: int
    dropped: int


Trouble = tuple[DropReason, str, str]  # reason, field, detail


@dataclass(frozen=True)
class _Form:
    """How one of the two streams is read."""

    title: str  # what one element is called in a sentence
    list_name: str
    own: str  # the member for everything of the client's own
    fields: tuple[str, ...]
    one: msgspec.json.Decoder[Any]
    many: msgspec.json.Decoder[Any]
    whole: msgspec.json.Decoder[Any]
    loose: msgspec.json.Decoder[Any]
    suspects: Callable[[list[Any]], list[int]]  # the indexes worth a second look
    trouble: Callable[[Any], Trouble | None]


_RAW = msgspec.json.Decoder(msgspec.Raw)
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_UNREAD = msgspec.json.Decoder(_Unread)
_IDENTIFIED = msgspec.json.Decoder(_Identified)


def _event_suspects(items: list[NativeEvent]) -> list[int]:
    return [
        index
        for index, item in enumerate(items)
        if not (item.user_id or item.anonymous_id)
        or (item.properties is not NO_JSON and memoryview(item.properties)[0] != _BRACE)
        or (item.context is not NO_JSON and memoryview(item.context)[0] != _BRACE)
        or item.identity is not None
    ]


def _event_trouble(item: NativeEvent) -> Trouble | None:
    if not (item.user_id or item.anonymous_id):
        return DropReason.MISSING_PERSON, "user_id", "neither user_id nor anonymous_id has a value"
    for field in ("properties", "context"):
        raw: msgspec.Raw = getattr(item, field)
        if not absent(raw) and memoryview(raw)[0] != _BRACE:
            return DropReason.INVALID_FIELD, field, f"{field} is no JSON object"
    if item.identity is not None and not item.user_id:
        return DropReason.INVALID_FIELD, "user_id", f"identity {item.identity!r} joins an id to user_id, which has no value"
    if item.identity in ("alias", "merge") and not (item.previous_id or item.anonymous_id):
        return DropReason.INVALID_FIELD, "previous_id", f"identity {item.identity!r} joins previous_id to user_id, and previous_id has no value"
    return None


def _record_suspects(items: list[NativeRecord]) -> list[int]:
    return [index for index, item in enumerate(items) if item.attributes is not NO_JSON and memoryview(item.attributes)[0] != _BRACE]


def _record_trouble(item: NativeRecord) -> Trouble | None:
    return None if absent(item.attributes) else (DropReason.INVALID_FIELD, "attributes", "attributes is no JSON object")


_EVENT_FORM = _Form(
    title="an event",
    list_name="events",
    own="properties",
    fields=Event.__struct_fields__,
    one=msgspec.json.Decoder(NativeEvent),
    many=msgspec.json.Decoder(list[NativeEvent]),
    whole=msgspec.json.Decoder(_Events[NativeEvent]),
    loose=msgspec.json.Decoder(_Events[msgspec.Raw]),
    suspects=_event_suspects,
    trouble=_event_trouble,
)
_RECORD_FORM = _Form(
    title="a log record",
    list_name="records",
    own="attributes",
    fields=LogRecord.__struct_fields__,
    one=msgspec.json.Decoder(NativeRecord),
    many=msgspec.json.Decoder(list[NativeRecord]),
    whole=msgspec.json.Decoder(_Records[NativeRecord]),
    loose=msgspec.json.Decoder(_Records[msgspec.Raw]),
    suspects=_record_suspects,
    trouble=_record_trouble,
)


class _Native:
    """What both endpoints share."""

    raw: bool
    allow_headers = ("X-Write-Key",)
    form: _Form

    def read(self, asked: Asked) -> Batch:
        """The elements of one request."""
        batch = _read(asked.body, self.form)
        batch.key = _key(asked) or batch.key
        made = batch.extra is not None and _make_ids(asked, batch)
        _refuse_wrong(batch, self.form)
        batch.private = made or any(item.ip is not None for item in batch.items)
        return batch

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """A result for each element, in the order of the request; everything said here is on disk."""
        batch, again = outcome.batch, outcome.duplicates
        results = [_Result(batch.place(index), "duplicate" if index in again else "ok", item.event_id) for index, item in enumerate(batch.items)]
        results += [_Result(one.place, "drop", _id_in(one.row), one.reason.value, one.field, one.detail) for one in outcome.refused]
        if outcome.refused:
            results.sort(key=lambda result: result.place)
        told = _Results(results, len(batch.items) - len(again), len(again), len(outcome.refused))
        return Answer(200, msgspec.json.encode(told), (JSON,))

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """What was wrong, what to do about it, and whether to come back with the same request."""
        later = problem.status in (408, 429) or problem.status >= 500
        error = {"code": problem.code, "sentence": problem.sentence, "hint": problem.hint, "retryable": later}
        return Answer(problem.status, msgspec.json.encode({"error": error}), (JSON, *retry_after(problem)))


class Native(_Native):
    """footfall's endpoint for events."""

    name = "native"
    title = "footfall"
    stream = "events"
    raw = True
    form = _EVENT_FORM
    routes = (Route(("POST",), "/api/v1/events"),)

    def events(self, batch: Batch) -> list[Event]:
        """They are canonical already."""
        return batch.items


class NativeLogs(_Native):
    """footfall's endpoint for lines of application logs."""

    name = "native_logs"
    title = "footfall, application logs"
    stream = "logs"
    raw = False
    form = _RECORD_FORM
    routes = (Route(("POST",), "/api/v1/logs"),)

    def events(self, batch: Batch) -> list[LogRecord]:
        """They are canonical already."""
        return batch.items


def _read(body: bytes, form: _Form) -> Batch:
    check_text(body)
    start = body.lstrip()[:1]
    if start not in (b"[", b"{"):
        sentence = "the body holds no JSON object" if start else "the body is empty"
        hint = f'send NDJSON, a JSON array, one object or {{"{form.list_name}": […]}}'
        raise BadRequest(DropReason.MALFORMED_BODY, sentence, field="body", hint=hint)
    try:
        items = form.many.decode(body) if start == b"[" else form.one.decode_lines(body)
    except msgspec.ValidationError:
        return _read_again(body, form, array=start == b"[")
    except _BROKEN as problem:
        return _read_lines(body, form, problem)
    return _batch(items, form)


def _batch(items: list[Any], form: _Form, whole: _Whole | None = None) -> Batch:
    if not items:
        raise BadRequest(DropReason.MALFORMED_BODY, f"the request holds no {form.list_name}", field=form.list_name)
    batch = Batch(items, [item.event_id for item in items])
    return batch if whole is None else _with(batch, whole)


def _with(batch: Batch, whole: _Whole) -> Batch:
    batch.sent, batch.key = whole.sent_time, whole.key or None
    batch.extra = "cookieless" if whole.cookieless else None
    return batch


def _make_ids(asked: Asked, batch: Batch) -> bool:
    """Visitors without a cookie: an id of the day for events that name nobody; whether there were any."""
    nameless = [item for item in batch.items if isinstance(item, NativeEvent) and not (item.user_id or item.anonymous_id)]
    for item in nameless:
        item.anonymous_id = anonymous_visitor(asked, batch.key or "", address=item.ip, agent=item.agent)
    return bool(nameless)


def _read_again(body: bytes, form: _Form, *, array: bool) -> Batch:
    """A body with an envelope, or with an element that is wrong."""
    if array:
        return _each(decode(_RAWS, body), form)
    try:
        whole = form.whole.decode(body)
    except _BROKEN:
        pass
    else:
        return _batch(whole.items, form, whole)
    try:
        raws = _RAW.decode_lines(body)
    except _BROKEN as problem:
        return _read_lines(body, form, problem)
    if len(raws) == 1:
        members = _MEMBERS.decode(raws[0])
        if form.list_name in members:
            try:
                loose = form.loose.decode(raws[0])
            except msgspec.ValidationError as problem:
                hint = f"beside {form.list_name} there may be sent_time, key and cookieless"
                raise BadRequest(DropReason.INVALID_FIELD, f"the body cannot be read: {problem}", field="body", hint=hint) from None
            return _with(_each(loose.items, form), loose)
    return _each(raws, form)


def _read_lines(body: bytes, form: _Form, problem: Exception) -> Batch:
    """NDJSON with a line that is no JSON: the others are taken.  A body of which no line can be used is broken as a whole."""
    lines = [line for line in body.split(b"\n") if line.strip()]
    batch = _each(lines, form)
    if not batch.items or isinstance(problem, RecursionError):
        raise not_json(problem)
    return batch


def _each(raws: list[Any], form: _Form) -> Batch:
    """Elements one by one: the good ones, and a refusal for each of the others."""
    batch = Batch([], [], places=[])
    for place, raw in enumerate(raws):
        try:
            item = form.one.decode(raw)
        except _BROKEN as problem:
            batch.refused.append(_refusal(place, problem, bytes(raw), form))
        else:
            batch.items.append(item)
            batch.ids.append(item.event_id)
            batch.places.append(place)  # type: ignore[union-attr]
    return batch if batch.items or batch.refused else _batch([], form)


def _refusal(place: int, problem: Exception, row: bytes, form: _Form) -> Refusal:
    if form.own == "attributes" and b'"line"' in row:
        try:
            unread = _UNREAD.decode(row)
        except _BROKEN:
            pass
        else:
            return Refusal(place, unread.reason, unread.detail or unread.reason.value, text_of(unread.line.encode() or row), event_id=unread.event_id)
    reason, field, detail = _why(problem, form)
    return Refusal(place, reason, detail, text_of(row), field)


def _why(problem: Exception, form: _Form) -> tuple[DropReason, str | None, str]:
    """What a decoder's complaint means; a ValidationError names the member behind `$.`."""
    if not isinstance(problem, msgspec.ValidationError):
        return DropReason.MALFORMED_EVENT, None, f"the element cannot be read: {problem or 'it is nested too deeply'}"
    sentence, _, path = str(problem).partition(" - at `$")
    field = path.strip("`").lstrip(".").partition(".")[0] or None
    if field is None and "unknown field" in sentence:
        field = sentence.split("`")[1]
        near = nearest(field, form.fields, limit=1)
        meant = f"; did you mean {near[0]!r}?" if near else ";"
        return DropReason.INVALID_FIELD, field, f"{field!r} is no member of {form.title}{meant} put what is your own inside {form.own}"
    if field is None and "missing required field" in sentence:
        field = sentence.split("`")[1]
        return (DropReason.MISSING_NAME if field == "name" else DropReason.INVALID_FIELD), field, f"{form.title} needs {field!r}"
    if field is None:
        return DropReason.MALFORMED_EVENT, None, f"{form.title} is a JSON object: {sentence}"
    if field == "name" and ">= 1" in sentence:
        return DropReason.MISSING_NAME, field, "name is empty"
    if field in _CHOICES:
        sentence = f"{sentence}; it is one of {', '.join(_CHOICES[field])}"
    return DropReason.INVALID_FIELD, field, f"{field}: {sentence}"


def _refuse_wrong(batch: Batch, form: _Form) -> None:
    """Take out elements of the right form that say nothing anybody could store."""
    found = [(index, form.trouble(batch.items[index])) for index in form.suspects(batch.items)]
    wrong = {index: trouble for index, trouble in found if trouble is not None}
    if not wrong:
        return
    for index, (reason, field, detail) in wrong.items():
        batch.refused.append(Refusal(batch.place(index), reason, detail, json_text(batch.items[index]), field))
    kept = [index for index in range(len(batch.items)) if index not in wrong]
    batch.places = [batch.place(index) for index in kept]
    batch.items = [batch.items[index] for index in kept]
    batch.ids = [batch.ids[index] for index in kept]


def _key(asked: Asked) -> str | None:
    authorization = asked.header(b"authorization") or ""
    if authorization[:7].lower() == "bearer ":
        return authorization[7:].strip() or None
    return asked.header(b"x-write-key") or asked.query().get("key") or None


def _id_in(row: str) -> str | None:
    try:
        return _IDENTIFIED.decode(row).event_id
    except (*_BROKEN, UnicodeEncodeError):
        return None
