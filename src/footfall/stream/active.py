"""Active now: how many different people were there in the last five minutes, per source and page, as the event clock stands.

The row of a source and page goes when nobody is there any more.  Other than a sliding window it needs no window to end, so it is
never older than the last micro-batch, or the last second while nothing arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from footfall.kernels.live import active
from footfall.kernels.live.table import EXPIRES, KEY, KeyedTable
from footfall.stream.contract import Outputs, StreamName, ViewColumn, ViewRows, ViewSchema
from footfall.stream.state import sweep_tables

if TYPE_CHECKING:
    from footfall.stream.batch import Batch

SPAN_US = 300_000_000
KEYS = ("source", "page")
AT_ONCE = 16_384


class ActiveNow:
    """The built-in view `active`."""

    def __init__(self, *, lateness_us: int, span_us: int = SPAN_US) -> None:
        self.name = "view:active"
        self.spec = f"active {span_us}"
        self.stream: StreamName = "events"
        self.lateness_us = lateness_us
        self._span_us = span_us
        self._people = KeyedTable(active.PEOPLE_FIELDS)
        self._groups = KeyedTable(active.GROUP_FIELDS)
        self._texts: dict[int, str] = {}
        columns = (*(ViewColumn(key, "text", "key") for key in KEYS), ViewColumn("people", "integer"))
        self.views = [ViewSchema("active", "people active now", "events", "none", columns, lateness_us, span_us + 86_400_000_000, self.spec)]

    def tables(self) -> Mapping[str, KeyedTable]:
        """When people were last there, and how many are."""
        return {"people": self._people, "groups": self._groups}

    def take(self, batch: Batch, out: Outputs) -> None:
        """Note who is there; `tick`, which follows, counts."""
        which = np.flatnonzero(batch.take_part(self.name, self.lateness_us, (), out))
        groups = batch.columns.hashes(KEYS)[0]
        groups = np.where(groups == 0, 1, groups)
        people = batch.columns.hashes(("person_id",))[0]
        for first in range(0, len(which), AT_ONCE):
            some = which[first : first + AT_ONCE]
            tables = self._people.reserve(len(some)), self._groups.reserve(len(some) + len(self._groups))
            active.see(*tables, some, groups, people, batch.time_us, self._span_us)
        out.count(self.name, "taken", len(which))
        self._note_texts(batch, groups, which, out)

    def _note_texts(self, batch: Batch, groups: np.ndarray, which: np.ndarray, out: Outputs) -> None:
        """The names of groups, for rows that change when nobody of them arrives."""
        distinct, first = np.unique(groups[which], return_index=True)
        columns = batch.columns.text_columns(KEYS, which[first])
        for group, *texts in zip(distinct.tolist(), *columns, strict=True):
            self._texts[group] = out.texts[group] = msgspec.json.encode(texts).decode()

    def _count(self, clock_us: int, out: Outputs) -> None:
        """Rows of groups whose number changed, or where somebody was just there."""
        self._groups.reserve(len(self._groups))
        active.count(self._people.array(), self._groups.array(), clock_us - self._span_us)
        keys, _ = self._groups.changes()
        if not len(keys):
            return
        fields = self._groups.rows(keys)
        moved = (fields[:, active.PEOPLE] > 0) | (fields[:, active.BEFORE] > 0)
        keys, number, last = keys[moved].tolist(), fields[moved, active.PEOPLE].tolist(), (fields[moved, EXPIRES] - self._span_us).tolist()
        there = [row for row, people in enumerate(number) if people]
        texts = [msgspec.json.decode(self._texts.get(keys[row], "[null,null]")) for row in there]
        columns = [[text[place] for text in texts] for place in range(len(KEYS))]
        gone = [(0, keys[row]) for row, people in enumerate(number) if not people]
        for _, key in gone:
            self._texts.pop(key, None)
        columns.append([number[row] for row in there])
        out.rows.append(ViewRows("active", [keys[row] for row in there], [0] * len(there), [last[row] for row in there], columns, gone))

    def tick(self, clock_us: int, out: Outputs) -> bool:
        """While nothing arrives people leave; what that changes no later record depends on, so it is no tick to remember."""
        self._count(clock_us + self.lateness_us, out)
        return False

    def sweep(self, clock_us: int) -> None:
        """Forget people and groups that are no longer active."""
        sweep_tables((self._people, self._groups), clock_us - self.lateness_us)

    def wanted_texts(self) -> list[int]:
        """The groups whose names must be given back after a restart."""
        return [int(key) for key in self._groups.every()[:, KEY]]

    def give_texts(self, texts: Mapping[int, str]) -> None:
        """The names of groups."""
        self._texts |= texts
