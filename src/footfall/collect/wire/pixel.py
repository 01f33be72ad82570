"""The smallest picture, which SDKs ask for where a page cannot send anything but a request for an image."""

from __future__ import annotations

from footfall.collect.wire.contract import Answer

# One transparent point, 43 bytes of GIF.
GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_HEADERS = ((b"content-type", b"image/gif"), (b"cache-control", b"no-store"))


def picture(status: int = 200, *headers: tuple[bytes, bytes]) -> Answer:
    """The picture as an answer; no cache may keep it, or the next event would never be sent."""
    return Answer(status, GIF, (*_HEADERS, *headers))
