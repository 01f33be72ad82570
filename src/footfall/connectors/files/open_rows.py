"""Open a file whose format is known as blocks of raw rows."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from footfall.connectors.files.access_log import AccessLogReader
from footfall.connectors.files.contract import Place, RowReader
from footfall.connectors.files.delimited import DelimitedReader
from footfall.connectors.files.digest import ContentDigest
from footfall.connectors.files.discover import SourceFile
from footfall.connectors.files.json_rows import JsonReader
from footfall.connectors.files.nested_records import NestedReader, parse_rules
from footfall.connectors.files.parquet_rows import ParquetReader
from footfall.connectors.files.sniff import FileFormat
from footfall.connectors.files.streams import FileStream, clean_read_errors, open_text
from footfall.connectors.files.window import BLOCK_BYTES, Window
from footfall.errors import InvalidFile
from footfall.event.raw import RawRows
from footfall.event.schema import MAPPABLE


@dataclass(slots=True)
class OpenRows:
    """A reader, and the stream under it (None for Parquet) whose `passed` bytes drive a progress bar."""

    reader: RowReader
    stream: FileStream | None


def open_rows(file: SourceFile, about: FileFormat, names: Sequence[str], *, place: Place | None = None, digest: ContentDigest | None = None,
              block_bytes: int = BLOCK_BYTES) -> OpenRows:  # fmt: skip
    """The rows of a file from a place on.  `names` are the members that JSON rows are asked for."""
    if about.kind == "parquet":
        return OpenRows(open_parquet(file, place or Place()), None)
    start = place or first_place(about)
    stream = FileStream(file, digest)
    text = open_text(stream, about.encoding, bom_bytes=about.bom_bytes, skip_bytes=start.offset)
    return OpenRows(_reader(Window(text, about.line_end, block_bytes), about, tuple(names), start), stream)


class ParquetRows:
    """The rows of a Parquet file, with clear words when it is damaged."""

    def __init__(self, file: SourceFile, reader: ParquetReader) -> None:
        self._file = file
        self._reader = reader
        self.columns = reader.columns
        self.rows = reader.rows

    @property
    def place(self) -> Place:
        """Where the next row starts."""
        return self._reader.place

    def read(self) -> RawRows | None:
        """The next batch of rows."""
        with clean_read_errors(self._file):
            return self._reader.read()

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()


def open_parquet(file: SourceFile, place: Place) -> ParquetRows:
    """The rows of a Parquet file; InvalidFile when it is none."""
    try:
        return ParquetRows(file, ParquetReader(file.path, place=place))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError, OSError) as problem:
        raise InvalidFile(
            f"{file.name} is not readable Parquet", field="files", got=file.name, hint=f"fetch or write it again ({problem})"
        ) from problem


def first_place(about: FileFormat) -> Place:
    """Where the first row of a file starts."""
    return Place(about.start_bytes, 0, about.start_line)


def open_sample(text: bytes, about: FileFormat, names: Sequence[str]) -> RowReader:
    """The rows of a file's beginning, given as text; its last record is left out unless the text ends there."""
    stream: Any = io.BytesIO(text[about.start_bytes :])
    return _reader(Window(stream, about.line_end), about, tuple(names), first_place(about))


def _reader(window: Window, about: FileFormat, names: tuple[str, ...], place: Place) -> RowReader:
    if about.kind == "log":
        return AccessLogReader(window, place=place)
    if about.kind in ("json", "ndjson"):
        return JsonReader(window, names, place=place, elements=about.kind == "json")
    if about.kind == "records":
        rules = parse_rules(about.records, MAPPABLE)
        fields = tuple(f"c{number}" for number in range(1 + max(rule.field for rule in rules)))
        return NestedReader(DelimitedReader(window, about.delimiter, fields, place=place, ragged=True), rules)
    return DelimitedReader(window, about.delimiter, about.columns, place=place)
