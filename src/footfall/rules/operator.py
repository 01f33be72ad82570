"""What the operators of rules without recorded windows have in common: which records they take, and alerts that belong to one record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from footfall.rules.contract import Rule, spec_of
from footfall.rules.raising import Candidates, Details, Raiser, key_of, key_texts
from footfall.stream.aggregate import AT_ONCE
from footfall.stream.contract import Outputs, StreamName, ViewSchema
from footfall.stream.state import sweep_tables

if TYPE_CHECKING:
    from footfall.kernels.live.table import KeyedTable
    from footfall.stream.batch import Batch


def pieces(which: Any) -> Iterator[Any]:
    """(r,) indexes in pieces, so that a table makes room for no more than AT_ONCE rows in advance."""
    for first in range(0, len(which), AT_ONCE):
        yield np.ascontiguousarray(which[first : first + AT_ONCE])


class RuleOperator:
    """A rule in motion.  Subclasses have the state, in `own`, and take records."""

    def __init__(self, rule: Rule, lateness_us: int, own: Mapping[str, KeyedTable], *, cool_down_us: int | None = None) -> None:
        self.name = f"rule:{rule.name}"
        self.spec = spec_of(rule)
        self.stream: StreamName = rule.stream
        self.lateness_us = lateness_us
        self.views: Sequence[ViewSchema] = ()
        self._raiser = Raiser(rule, self.name, cool_down_us=cool_down_us)
        self._rule = rule
        self._own = dict(own)

    def tables(self) -> Mapping[str, KeyedTable]:
        """What it remembers of keys, and which keys rest."""
        return {**self._own, **self._raiser.tables()}

    def sweep(self, clock_us: int) -> None:
        """Forget keys that mean nothing any more."""
        sweep_tables(self.tables().values(), clock_us - self.lateness_us)

    def tick(self, clock_us: int, out: Outputs) -> bool:
        """Whatever a record decides is decided when it is taken: no timer."""
        del clock_us, out
        return False

    def _taken(self, batch: Batch, out: Outputs, among: Any = None) -> tuple[Any, Any]:
        """(n,) key hashes and (r,) indexes of the records that it takes, of those `among` (n,); the others are counted."""
        wanted = batch.take_part(self.name, self.lateness_us, self._rule.where, out, among)
        keys, valid = key_of(self._rule, batch, wanted)
        which = np.flatnonzero(valid)
        out.count(self.name, "taken", len(which))
        out.count(self.name, "no_key", int(wanted.sum()) - len(which))
        return keys, which

    def _raise_at(self, batch: Batch, record: Any, found: tuple[Any, Any, Details | None], out: Outputs) -> None:
        """Alerts of (c,) records of a batch; `found` is (key hashes of the batch, (c,) values, details)."""
        keys, value, details = found
        time_us, position = batch.time_us[record], batch.position[record]
        texts = key_texts(self._rule, batch, record)
        own = np.stack([time_us, position], axis=1)
        self._raiser.raise_alerts(Candidates(keys[record], time_us, position, value, own, texts, details=details), out)
