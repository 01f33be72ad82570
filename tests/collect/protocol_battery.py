"""What every wire protocol must do, asked of its examples: read, translate, answer, refuse, and survive whatever comes.

The protocols are those that `footfall.collect.protocols` names; the examples of one are in `examples/<name>.py`.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from examples_support import ANYTHING, Example
from hypothesis import strategies as st

from footfall.collect.routing import Routing, every_protocol
from footfall.collect.wire.contract import Answer, Asked, BadRequest, Batch, Outcome, Problem, WireProtocol
from footfall.collect.wire.json_object import ndjson
from footfall.event.canonical import Event, LogRecord
from footfall.event.drop import DropReason

PROTOCOLS = {protocol.name: protocol for protocol in every_protocol()}
ROUTING = Routing(tuple(PROTOCOLS.values()))
EXAMPLES = Path(__file__).parent / "examples"
_INT64 = range(-(1 << 63), 1 << 63)

GARBAGE = {
    "nothing": b"",
    "space": b" \n\t",
    "null": b"null",
    "a list": b"[]",
    "an object": b"{}",
    "a number": b"17",
    "a text": b'"text"',
    "true": b"true",
    "half": b'{"batch": [{"type": "track"',
    "a list of nulls": b"[null, null]",
    "a list of lists": b"[[[]], []]",
    "deep lists": b"[" * 10_000 + b"]" * 10_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "deep and open": b"[" * 10_000,
    "no UTF-8": b'{"event": "\xff\xfe", "batch": ["\xc3"]}',
    "no UTF-8 at all": b"\xff\xfe\x00\x01",
    "NaN": b'{"batch": [NaN], "events": NaN, "event": NaN}',
    "infinity": b'[{"event": "a", "timestamp": Infinity}]',
    "a large number": b'{"batch": [1180591620717411303424], "sent_at": 1180591620717411303424}',
    "a very large number": b'{"events": [' + b"9" * 6_000 + b"]}",
    "a large exponent": b'{"sent_at": 1e400, "batch": [1e999]}',
    "names twice": b'{"batch": [], "batch": [{}], "events": [], "events": [{}], "event": "a", "event": 1}',
    "lone surrogates": b'{"event": "\\ud800", "batch": [{"event": "\\udfff", "type": "track"}], "events": [{"event_type": "\\ud83d"}]}',
    "zero bytes": b'{"event": "\\u0000"}\x00',
    "a form": b"data=%7B&data=%ff%fe&x&=&&",
    "base64 of nothing much": b"data=eyJhIjo=",
    "a form of base64 zeros": b"data=AAAA",
    "percent": b"%%%%=%",
    "gzip left over": b"\x1f\x8b\x08\x00\x00\x00",
}


@cache
def examples_of(name: str) -> list[Example]:
    """The examples of a protocol."""
    path = EXAMPLES / f"{name}.py"
    if not path.exists():
        return []
    spec = importlib.util.spec_from_file_location(f"examples_of_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.EXAMPLES)


def every_example() -> Iterator[tuple[str, int]]:
    """(protocol, index) of every example."""
    for name in PROTOCOLS:
        for index in range(len(examples_of(name))):
            yield name, index


def title_of(value: object) -> str:
    """A name for a test: the protocol, or the place of the example."""
    return str(value)


# --- what an example has to become --------------------------------------------------------------------------------------------


def check_meaning(protocol: WireProtocol, example: Example) -> None:
    """read() and events() give what the example says."""
    batch = protocol.read(example.asked)
    lines = protocol.events(batch)
    assert len(batch.items) == len(batch.ids) == len(lines) == len(example.names)
    assert [_name(line) for line in lines] == list(example.names)
    assert [line.user_id for line in lines] == list(example.users)
    assert list(batch.ids) == list(example.ids)
    assert [_time(line) for line in lines] == list(example.times)
    if example.anonymous is not None:
        assert [line.anonymous_id for line in lines] == list(example.anonymous)
    assert sorted((one.place, one.reason) for one in batch.refused) == sorted(example.refused)
    if example.key is not ANYTHING:
        assert batch.key == example.key
    if example.sent is not ANYTHING:
        assert batch.sent == example.sent
    for index, fields in example.fields.items():
        found = {name: _value(getattr(lines[index], name)) for name in fields}
        assert found == dict(fields), f"item {index}"


def check_lines(protocol: WireProtocol, asked: Asked) -> None:
    """The canonical lines say the same as the body: one a record, and equal after they were written and read."""
    batch = protocol.read(asked)
    lines = protocol.events(batch)
    written = ndjson(lines)
    assert written.count(b"\n") == len(lines)
    again = [msgspec.json.decode(line, type=_type_of(protocol)) for line in written.splitlines()]
    assert [_plain(line) for line in again] == [_plain(line) for line in lines]
    if protocol.raw and not batch.private and not batch.refused:
        # The log keeps the body and reads it later: with what the frame keeps of the request, and nothing else of it.
        later = Asked("POST", asked.path, asked.body, received_us=asked.received_us)
        assert [_plain(line) for line in protocol.events(protocol.read(later))] == [_plain(line) for line in lines]


def check_addresses(protocol: WireProtocol, example: Example) -> None:
    """No address is left in a line, except as `ip`, which the door replaces."""
    for line in protocol.events(protocol.read(example.asked)):
        line.ip = None
        text = msgspec.json.encode(line).decode()
        assert [address for address in example.addresses if address in text] == []


def check_answer(protocol: WireProtocol, example: Example) -> None:
    """The answer is a success that parses as what it says it is."""
    batch = protocol.read(example.asked)
    answer = protocol.answer(example.asked, Outcome(batch, frozenset(), batch.refused))
    assert 200 <= answer.status < 300
    if example.status is not None:
        assert answer.status == example.status
    found = parsed(answer)
    if example.answer is not ANYTHING:
        assert found == example.answer
    # A client that repeats itself must not see a difference that makes it repeat itself again.
    repeated = protocol.answer(example.asked, Outcome(batch, frozenset(range(len(batch.items))), batch.refused))
    assert 200 <= repeated.status < 300
    parsed(repeated)


def check_refusals(protocol: WireProtocol, example: Example) -> None:
    """Every refusal can be said, with and without a batch; one that means later says when."""
    batch = protocol.read(example.asked)
    for status in (400, 401, 403, 413, 415, 429, 503):
        for known in (None, batch):
            later = 7 if status in (429, 503) else None
            answer = protocol.refuse(example.asked, Problem(status, "some_code", "some sentence", "some hint", later, known))
            parsed(answer)
            if status in (429, 503):
                assert answer.status in (429, 503)
                assert dict(answer.headers).get(b"retry-after") == b"7" or b"7" in answer.body


def parsed(answer: Answer) -> Any:
    """The body of an answer, which must be what its headers say."""
    headers = dict(answer.headers)
    assert len(headers) == len(answer.headers)
    assert all(name == name.lower() and b"\n" not in value and b"\r" not in value for name, value in answer.headers)
    kind = headers.get(b"content-type", b"")
    if kind.startswith(b"application/json"):
        return json.loads(answer.body)
    if kind.startswith(b"image/gif"):
        assert answer.body[:6] in (b"GIF87a", b"GIF89a")
    elif kind.startswith(b"text/"):
        str(answer.body, "utf-8")
    elif not kind:
        assert answer.body == b""
    return answer.body


# --- what must hold for anything ----------------------------------------------------------------------------------------------


def check_survives(protocol: WireProtocol, asked: Asked) -> None:
    """Whatever a request holds: BadRequest, or a batch in which every element is an item or has a reason, and all of it can be written."""
    problem = None
    try:
        batch = protocol.read(asked)
    except BadRequest as refused:
        problem = refused
    if problem is not None:
        assert isinstance(problem.reason, DropReason)
        assert problem.sentence
        parsed(protocol.refuse(asked, Problem(problem.status, problem.reason.value, problem.sentence, problem.hint)))
        return
    _check_batch(batch)
    lines = protocol.events(batch)
    assert len(lines) == len(batch.items)
    for line in lines:
        assert _name(line)
        time = _time(line)
        assert time is None or isinstance(time, str) or time in _INT64
    check_lines(protocol, asked)
    assert batch.key is None or (isinstance(batch.key, str) and batch.key)
    assert batch.sent is None or isinstance(batch.sent, str) or batch.sent in _INT64
    answer = protocol.answer(asked, Outcome(batch, frozenset(), batch.refused))
    parsed(answer)


def _check_batch(batch: Batch) -> None:
    assert len(batch.ids) == len(batch.items)
    assert all(one is None or (isinstance(one, str) and one) for one in batch.ids)
    for one in (*batch.ids, batch.key):
        (one or "").encode()
    places = [batch.place(index) for index in range(len(batch.items))] + [one.place for one in batch.refused]
    assert sorted(places) == list(range(len(places)))
    for one in batch.refused:
        assert isinstance(one.reason, DropReason)
        assert one.detail
        assert isinstance(one.row, str)
        assert one.row
        one.row.encode()
        one.detail.encode()


# --- requests that nobody should send ----------------------------------------------------------------------------------------


def shapes_of(name: str) -> list[Asked]:
    """One request for each way (method, path, query, headers) that the examples use."""
    found = {}
    for example in examples_of(name):
        asked = example.asked
        found[asked.method, asked.path, asked.query_string, tuple(asked.headers.items())] = asked
    return list(found.values())


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 70), 1 << 70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.sampled_from(["", " ", "0", "null", "undefined", "\x00", "1795341600000", "2026-11-22T10:00:00Z", "not a time", "x" * 2_000, "\ud800"]),
    st.sampled_from([[], {}, [[]], [{}], {"a": {"b": [1, None]}}, [1, "2", None]]),
)


@st.composite
def damaged(draw: st.DrawFn, name: str) -> Asked:
    """An example of a protocol with something changed in its body, its query or its headers."""
    asked = draw(st.sampled_from([example.asked for example in examples_of(name)]))
    changed = replace(asked)
    part = draw(st.sampled_from(["json", "json", "json", "body", "query", "headers"]))
    if part == "json" and asked.body[:1] in (b"{", b"["):
        # A body of lines is damaged in one of them.
        bodies = asked.body.split(b"\n") if _json_of(asked.body) is None else [asked.body]
        at = draw(st.sampled_from([index for index, body in enumerate(bodies) if body.strip()]))
        value = _json_of(bodies[at])
        bodies[at] = _bent(draw, bodies[at]) if value is None else json.dumps(_changed(draw, value)).encode()
        changed.body = b"\n".join(bodies)
    elif part == "query" and asked.query_string:
        pairs = parse_qsl(asked.query_string.decode(), keep_blank_values=True)
        at = draw(st.integers(0, len(pairs) - 1))
        pairs[at] = (pairs[at][0], draw(st.text(max_size=8)))
        changed.query_string = "&".join(f"{key}={value}" for key, value in pairs).encode("utf-8", "surrogatepass")
    elif part == "headers" and asked.headers:
        gone = draw(st.sampled_from(sorted(asked.headers)))
        value = draw(st.binary(max_size=8))
        changed.headers = {key: value if key == gone else kept for key, kept in asked.headers.items()}
    else:
        changed.body = _bent(draw, asked.body)
    return changed


def is_lines(body: bytes) -> bool:
    """Whether a body is no JSON as a whole, as one object a line is not."""
    return _json_of(body) is None


def _json_of(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _changed(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value with one of its parts replaced, removed or renamed."""
    paths = list(_paths(value))
    path = draw(st.sampled_from(paths))
    if not path:
        return draw(LEAVES)
    holder = value
    for step in path[:-1]:
        holder = holder[step]
    last = path[-1]
    how = draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename"]))
    if how == "replace":
        holder[last] = draw(LEAVES)
    elif how == "remove" or isinstance(holder, list):
        del holder[last]
    else:
        holder[draw(st.text(max_size=4))] = holder.pop(last)
    return value


def _paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield before
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*before, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _paths(inner, (*before, index))


def _bent(draw: st.DrawFn, body: bytes) -> bytes:
    if not body:
        return draw(st.binary(max_size=40))
    begin = draw(st.integers(0, len(body)))
    end = min(len(body), begin + draw(st.integers(0, 6)))
    return body[:begin] + draw(st.binary(max_size=6)) + body[end:]


# --- parts of lines -----------------------------------------------------------------------------------------------------------


def _type_of(protocol: WireProtocol) -> type[Event | LogRecord]:
    return Event if protocol.stream == "events" else LogRecord


def _name(line: Event | LogRecord) -> str:
    return line.name if isinstance(line, Event) else line.kind


def _time(line: Event | LogRecord) -> str | int | None:
    return line.event_time if isinstance(line, Event) else line.time


def _value(value: Any) -> Any:
    if isinstance(value, msgspec.Raw):
        return json.loads(bytes(value)) if bytes(value) else {}
    return value


def _plain(line: Event | LogRecord) -> dict[str, Any]:
    """A line as a dictionary, JSON parts compared without their white space."""
    found = {name: getattr(line, name) for name in line.__struct_fields__}
    return {name: b"".join(bytes(value).split()) if isinstance(value, msgspec.Raw) else value for name, value in found.items()}
