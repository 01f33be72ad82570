"""Packed bodies unpacked, within a limit: a few kilobytes of a gzip bomb cost a few kilobytes more, never gigabytes.

gzip is also recognised by its first two bytes, since posthog-js sends it without Content-Encoding.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from footfall.collect.wire.contract import BadRequest
from footfall.event.drop import DropReason

_GZIP = b"\x1f\x8b"
_PACKINGS_MAX = 2


def inflate(body: bytes, encoding: bytes | None, bytes_max: int) -> bytes:
    """The body as it was before it was packed.

    Raises:
        BadRequest: 413 when it would be larger than `bytes_max`, 415 for a packing that footfall does not know, 400 for broken ones.
    """
    names = [name for part in (encoding or b"").lower().split(b",") if (name := part.strip()) and name != b"identity"]
    if len(names) > _PACKINGS_MAX:
        raise _unknown(encoding or b"")
    for name in reversed(names):
        unpack = _BY_NAME.get(name)
        if unpack is None:
            raise _unknown(name)
        if name in (b"gzip", b"x-gzip") and body[:2] != _GZIP:
            continue  # a proxy on the way has unpacked it and left the header
        body = _unpacked(unpack, body, name.decode(), bytes_max)
    if body[:2] == _GZIP:
        body = _unpacked(_gzip, body, "gzip", bytes_max)
    if len(body) > bytes_max:
        raise too_large(bytes_max)
    return body


def too_large(bytes_max: int) -> BadRequest:
    """The error for a body beyond the limit."""
    return BadRequest(
        DropReason.BODY_TOO_LARGE,
        f"the body is larger than {bytes_max:,} bytes",
        field="body",
        hint="send fewer events at once, or raise collect.body_bytes_max",
        status=413,
    )


def _unpacked(unpack: Callable[[bytes, int], bytes], body: bytes, name: str, bytes_max: int) -> bytes:
    import brotli
    import zstandard
    from isal.igzip_lib import IsalError

    broken: Any = (zlib.error, IsalError, brotli.error, zstandard.ZstdError, EOFError)
    try:
        plain = unpack(body, bytes_max)
    except broken as problem:
        raise BadRequest(DropReason.MALFORMED_BODY, f"the body is not {name}: {problem}", field="content-encoding", got=name) from None
    if len(plain) > bytes_max:
        raise too_large(bytes_max)
    return plain


def _gzip(body: bytes, bytes_max: int) -> bytes:
    from isal import isal_zlib

    return _members(lambda: isal_zlib.decompressobj(31), body, bytes_max)


def _deflate(body: bytes, bytes_max: int) -> bytes:
    """Zlib by its header, else a bare stream: clients disagree about the name."""
    from isal import isal_zlib

    zlib_header = len(body) > 1 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return _members(lambda: isal_zlib.decompressobj(15 if zlib_header else -15), body, bytes_max)


def _members(new: Callable[[], Any], body: bytes, bytes_max: int) -> bytes:
    """One stream after another, as gzip files may hold."""
    pieces: list[bytes] = []
    room = bytes_max + 1
    while body and room > 0:
        stream = new()
        piece = stream.decompress(body, room)
        pieces.append(piece)
        room -= len(piece)
        if room <= 0:
            break
        if not stream.eof:
            raise EOFError("it ends too early")
        body = stream.unused_data.lstrip(b"\0")
    return b"".join(pieces) if len(pieces) != 1 else pieces[0]


def _brotli(body: bytes, bytes_max: int) -> bytes:
    import brotli

    stream = brotli.Decompressor()
    pieces: list[bytes] = []
    size = 0
    while not stream.is_finished() and size <= bytes_max:
        piece = stream.process(body, output_buffer_limit=bytes_max + 1)
        if not piece and not body:
            raise EOFError("it ends too early")
        body = b""
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _zstd(body: bytes, bytes_max: int) -> bytes:
    import io

    import zstandard

    # The window is what a frame may make the reader allocate before it gives the first byte.
    window = max(zstandard.WINDOWLOG_MIN, min(27, bytes_max.bit_length()))
    with zstandard.ZstdDecompressor(max_window_size=1 << window).stream_reader(io.BytesIO(body), read_across_frames=True) as stream:
        plain = bytes(stream.read(bytes_max + 1))
    if not plain:
        raise EOFError("it ends too early")
    return plain


_BY_NAME: dict[bytes, Callable[[bytes, int], bytes]] = {
    b"gzip": _gzip,
    b"x-gzip": _gzip,
    b"deflate": _deflate,
    b"br": _brotli,
    b"zstd": _zstd,
}


def _unknown(name: bytes) -> BadRequest:
    shown = name.decode("latin-1")
    return BadRequest(
        DropReason.MALFORMED_BODY,
        f"bodies cannot be packed as {shown!r}",
        field="content-encoding",
        got=shown,
        hint="pack them with gzip, deflate, br or zstd, or not at all",
        status=415,
    )
