"""The beginning of a file as columns of text: what a guess and a preview look at."""

from __future__ import annotations

from functools import cached_property

import msgspec
import numpy as np

from footfall.connectors.files.contract import Place
from footfall.connectors.files.discover import SourceFile
from footfall.connectors.files.open_rows import open_parquet, open_sample
from footfall.connectors.files.options import FileOptions
from footfall.connectors.files.sniff import SAMPLE_BYTES, sniff
from footfall.errors import InvalidFile
from footfall.event.cells.text import any_high, mark_not_text, texts
from footfall.event.raw import FINE, NOT_TEXT, RawRows


class Sample:
    """The first rows of one file (at most 1 MiB of text or one batch), its format and its columns."""

    def __init__(self, file: SourceFile, options: FileOptions) -> None:
        self.file = file
        self.options = options
        self.format, self._text = sniff(file, options)
        self.columns: tuple[str, ...] = ()
        self.columns = self._columns()
        self.raw = self._rows(self.columns)
        if self.format.kind != "parquet" and any_high(self.raw.octets):
            mark_not_text(self.raw.octets, self.raw.rows, NOT_TEXT)
        if len(self.raw) == 0:
            raise InvalidFile(f"{file.name} has no rows", field="files", got=file.name, hint="check that it was written completely")

    def _columns(self) -> tuple[str, ...]:
        if self.format.kind == "parquet":
            return ()
        if self.format.kind not in ("json", "ndjson"):
            return self.format.columns
        seen: dict[str, None] = {}
        raw = self._rows(())
        for row in range(len(raw)):
            start, stop = int(raw.rows[row, 0]), int(raw.rows[row, 1])
            try:
                seen.update(dict.fromkeys(msgspec.json.decode(bytes(raw.octets[start:stop]), type=dict[str, msgspec.Raw])))
            except (msgspec.DecodeError, ValueError):
                continue
        return tuple(seen)

    def _rows(self, names: tuple[str, ...]) -> RawRows:
        if self.format.kind == "parquet":
            reader = open_parquet(self.file, Place())
            self.columns = reader.columns
            raw = reader.read()
            reader.close()
        else:
            rows = open_sample(self._text, self.format, names)
            raw = rows.read()
            self.columns = self.columns if self.format.kind in ("json", "ndjson") else rows.columns
        if raw is None:
            raise InvalidFile(f"{self.file.name} has no rows", field="files", got=self.file.name, hint="check that it was written completely")
        if len(self._text) >= SAMPLE_BYTES and len(raw) > 1:  # the sample cuts its last row
            raw.rows = raw.rows[:-1]
            if raw.span_of is not None:
                raw.span_of = raw.span_of[:-1]
        return raw

    @cached_property
    def _values(self) -> dict[str, list[str | None]]:
        return {}

    def values(self, column: str) -> list[str | None]:
        """A column's values in the rows that can be read, null where nothing was sent."""
        if column not in self._values:
            fine = self.raw.column(self.columns.index(column))[self.raw.rows[:, 3] == FINE]
            array, _ = texts(self.raw.octets, np.ascontiguousarray(fine))
            self._values[column] = array.to_pylist()
        return self._values[column]

    def present(self, column: str) -> list[str]:
        """A column's values that are there."""
        return [value for value in self.values(column) if value is not None]

    def rows(self, names: tuple[str, ...], most: int) -> RawRows:
        """The first rows once more, with these columns."""
        raw = self._rows(names)
        raw.rows = raw.rows[:most]
        if raw.span_of is not None:
            raw.span_of = raw.span_of[: len(raw.rows) + 1]
        return raw
