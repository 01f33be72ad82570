"""Form bodies (`application/x-www-form-urlencoded`) and the base64 that some browser SDKs put into them.

Both are read forgivingly, as SDKs of many years write them: a `+` of base64 that was not escaped has become a space, the URL-safe alphabet
stands in for the other one, the padding is missing, lines are wrapped.
"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes

from footfall.collect.wire.contract import BadRequest
from footfall.event.drop import DropReason

_ALPHABET = str.maketrans({" ": "+", "-": "+", "_": "/", "\n": None, "\r": None, "=": None})


def form_field(body: bytes, name: str) -> str | None:
    """The first value of a name in a form; None when the form has no such name.

    Raises:
        BadRequest: the value is not UTF-8.
    """
    wanted = name.encode()
    for pair in body.split(b"&"):
        key, equals, value = pair.partition(b"=")
        if equals and (key.strip() == wanted or unquote_to_bytes(key.replace(b"+", b" ")).strip() == wanted):
            try:
                return str(unquote_to_bytes(value.replace(b"+", b" ")), "utf-8")
            except UnicodeDecodeError:
                raise BadRequest(
                    DropReason.INVALID_ENCODING, f"the form's {name!r} is not UTF-8", field=name, hint="send the form as UTF-8"
                ) from None
    return None


def from_base64(text: str) -> bytes:
    """The bytes of base64 text.

    Raises:
        BadRequest: it is no base64.
    """
    plain = text.strip().translate(_ALPHABET)
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest(DropReason.MALFORMED_BODY, "the data is no base64", field="data", hint="send JSON, or JSON as base64") from None
