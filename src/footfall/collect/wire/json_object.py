"""JSON objects in their text: members put beside those that are there, without reading what they hold."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

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
