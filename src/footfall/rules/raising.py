"""From candidates to alerts: keys on the allow-list raise none, a key that raised one rests, and every alert has an id of its own.

A candidate is a condition that became true with a record.  Cool-down counts in event time: a candidate is left out when the same key raised an
alert before it, in the order of acceptance, at a time later than its own time less the cool-down.  The id is a hash of rule, key and what
the kind says makes the alert this one: its window's start, or the completing record's time and position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from footfall.kernels.live.table import EXPIRES, OWN, KeyedTable, slot_for, stored, touch
from footfall.stream.alert_block import AlertBlock, pack, pack_all
from footfall.stream.contract import Outputs

if TYPE_CHECKING:
    from footfall.rules.contract import Rule
    from footfall.stream.batch import Batch


@dataclass(slots=True)
class Candidates:
    """(c,) candidates in the order in which they came true.

    `key` are key hashes, `texts` the keys as text (one list a key column), `own` what makes each alert of a key different.
    """

    key: Any
    time_us: Any
    position: Any
    value: Any
    own: Any
    texts: Sequence[Sequence[str | None]]
    start_us: Any = None
    end_us: Any = None
    details: Details | None = None


class Details:
    """(c,) columns of further facts: numbers, or several numbers a candidate."""

    def __init__(self, **columns: Any) -> None:
        self.columns = columns


@numba.njit(nogil=True, cache=True)
def _rested(table: Any, keys: Any, times: Any, cool_down_us: Any, raised: Any) -> None:
    """(c,) `raised` becomes false for candidates whose key rests; the others make it rest."""
    for i in range(len(keys)):
        if not raised[i]:
            continue
        slot = slot_for(table, stored(keys[i]))
        rests = table[slot, EXPIRES] != 0 and table[slot, OWN] > times[i] - cool_down_us
        if rests:
            raised[i] = False
        else:
            table[slot, OWN] = max(table[slot, OWN], times[i]) if table[slot, EXPIRES] != 0 else times[i]
            table[slot, EXPIRES] = table[slot, OWN] + cool_down_us
            touch(table, slot, i)


class Raiser:
    """Raises a rule's alerts.  `cool_down_us` counts where the rule has no cool-down."""

    def __init__(self, rule: Rule, operator: str, *, cool_down_us: int | None = None) -> None:
        self.rule = rule
        self._operator = operator
        self._allowed = frozenset(rule.allow)
        measure = getattr(rule, "measure", None)
        self._facts = {"measure": measure} if measure is not None else {}
        self._cool_down_us = (cool_down_us or 0) if rule.cool_down is None else rule.cool_down.us
        self._resting = KeyedTable(1)
        self._tables = {"resting": self._resting} if self._cool_down_us else {}

    def tables(self) -> Mapping[str, KeyedTable]:
        """Which keys rest."""
        return self._tables

    def raise_alerts(self, found: Candidates, out: Outputs) -> Any:
        """(c,) bool: which candidates became alerts, in `out`."""
        raised = np.ones(len(found.key), np.bool_)
        if not len(raised):
            return raised
        if self._allowed:
            for texts in found.texts:
                raised &= np.array([text not in self._allowed for text in texts], np.bool_)
            out.count(self._operator, "allowed", int((~raised).sum()))
        if self._cool_down_us:
            before = int(raised.sum())
            self._resting.reserve(len(raised))
            _rested(self._resting.array(), np.ascontiguousarray(found.key), np.ascontiguousarray(found.time_us), self._cool_down_us, raised)
            out.count(self._operator, "resting", before - int(raised.sum()))
        rows = np.flatnonzero(raised)
        out.count(self._operator, "alerts", len(rows))
        if len(rows):
            out.blocks.append(self._block(found, rows))
        return raised

    def _block(self, found: Candidates, rows: Any) -> AlertBlock:
        """The candidates that became alerts."""
        names = ("time_us", "position", "own", "start_us", "end_us")
        columns = pack_all({name: getattr(found, name) for name in names}, rows)
        columns["value"] = pack(np.asarray(found.value, np.float64)[rows])
        whole = len(rows) == len(found.key)
        texts = [list(column) if whole else [column[row] for row in rows.tolist()] for column in found.texts]
        details = pack_all(found.details.columns, rows) if found.details is not None else {}
        return AlertBlock(self.rule.name, self.rule.severity, self.rule.key, texts, columns, details, self._facts)


def key_of(rule: Rule, batch: Batch, wanted: Any) -> tuple[Any, Any]:
    """(n,) key hashes, and (n,) bool: wanted records that are about somebody."""
    if not rule.key:
        return np.ones(len(batch), np.int64), wanted
    keys, valid = batch.columns.hashes(rule.key)
    return keys, wanted & valid


def key_texts(rule: Rule, batch: Batch, rows: Any) -> Sequence[Sequence[str | None]]:
    """The keys of some records as text, one list a key column."""
    return batch.columns.text_columns(rule.key, rows)
