"""Frames to bytes and back: MessagePack under zstd with a checksum.

A block is compressed as a whole because requests resemble each other: groups of single events shrink to a fifth, each alone only to four
fifths.  Cost: about 0.7 µs an event in groups of 1,600.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import zstandard

from footfall.eventlog.contract import Frame

BLOCK_BYTES_MAX = 1 << 30  # unpacked; what a damaged header promises is not believed beyond it


class DamagedBlock(ValueError):
    """The bytes are not what was packed."""


class Packer:
    """One thread's compressor."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=1, write_checksum=True, write_content_size=True)
        self._encoder = msgspec.msgpack.Encoder()

    def pack(self, frames: Sequence[Frame]) -> bytes:
        """(frames) -> block; no frames are an empty block."""
        return self._compressor.compress(self._encoder.encode(frames)) if frames else b""


class Unpacker:
    """One thread's decompressor."""

    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor()
        self._decoder = msgspec.msgpack.Decoder(list[Frame])

    def unpack(self, block: bytes) -> list[Frame]:
        """(block) -> frames.

        Raises:
            DamagedBlock: a bit is not as it was written.
        """
        try:
            size = zstandard.frame_content_size(block)
            if not 0 < size <= BLOCK_BYTES_MAX:
                raise DamagedBlock(f"the block claims to unpack to {size} bytes")
            return self._decoder.decode(self._decompressor.decompress(block))
        except (zstandard.ZstdError, msgspec.DecodeError) as problem:
            raise DamagedBlock(str(problem)) from problem
