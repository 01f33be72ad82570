"""A file as a stream of UTF-8 text: decompressed, digested and decoded while it is read, in bounded memory.

gzip, zstd, bzip2 and xz are known by their first bytes, zip members by their archive.  Bytes that the encoding does not allow come out as bytes that
UTF-8 does not allow either, so the row that holds them is refused later and its neighbours live.
"""

from __future__ import annotations

import bz2
import codecs
import errno
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa

from footfall.connectors.files.digest import ContentDigest
from footfall.connectors.files.discover import SourceFile, unreadable
from footfall.errors import InvalidFile

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}
_CHUNK_BYTES = 1 << 20
_BOMS = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}


def compression_of(head: bytes) -> str | None:
    """The compression that the first bytes of a file show."""
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


@contextmanager
def clean_read_errors(file: SourceFile) -> Iterator[None]:
    """Turn what can go wrong while a file is read into one sentence."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile, pa.ArrowInvalid, UnicodeDecodeError) as problem:
        raise _damaged(file, problem) from problem
    except OSError as problem:
        if problem.errno in (None, errno.EINVAL):  # a packed file that points outside itself
            raise _damaged(file, problem) from problem
        raise unreadable(file.path, problem) from problem


def _damaged(file: SourceFile, problem: Exception) -> InvalidFile:
    return InvalidFile(
        f"{file.name} is damaged or cut off", field="files", got=file.name, hint=f"fetch it again; nothing of it was imported ({problem})"
    )


class Counted(io.RawIOBase):
    """An open file that knows how many of its bytes have been read."""

    def __init__(self, path: os.PathLike[str]) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115, PTH123 - closed by close()
        self.passed = 0

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def seekable(self) -> bool:
        """Zip archives are read from their end."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        got = self._file.readinto(buffer) or 0
        self.passed += got
        return got

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move; a move counts as progress, so a resumed file does not start at nothing."""
        self.passed = self._file.seek(offset, whence)
        return self.passed

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._file.tell()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        super().close()


class FileStream:
    """The bytes of one file, decompressed.  `passed` counts the bytes of the file on disk, for a progress bar."""

    def __init__(self, file: SourceFile, digest: ContentDigest | None = None) -> None:
        self.file = file
        self.digest = digest
        self.compression: str | None = None
        with clean_read_errors(file):
            self._raw = Counted(file.path)
            self._inner = self._open()

    def _open(self) -> Any:
        if self.file.member is not None:
            self.compression = "zip"
            inner: IO[bytes] = zipfile.ZipFile(io.BufferedReader(self._raw)).open(self.file.member)  # noqa: SIM115 - closed by close()
            return inner
        head = self._raw.read(6) or b""
        self._raw.seek(0)
        self.compression = compression_of(head)
        if self.compression == "gzip":
            return gzip.GzipFile(fileobj=io.BufferedReader(self._raw, _CHUNK_BYTES))
        if self.compression == "bzip2":
            return bz2.BZ2File(io.BufferedReader(self._raw, _CHUNK_BYTES))
        if self.compression == "xz":
            return lzma.LZMAFile(io.BufferedReader(self._raw, _CHUNK_BYTES))
        if self.compression == "zstd":
            return pa.CompressedInputStream(pa.PythonFile(self._raw, "r"), "zstd")
        return self._raw

    @property
    def passed(self) -> int:
        """Bytes of the file on disk that have been read."""
        return self._raw.passed

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer; 0 at the end."""
        with clean_read_errors(self.file):
            got = self._inner.readinto(buffer) or 0
        if self.digest is not None and got:
            self.digest.update(memoryview(buffer)[:got])
        return got

    def skip(self, size: int) -> None:
        """Pass so many bytes; a plain file jumps, others read."""
        if self.compression is None and self.digest is None:
            self._raw.seek(size, os.SEEK_CUR)
            return
        _read_past(self, size)

    def close(self) -> None:
        """Let go of the file."""
        if self._inner is not self._raw:
            self._inner.close()
        self._raw.close()


def _read_past(stream: Any, size: int) -> None:
    buffer = bytearray(_CHUNK_BYTES)
    while size:
        got = stream.readinto(memoryview(buffer)[: min(size, _CHUNK_BYTES)])
        if not got:
            return
        size -= got


class Transcoded:
    """A stream of another encoding as UTF-8."""

    def __init__(self, stream: FileStream, encoding: str) -> None:
        self.stream = stream
        wide = encoding.replace("_", "-").startswith(("utf-16", "utf-32"))
        # Half a character of UTF-16 comes out as a lone surrogate, a byte without meaning as itself: neither is UTF-8.
        self._errors = "surrogatepass" if wide else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(self._errors)
        self._ready = memoryview(b"")
        self._chunk = bytearray(_CHUNK_BYTES)
        self._ended = False

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer; 0 at the end."""
        while not self._ready and not self._ended:
            got = self.stream.readinto(self._chunk)
            self._ended = not got
            self._ready = memoryview(self._decode(bytes(self._chunk[:got])))
        size = min(len(self._ready), len(buffer))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _decode(self, raw: bytes) -> bytes:
        try:
            return self._decoder.decode(raw, final=self._ended).encode("utf-8", self._errors)
        except UnicodeDecodeError:  # cut off in the middle of a character
            return b"\xff"

    def skip(self, size: int) -> None:
        """Pass so many bytes of the UTF-8 text."""
        _read_past(self, size)

    def close(self) -> None:
        """Let go of the file."""
        self.stream.close()


def bom_of(head: bytes) -> tuple[str, int] | None:
    """The encoding that a byte order mark announces, and the mark's length."""
    return next(((name, len(bom)) for name, bom in _BOMS.items() if head.startswith(bom)), None)


def open_text(stream: FileStream, encoding: str, *, bom_bytes: int = 0, skip_bytes: int = 0) -> FileStream | Transcoded:
    """A file's bytes as UTF-8 text behind its byte order mark, from byte `skip_bytes` of that text on."""
    text = stream if encoding == "utf-8" else Transcoded(stream, encoding)
    stream.skip(bom_bytes)
    if skip_bytes:
        text.skip(skip_bytes)
    return text
