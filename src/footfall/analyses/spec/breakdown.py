"""Breakdowns: the values of one column, the largest apart and the rest together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TOP = 25
OTHER = "(other)"


@dataclass(frozen=True, slots=True)
class Slots:
    """Which row of the answer a breakdown value belongs to.

    `labels` are the values of the rows (None for null); `slot_of` maps group code + 1 to a row, so that null (-1) comes first.
    """

    labels: tuple[str | None, ...]
    slot_of: Any
    folded: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of a breakdown has to know."""
        return (f"{OTHER} holds the {self.folded} smallest values of the breakdown together",) if self.folded else ()

    def of(self, groups: Any) -> Any:
        """(n,) group codes -> (n,) rows."""
        return self.slot_of[groups + 1]


def whole() -> Slots:
    """One row for everything: no breakdown."""
    import numpy as np

    return Slots((None,), np.zeros(1, np.int64), 0)


def largest(people: Any, groups: Sequence[str], *, top: int = TOP) -> Slots:
    """(groups + 1,) persons by group code + 1 -> the `top` values by persons, then by value, and one row for the rest."""
    import numpy as np

    met = [code for code in range(-1, len(groups)) if people[code + 1] > 0]
    met.sort(key=lambda code: (-int(people[code + 1]), code < 0, groups[code] if code >= 0 else ""))
    kept, rest = met[:top], met[top:]
    slot_of = np.full(len(groups) + 1, len(kept), np.int64)
    for slot, code in enumerate(kept):
        slot_of[code + 1] = slot
    labels = [groups[code] if code >= 0 else None for code in kept] + ([OTHER] if rest else [])
    return Slots(tuple(labels), slot_of, len(rest))
