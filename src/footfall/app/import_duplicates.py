"""Event ids that came more than once: found exactly, in bounded memory, and taken out of the staged parts.

The ids of all staged parts are hashed to 64 bits, a share of the hashes at a time; only ids whose hashes meet are compared as text.
The first of equal ids by position stays.  Then the lake is asked which ids it holds already.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from footfall.event.cells.times import US_MAX
from footfall.event.person import person_keys
from footfall.lake.contract import Part

_HASHES_AT_ONCE = 1 << 24
_IDS_AT_ONCE = 1 << 21

Rows = dict[int, list[np.ndarray[Any, Any]]]


def without_duplicates(lake: Any, parts: list[Part], *, ask_lake: bool) -> tuple[list[Part], int]:
    """Parts whose event ids are new and occur once, rewritten where they have to be, and how many rows were taken out."""
    gone: Rows = {}
    _repeated(parts, gone)
    if ask_lake:
        _stored(lake, parts, gone)
    kept: list[Part] = []
    taken = 0
    for number, part in enumerate(parts):
        if number not in gone:
            kept.append(part)
            continue
        rows = np.unique(np.concatenate(gone[number]))
        taken += len(rows)
        table = pq.read_table(part.path)
        mask = np.ones(len(table), np.bool_)
        mask[rows] = False
        if mask.any():
            kept.append(lake.stage(table.filter(pa.array(mask)), name=Path(part.path).stem.removeprefix("landed-") + "-once"))
    return kept, taken


def _ids(part: Part) -> pa.Array:
    return pq.read_table(part.path, columns=["event_id"]).column(0).combine_chunks()


def _repeated(parts: list[Part], gone: Rows) -> None:
    shares = 1 + sum(part.rows for part in parts) // _HASHES_AT_ONCE
    for share in range(shares):
        hashes, places = _share(parts, share, shares)
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        meets = ordered[1:] == ordered[:-1]
        if not meets.any():
            continue
        touched = np.unique(np.concatenate([order[1:][meets], order[:-1][meets]]))
        seen: set[str] = set()
        for number, rows in _by_part(places[touched]):
            ids = _ids(parts[number]).take(pa.array(rows)).to_pylist()
            again = []
            for row, event_id in zip(rows.tolist(), ids, strict=True):
                if event_id in seen:
                    again.append(row)
                seen.add(event_id)
            if again:
                gone.setdefault(number, []).append(np.array(again, np.int64))


def _share(parts: list[Part], share: int, shares: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The hashes of one share, and (part, row) of each as part * 2**32 + row, in the order of the import."""
    hashes, places = [], []
    for number, part in enumerate(parts):
        keys = person_keys(_ids(part)).view(np.uint64)
        rows = np.flatnonzero(keys % np.uint64(shares) == share) if shares > 1 else np.arange(len(keys))
        hashes.append(keys[rows])
        places.append((np.int64(number) << np.int64(32)) + rows)
    return np.concatenate([np.empty(0, np.uint64), *hashes]), np.concatenate([np.empty(0, np.int64), *places])


def _by_part(places: np.ndarray[Any, Any]) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
    ordered = np.sort(places)
    numbers = ordered >> 32
    for number in np.unique(numbers):
        yield int(number), ordered[numbers == number] & 0xFFFFFFFF


def _stored(lake: Any, parts: list[Part], gone: Rows) -> None:
    batch: list[int] = []
    for number in range(len(parts)):
        batch.append(number)
        if number + 1 < len(parts) and sum(parts[one].rows for one in batch) < _IDS_AT_ONCE:
            continue
        ids = [_ids(parts[one]) for one in batch]
        known = lake.known_event_ids(pa.concat_arrays(ids), 0, US_MAX)
        start = 0
        for one, array in zip(batch, ids, strict=True):
            rows = np.flatnonzero(known[start : start + len(array)])
            if len(rows):
                gone.setdefault(one, []).append(rows)
            start += len(array)
        batch = []
