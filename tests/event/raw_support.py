"""Cells for tests: texts laid out as a source would have read them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from footfall.event.cells.words import octets_of
from footfall.event.raw import NULL, TEXT, RawRows


def cells_of(values: Sequence[str | bytes | None], what: int = TEXT):
    """Octets and (n, 3) cells of one column."""
    raw = [b"" if value is None else value.encode() if isinstance(value, str) else value for value in values]
    ends = np.cumsum([len(one) for one in raw]).astype(np.int32)
    cells = np.empty((len(raw), 3), np.int32)
    cells[:, 1] = ends
    cells[:, 0] = ends - [len(one) for one in raw]
    cells[:, 2] = [NULL if value is None else what for value in values]
    return octets_of(b"".join(raw)), cells


def raw_of(columns: dict[str, Sequence[str | None]], what: int = TEXT) -> RawRows:
    """Rows of a few columns."""
    size = len(next(iter(columns.values())))
    flat, cells = cells_of([value for values in columns.values() for value in values], what)
    rows = np.zeros((size, 5), np.int32)
    rows[:, 2] = np.arange(size)
    return RawRows(flat, tuple(columns), cells.reshape(len(columns), size, 3), rows, width=len(columns))
