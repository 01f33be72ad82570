"""JSON objects in their text: members put beside those that are there without reading what they hold, and one object a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder()
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def with_members(data: bytes, beside: Mapping[str, bytes]) -> bytes:
    """An object with further members (name -> JSON); where the object has the name itself, its own member stays.

    MsgspecError when it is no object, as far as that is looked at.
    """
    if not beside:
        return data
    encoded = {msgspec.json.encode(name): value for name, value in beside.items()}
    if any(name in data for name in encoded) or b"\\u" in data:
        members = {name: msgspec.Raw(value) for name, value in beside.items()}
        return msgspec.json.encode(members | _OBJECT.decode(data))
    head = b"{" + b",".join([name + b":" + value for name, value in encoded.items()])
    rest = data.lstrip()[1:].lstrip()
    return head + (rest if rest[:1] == b"}" else b"," + rest)


def ndjson(lines: Sequence[Any]) -> bytes:
    """One JSON object a line.  What a line holds as sent may have line ends between its tokens; they become spaces.

    A line end inside a string of JSON is always written as an escape, so nothing else can be hit.
    """
    body = _ENCODER.encode_lines(lines)
    if body.count(b"\n") == len(lines) and b"\r" not in body:
        return body
    return b"".join([_ENCODER.encode(line).replace(b"\n", b" ").replace(b"\r", b" ") + b"\n" for line in lines])
