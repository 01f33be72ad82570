"""JSON bodies: read as typed items at once, and item by item when one of them is wrong.

A typed list refuses the whole body for one bad element, so the fast reading is tried first and the slow one names each culprit.
msgspec checks the syntax of what it leaves raw and not its UTF-8, so that is checked here, before anything is stored.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from footfall.collect.wire.contract import BadRequest, Refusal
from footfall.event.canonical import ROW_TEXT_BYTES_MAX
from footfall.event.drop import DropReason

T = TypeVar("T")


def check_text(body: bytes) -> None:
    """BadRequest when the body is not UTF-8."""
    try:
        str(body, "utf-8")
    except UnicodeDecodeError as problem:
        raise BadRequest(
            DropReason.INVALID_ENCODING, f"the body is not UTF-8 at byte {problem.start}", field="body", hint="send JSON as UTF-8"
        ) from None


def not_json(problem: Exception) -> BadRequest:
    """The error for a body that is no JSON, or not of the shape that its protocol has."""
    if isinstance(problem, RecursionError):
        return BadRequest(DropReason.MALFORMED_BODY, "the body is nested too deeply", field="body", hint="nest at most 64 levels")
    return BadRequest(DropReason.MALFORMED_BODY, f"the body cannot be read: {problem}", field="body")


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """A body by a typed decoder.

    Raises:
        BadRequest: it is no JSON, no UTF-8, or not of that type.
    """
    check_text(body)
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        raise not_json(problem) from None


def decode_each(decoder: msgspec.json.Decoder[T], raws: list[msgspec.Raw]) -> tuple[list[T], list[int], list[Refusal]]:
    """Elements one by one: the good ones, their places, and a refusal for each of the others."""
    items: list[T] = []
    places: list[int] = []
    refused: list[Refusal] = []
    for place, raw in enumerate(raws):
        try:
            items.append(decoder.decode(raw))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
            refused.append(refusal(place, problem, bytes(raw)))
        else:
            places.append(place)
    return items, places, refused


def refusal(place: int, problem: Exception, row: bytes) -> Refusal:
    """The refusal of one element that its decoder did not take; `Expected …, got … - at `$.field`` names the field."""
    sentence, _, path = str(problem).partition(" - at `$")
    field = path.strip("`").lstrip(".") or None
    return Refusal(place, DropReason.MALFORMED_EVENT, f"{field}: {sentence}" if field else sentence, text_of(row), field)


def text_of(row: bytes) -> str:
    """An event for a dead letter: cut to 16 KiB, bytes that are no text shown as escapes."""
    return bytes(row[:ROW_TEXT_BYTES_MAX]).decode("utf-8", "backslashreplace")


def json_text(item: Any) -> str:
    """An item as the text of a dead letter."""
    return text_of(msgspec.json.encode(item))
