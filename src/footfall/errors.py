"""The tree of everything that can go wrong.

    FootfallError
    ├── UserError                  somebody asked for something that cannot be: reported, exit status 2, no traceback
    │   ├── InvalidQuery           a value of an analysis is out of range or malformed
    │   ├── UnknownEvent           an event name that the lake has never seen
    │   ├── UnknownColumn          a column or property that neither the schema nor the file has
    │   ├── InvalidConfig          footfall.toml or an environment override says something impossible
    │   ├── InvalidFile            a file that cannot be read as events (missing, empty, binary, unreadable)
    │   ├── NotAProject            the folder has no footfall.toml
    │   └── MissingExtra           the feature needs an optional package that is not installed
    └── WorldError                 the world misbehaved: exit status 1, often worth another try
        ├── StorageFailed          a disk is full, a folder cannot be written, a file vanished
        ├── LakeConflict           another writer changed the same files first
        ├── LakeBusy               another import holds this lake
        ├── LogBusy                another process appends to this event log
        ├── DeliveryFailed         an alert did not get through to where its action sends it
        └── UnreadableLake         the table uses a feature that footfall refuses to guess about

Bugs are not in the tree: they are assertions and crash.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def nearest(word: str, known: Iterable[str], *, limit: int = 3) -> tuple[str, ...]:
    """The known words closest to `word`, best first; empty when nothing is near."""
    by_fold: dict[str, str] = {}
    for candidate in known:
        by_fold.setdefault(candidate.casefold(), candidate)
    folded = word.casefold()
    matches = difflib.get_close_matches(folded, by_fold, n=limit, cutoff=0.5)
    inside = [name for name in by_fold if folded in name and name not in matches]
    return tuple(by_fold[name] for name in (matches + sorted(inside))[:limit])


class FootfallError(Exception):
    """One sentence for a person, and the parts of it for a program."""

    code = "error"
    exit_status = 1
    retryable = False

    def __init__(
        self,
        sentence: str,
        *,
        field: str | None = None,
        got: object = None,
        allowed: Sequence[object] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        self.got = got
        self.allowed = tuple(allowed)
        self.hint = hint

    def as_dict(self) -> dict[str, object]:
        """The error as one flat JSON object."""
        return {
            "code": self.code,
            "sentence": self.sentence,
            "field": self.field,
            "got": None if self.got is None else str(self.got),
            "allowed": [str(value) for value in self.allowed],
            "hint": self.hint,
            "retryable": self.retryable,
        }


class UserError(FootfallError):
    """Somebody asked for something that cannot be."""

    code = "user_error"
    exit_status = 2


class InvalidQuery(UserError):
    """A value of an analysis is out of range or malformed."""

    code = "invalid_query"


class UnknownEvent(UserError):
    """An event name that the lake has never seen."""

    code = "unknown_event"


class UnknownColumn(UserError):
    """A column or property that neither the schema nor the file has."""

    code = "unknown_column"


class InvalidConfig(UserError):
    """footfall.toml or an environment override says something impossible."""

    code = "invalid_config"


class InvalidFile(UserError):
    """A file that cannot be read as events."""

    code = "invalid_file"


class NotAProject(UserError):
    """The folder has no footfall.toml."""

    code = "not_a_project"


class MissingExtra(UserError):
    """The feature needs an optional package that is not installed."""

    code = "missing_extra"


class WorldError(FootfallError):
    """The world misbehaved; the same call may work later."""

    code = "world_error"
    retryable = True


class StorageFailed(WorldError):
    """A disk is full, a folder cannot be written, a file vanished."""

    code = "storage_failed"


class LakeConflict(WorldError):
    """Another writer changed the same files first."""

    code = "lake_conflict"


class LakeBusy(WorldError):
    """Another import holds this lake."""

    code = "lake_busy"


class LogBusy(WorldError):
    """Another process appends to this event log."""

    code = "log_busy"


class DeliveryFailed(WorldError):
    """An alert did not get through to where its action sends it.

    `retryable` says whether the same again may work later, `after_s` how long the other side asks to wait, `ids` which alerts of several did not
    get through; empty means all of them.
    """

    code = "delivery_failed"

    def __init__(
        self, sentence: str, *, retryable: bool = True, after_s: float | None = None, ids: Iterable[str] = (), hint: str | None = None
    ) -> None:
        super().__init__(sentence, hint=hint)
        self.retryable = retryable
        self.after_s = after_s
        self.ids = frozenset(ids)


class UnreadableLake(WorldError):
    """The table uses a feature that footfall refuses to guess about."""

    code = "unreadable_lake"
    retryable = False
