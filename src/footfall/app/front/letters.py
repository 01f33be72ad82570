"""Dead letters as they are searched: chosen by filters, each with an id, and known to be open or replayed.

What was replayed stands in a small append-only table of the lake, `replays`; a letter itself is never changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from footfall import clock
from footfall.errors import InvalidQuery, nearest
from footfall.event.dead_letter import DEAD_LETTER_SCHEMA
from footfall.event.drop import DropReason
from footfall.event.schema import TIME
from footfall.lake import ledger
from footfall.lake.contract import CommitId

if TYPE_CHECKING:
    from footfall.app.project import Project

REPLAY_SCHEMA = pa.schema(
    [
        pa.field("letter_id", pa.string(), nullable=False),
        pa.field("time", TIME, nullable=False),
        pa.field("event_id", pa.string()),
        pa.field("result", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters: every filter that is given must hold.  `since` is a date or time, or a span back from now such as 24h."""

    reason: str | None = None
    source: str | None = None
    protocol: str | None = None
    since: str | None = None
    contains: str | None = None
    ids: tuple[str, ...] = ()
    replayed: bool = False  # also those that were replayed

    def __post_init__(self) -> None:
        reasons = [reason.value for reason in DropReason]
        if self.reason is not None and self.reason not in reasons:
            near = nearest(self.reason, reasons, limit=1)
            hint = f"did you mean {near[0]}?" if near else "reasons: " + ", ".join(reasons)
            raise InvalidQuery(f"no letter has the reason {self.reason!r}", field="reason", got=self.reason, allowed=reasons, hint=hint)


Letter = dict[str, Any]


def letters_of(project: Project, chosen: LetterFilter) -> list[Letter]:
    """The chosen letters, newest first, as rows of DEAD_LETTER_SCHEMA with `state`: open, or replayed."""
    since_us = None if chosen.since is None else _since_us(chosen.since, project.config.project.time_zone)
    replayed = set(replays_of(project).column("letter_id").to_pylist())
    found = []
    for letter in _with_ids(project.dead_letters()):
        letter["state"] = "replayed" if letter["letter_id"] in replayed else "open"
        if _chosen(letter, chosen, since_us):
            found.append(letter)
    found.sort(key=lambda letter: (letter["file"], letter["line"] or 0))
    found.sort(key=lambda letter: letter["received_time"], reverse=True)
    return found


def letter_of(project: Project, letter_id: str) -> Letter:
    """One letter, open or not.

    Raises:
        InvalidQuery: there is none with this id.
    """
    every = letters_of(project, LetterFilter(replayed=True))
    found = next((letter for letter in every if letter["letter_id"] == letter_id), None)
    if found is None:
        near = nearest(letter_id, [letter["letter_id"] for letter in every[:10_000]], limit=1)
        hint = f"did you mean {near[0]}?" if near else "footfall deadletters lists them"
        raise InvalidQuery(f"there is no dead letter {letter_id!r}", field="id", got=letter_id, hint=hint)
    return found


def summary(letters: Sequence[Letter]) -> dict[str, int]:
    """How many letters have each reason, most first."""
    return dict(Counter(letter["reason"] for letter in letters).most_common())


def letter_table(letters: Sequence[Letter]) -> pa.Table:
    """Letters as a table, with their state."""
    return pa.Table.from_pylist(list(letters), schema=DEAD_LETTER_SCHEMA.append(pa.field("state", pa.string())))


def replays_of(project: Project) -> pa.Table:
    """Everything that was ever replayed."""
    return ledger.rows_of(project.lake.root / "replays", REPLAY_SCHEMA)


def note_replays(project: Project, results: Sequence[tuple[str, str | None, str]]) -> None:
    """Note (letter_id, event_id, result) of letters that were stored, or found stored."""
    if not results:
        return
    columns: Mapping[str, Any] = {
        "letter_id": [letter_id for letter_id, _, _ in results],
        "time": pa.array([clock.now_us()] * len(results), pa.int64()).cast(TIME),
        "event_id": [event_id for _, event_id, _ in results],
        "result": [result for _, _, result in results],
    }
    rows = pa.table(columns, schema=REPLAY_SCHEMA)
    ledger.append_once(project.lake.root / "replays", rows, CommitId(f"replay:{results[0][0]}:{clock.now_us()}", 1))


def parsed(row: str | None) -> Any:
    """A letter's row as JSON; None when it is none."""
    try:
        return msgspec.json.decode(row or "")
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError):
        return None


def _with_ids(table: pa.Table) -> list[Letter]:
    letters: list[Letter] = table.to_pylist()
    for letter in letters:
        if not letter["letter_id"]:  # written before letters had ids
            letter["letter_id"] = f"{(letter['digest'] or letter['file'])[:16]}-{letter['line']}"
    return letters


def _chosen(letter: Letter, chosen: LetterFilter, since_us: int | None) -> bool:
    return (
        (chosen.replayed or letter["state"] == "open")
        and (chosen.reason is None or letter["reason"] == chosen.reason)
        and (chosen.source is None or letter["source"] == chosen.source)
        and (chosen.protocol is None or letter["protocol"] == chosen.protocol)
        and (since_us is None or letter["received_time"].timestamp() * 1_000_000 >= since_us)
        and (not chosen.ids or letter["letter_id"] in chosen.ids)
        and (chosen.contains is None or chosen.contains in f"{letter['row']}\n{letter['detail']}\n{letter['file']}")
    )


def _since_us(text: str, zone: str) -> int:
    from footfall.event.span import Moment, Span

    try:
        return clock.now_us() - Span(text).us
    except InvalidQuery:
        return Moment(text).us(zone)
