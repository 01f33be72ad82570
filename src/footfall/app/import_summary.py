"""What an import did, and what it would do: counts that add up, reasons with examples, a preview."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from footfall.event.dead_letter import DeadLetter

EXAMPLE_LINES_MAX = 5


class Refusal(msgspec.Struct, omit_defaults=False):
    """One reason for dead letters in one file: how many, the first lines, and the first one in words."""

    count: int = 0
    lines: list[int] = msgspec.field(default_factory=list)
    example: str = ""

    def add(self, other: Refusal) -> None:
        """Count another block's, which lie further down in the file."""
        self.example = self.example or other.example
        self.count += other.count
        self.lines = (self.lines + other.lines)[:EXAMPLE_LINES_MAX]


def refusals(letters: list[DeadLetter]) -> dict[str, Refusal]:
    """Dead letters by reason."""
    by_reason: dict[str, Refusal] = {}
    for letter in letters:
        by_reason.setdefault(letter.reason, Refusal()).add(Refusal(1, [letter.line], letter.detail))
    return by_reason


class FileSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file.  read = stored + duplicate + dead_lettered; `skipped` lines of nested records are no rows."""

    file: str
    format: str
    encoding: str
    mapping: dict[str, str]
    read: int
    stored: int
    duplicate: int
    dead_lettered: int
    skipped: int = 0
    reasons: dict[str, Refusal] = {}
    seconds: float = 0.0
    rows_per_s: float = 0.0
    bytes: int = 0
    note: str = ""
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert self.read == self.stored + self.duplicate + self.dead_lettered, f"{self.file}: the counts of the import do not add up"


class ImportSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did, file by file; `unread` are files of a folder that hold no rows, with the reason."""

    files: tuple[FileSummary, ...]
    unread: dict[str, str] = {}
    seconds: float = 0.0

    def _sum(self, field: str) -> int:
        return sum(int(getattr(file, field)) for file in self.files)

    @property
    def read(self) -> int:
        """Rows that were read."""
        return self._sum("read")

    @property
    def stored(self) -> int:
        """Rows that are events in the lake now and were not before."""
        return self._sum("stored")

    @property
    def duplicate(self) -> int:
        """Rows that the lake or this import already had."""
        return self._sum("duplicate")

    @property
    def dead_lettered(self) -> int:
        """Rows that could not be used."""
        return self._sum("dead_lettered")

    @property
    def reasons(self) -> dict[str, int]:
        """Dead letters by reason."""
        counts: dict[str, int] = {}
        for file in self.files:
            for reason, refusal in file.reasons.items():
                counts[reason] = counts.get(reason, 0) + refusal.count
        return counts

    @property
    def rows_per_s(self) -> float:
        """Rows read a second, everything included."""
        return round(self.read / self.seconds, 1) if self.seconds else 0.0

    @property
    def warnings(self) -> tuple[str, ...]:
        """What deserves a look, once each."""
        return tuple(dict.fromkeys(warning for file in self.files for warning in file.warnings))

    def to_dict(self) -> dict[str, Any]:
        """The summary as one JSON object."""
        totals = {name: getattr(self, name) for name in ("read", "stored", "duplicate", "dead_lettered", "reasons", "rows_per_s", "warnings")}
        return {"total": msgspec.to_builtins(totals), **msgspec.to_builtins(self)}


class FileExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """What an import would make of one file.

    `mapping` is target -> column or =constant, `reasons` says why, `flags` is what to type to say the same; `properties` are the columns that
    stay in properties; `preview` holds the first rows as events, `letters` what could not be used among the first `examined` rows.
    """

    file: str
    format: str
    encoding: str
    time_zone: str
    columns: tuple[str, ...]
    mapping: dict[str, str]
    reasons: dict[str, str]
    flags: tuple[str, ...]
    promoted: tuple[str, ...]
    properties: tuple[str, ...]
    preview: tuple[dict[str, Any], ...]
    examined: int
    letters: tuple[DeadLetter, ...]
    notes: tuple[str, ...] = ()


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What an import would do, file by file."""

    files: tuple[FileExplanation, ...]
    unread: dict[str, str] = {}

    def to_dict(self) -> dict[str, Any]:
        """The explanation as one JSON object."""
        built: dict[str, Any] = msgspec.to_builtins(self, enc_hook=str)
        return built


def reason_counts(reasons: Mapping[str, Refusal]) -> dict[str, int]:
    """Only the counts, as the ledger keeps them."""
    return {reason: refusal.count for reason, refusal in reasons.items()}
