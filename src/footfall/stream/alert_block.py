"""Alerts of one rule and micro-batch as columns: raised, stored and read as one block, and made into alerts one by one only where somebody looks.

The id of an alert is a hash of its rule, its key and what makes it this one (`own`), so it need not be stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import xxhash

from footfall.stream.contract import Alert, Severity


class Packed(msgspec.Struct, frozen=True, array_like=True):
    """A numeric array."""

    kind: str
    width: int
    octets: bytes


class AlertBlock(msgspec.Struct, frozen=True):
    """(c,) alerts in the order in which they were raised.

    `texts` are the keys, one list a key column; `own` (c,) or (c, k) tells alerts of one key apart.  `alerts`, when given, are alerts that came one
    by one, None where one was erased; the columns are then empty.
    """

    rule: str = ""
    severity: Severity = "medium"
    keys: tuple[str, ...] = ()
    texts: list[list[str | None]] = []
    columns: dict[str, Packed] = {}
    details: dict[str, Packed] = {}
    facts: dict[str, str] = {}  # details that all of them share
    raised_us: int = 0
    alerts: list[Alert | None] | None = None

    def __len__(self) -> int:
        if self.alerts is not None:
            return len(self.alerts)
        return len(self.columns["time_us"].octets) // 8

    def raised(self) -> int:
        """When they were raised, the last if they came one by one."""
        if self.alerts is None:
            return self.raised_us
        return max((alert.raised_us for alert in self.alerts if alert is not None), default=0)

    def every(self) -> list[Alert | None]:
        """The alerts; None where one was erased."""
        return self.alerts if self.alerts is not None else self.some(range(len(self)))

    def some(self, rows: Sequence[int]) -> list[Alert | None]:
        """Some of the alerts, by their places."""
        if self.alerts is not None:
            return [self.alerts[row] for row in rows]
        columns = {name: _array(packed)[rows].tolist() for name, packed in self.columns.items()}
        details = {name: _array(packed)[rows].tolist() for name, packed in self.details.items()}
        start_us, end_us = columns.get("start_us"), columns.get("end_us")
        made: list[Alert | None] = []
        for index, row in enumerate(rows):
            texts = [column[row] for column in self.texts]
            value = columns["value"][index]
            made.append(
                Alert(
                    alert_id(self.rule, texts, columns["own"][index]),
                    self.rule,
                    self.severity,
                    dict(zip(self.keys, texts, strict=True)),
                    columns["time_us"][index],
                    value if value == value else None,  # noqa: PLR0124 - NaN is no value
                    columns["position"][index],
                    None if start_us is None else start_us[index],
                    None if end_us is None else end_us[index],
                    {**self.facts, **{name: column[index] for name, column in details.items()}},
                    self.raised_us,
                )
            )
        return made


def pack(array: Any) -> Packed:
    """An array as it is stored; the rows of one with two dimensions have `width` numbers."""
    plain = np.ascontiguousarray(array)
    plain = plain.astype(np.float64 if plain.dtype.kind == "f" else np.int64)
    return Packed(plain.dtype.str, 1 if plain.ndim == 1 else plain.shape[1], plain.tobytes())


def pack_all(columns: Mapping[str, Any], rows: Any) -> dict[str, Packed]:
    """Some rows of columns."""
    return {name: pack(np.asarray(column)[rows]) for name, column in columns.items() if column is not None}


def alert_id(rule: str, key: Sequence[str | None], own: Any) -> str:
    """The id of an alert, the same in every run.  `own` is a number or a list of numbers."""
    return xxhash.xxh3_128_hexdigest(msgspec.json.encode([rule, key, own]))


def _array(packed: Packed) -> Any:
    array = np.frombuffer(packed.octets, np.dtype(packed.kind))
    return array if packed.width == 1 else array.reshape(-1, packed.width)
