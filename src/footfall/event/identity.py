"""Who is who: the ledger of joins between ids, resolved to one canonical id a person, as of any position.

A line of the ledger (`IDENTITY_SCHEMA`) joins id `a` to id `b`.  Lines are taken in order of position:

- `identify` and `seen` (the first event with both ids) join an anonymous id to the first user it meets.  A device maps once: when `a` is
  already somebody's, a different user is a conflict that is noted, not a join.
- `alias` and `merge` join two ids whoever they are, two known users included.
- `undo` takes back the line at position `undoes`, as if it had never been written; an undo can be undone.
- A line with a blocked id (`null`, `0`, `guest`, …) joins nothing, nor does one after which a person would have more than `degree_max` ids.

The canonical id is the user id (`b`) of the earliest line that identified the person.  An alias of two known persons keeps the one
identified first, a merge keeps the target's.  Ids on no line stand for themselves.

Elsewhere: Mixpanel too maps a device once and PostHog skips an identify of an identified person, both without a note; PostHog merges two known
persons by `$merge_dangerously` only, Amplitude never; Segment's open part keeps no graph.  None of them can take a join back
and have its reports return to what they were.

The order of lines matters where it must: which user a device met first, who was identified first, which id was one too many.  The order of rows
in the table never does.  A line written by hand has no event id, and goes before an event's line at the same position.

Cost: one pass with union-find; about 1 s for a million lines.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.event.person import person_keys
from footfall.event.schema import IDENTITY_SCHEMA

DEGREE_MAX = 1_000
KINDS = ("seen", "identify", "alias", "merge", "undo")
# What programs send where an id should be.  Compared without case and without spaces around.
BLOCKED = frozenset(
    {
        "", "-", "0", "00", "00000000-0000-0000-0000-000000000000", "[object object]", "anon", "anonymous", "distinct_id", "distinctid", "email", "false",
        "guest", "id", "n/a", "nan", "nil", "none", "not_authenticated", "null", "true", "undefined", "unknown", "user_id", "userid",
    }
)  # fmt: skip

# What became of a line; the numbers are those of event/union.py.
OUTCOMES = ("joined", "known already", "undone", "blocked id", "another user's device", "too many ids", "undo", "not a join")
JOINED, ALREADY, UNDONE, BLOCKED_ID, ANOTHER, TOO_MANY, UNDO, NO_JOIN = range(len(OUTCOMES))
CONFLICTS = (BLOCKED_ID, ANOTHER, TOO_MANY)


@dataclass(frozen=True)
class Resolution:
    """Ids that stand for somebody else: `ids[k]` is a spelling of the person `canonical[k]`.

    `lines` is the ledger up to the position asked for, in its order, with a column `outcome` that says what became of each line.
    """

    ids: pa.Array
    canonical: pa.Array
    lines: pa.Table

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def mapping(self) -> dict[str, str]:
        """Id -> canonical id, of the ids that change."""
        return dict(zip(self.ids.to_pylist(), self.canonical.to_pylist(), strict=True))

    def of(self, person_id: str) -> str:
        """The canonical id of an id."""
        return self.mapping.get(person_id, person_id)

    def cluster(self, person_id: str) -> list[str]:
        """Every id of a person, the canonical one first."""
        canonical = self.of(person_id)
        return [canonical, *sorted(one for one, whole in self.mapping.items() if whole == canonical)]

    @property
    def conflicts(self) -> pa.Table:
        """The lines that joined nothing although they meant to."""
        return self.lines.filter(pc.is_in(self.lines.column("outcome"), value_set=pa.array([OUTCOMES[code] for code in CONFLICTS])))

    @cached_property
    def keys(self) -> tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.int64]]]:
        """The person keys of `ids`, and of `canonical`."""
        return person_keys(self.ids), person_keys(self.canonical)


def resolve(edges: pa.Table, *, as_of: int | None = None, blocked: Collection[str] = BLOCKED, degree_max: int = DEGREE_MAX) -> Resolution:
    """The ledger's lines up to position `as_of` (None: all of them), resolved.

    Args:
        edges: the ledger, rows in any order.
        as_of: the last position that counts.
        blocked: ids that never join, in lower case.
        degree_max: most ids of one person.
    """
    lines = ordered(edges if as_of is None else edges.filter(pc.less_equal(edges.column("position"), as_of)))
    count = len(lines)
    names = pa.chunked_array([*lines.column("a").chunks, *lines.column("b").chunks], pa.string()).combine_chunks().dictionary_encode()
    names = names.combine_chunks() if isinstance(names, pa.ChunkedArray) else names
    code = names.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    kind = pc.index_in(lines.column("kind"), value_set=pa.array(KINDS)).fill_null(-1).to_numpy().astype(np.int8)
    stop = pc.is_in(pc.utf8_trim_whitespace(pc.utf8_lower(names.dictionary)), value_set=pa.array(sorted(blocked), pa.string()))
    outcome = np.where(kind == KINDS.index("undo"), UNDO, np.where(kind < 0, NO_JOIN, JOINED)).astype(np.int8)
    _take_back(lines, kind, outcome)
    owner = np.full(len(names.dictionary), -1, np.int64)
    if count:
        # Loaded here with numba, since most commands resolve nobody and it takes a second.
        from footfall.event.union import join

        join(code.reshape(2, count), kind, stop.to_numpy(zero_copy_only=False), degree_max, outcome, owner)
    changed = np.flatnonzero((owner >= 0) & (owner != np.arange(len(owner))))
    told = pa.DictionaryArray.from_arrays(pa.array(outcome), pa.array(OUTCOMES)).dictionary_decode()
    return Resolution(names.dictionary.take(pa.array(changed)), names.dictionary.take(pa.array(owner[changed])), lines.append_column("outcome", told))


def ordered(edges: pa.Table) -> pa.Table:
    """The ledger by position; a line written by hand, which has no event id, before an event's line at the same position."""
    edges = edges.select(IDENTITY_SCHEMA.names)
    by_event = edges.column("event_id").is_valid().to_numpy().astype(np.int8)
    return edges.take(pa.array(np.lexsort((by_event, edges.column("position").to_numpy()))))


def _take_back(lines: pa.Table, kind: Any, outcome: Any) -> None:
    """Mark the lines that an undo takes back; the latest undo first, since an undo may itself be taken back."""
    undos = np.flatnonzero(kind == KINDS.index("undo"))
    if not len(undos):
        return
    position = lines.column("position").to_numpy()
    said = lines.take(pa.array(undos)).select(["undoes", "a", "b"]).to_pylist()
    for row, undo in reversed(list(zip(undos.tolist(), said, strict=True))):
        if outcome[row] == UNDONE or undo["undoes"] is None:
            continue
        first, last = np.searchsorted(position, undo["undoes"], "left"), np.searchsorted(position, undo["undoes"], "right")
        for target in range(int(first), min(int(last), row)):
            if undo["a"] is None or (lines["a"][target].as_py(), lines["b"][target].as_py()) == (undo["a"], undo["b"]):
                outcome[target] = UNDONE
