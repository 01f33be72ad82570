"""The identity ledger of a project: resolved for its engine, as of now or of any moment, and written to by hand.

A line by hand has no event id.  Its position is the one after the highest that the lake and the ledger know, so it comes after everything that
was known when it was written; an event that gets the same position later comes after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from footfall import clock
from footfall.errors import InvalidQuery, LakeConflict
from footfall.event.identity import BLOCKED, Resolution, resolve
from footfall.event.person import person_key
from footfall.event.schema import IDENTITY_SCHEMA
from footfall.lake.contract import CommitId

if TYPE_CHECKING:
    from footfall.app.project import Project

STREAM = "identity:manual"
BY_HAND = "by hand"
_NOT_JOINED = {
    "known already": "they are one person already",
    "too many ids": "together they would have more ids than a person may have",
}


def resolution(project: Project) -> Resolution:
    """The ledger resolved, up to `project.identity_as_of` when that is set."""
    edges = project.lake.edges()
    wanted = project.identity_as_of
    if wanted is None or not len(edges):
        return resolve(edges)
    if wanted.isdigit():
        return resolve(edges, as_of=int(wanted))
    return resolve(_known_at(project, edges, moment_us(project, wanted)))


def moment_us(project: Project, wanted: str) -> int:
    """A date or time as microseconds; InvalidQuery names the option."""
    from footfall.event.span import Moment

    try:
        return Moment(wanted).us(project.config.project.time_zone)
    except InvalidQuery:
        raise InvalidQuery(
            f"{wanted!r} is neither a position of the ledger nor a date or time",
            field="identity_as_of",
            got=wanted,
            hint="write a position from footfall identity list, or 2026-11-01T08:00",
        ) from None


def _known_at(project: Project, edges: pa.Table, time_us: int) -> pa.Table:
    """The lines that were known at a moment: whose event had been received, or which had been written by hand, by then.

    A line whose event is gone from the lake counts from the event's own time on.
    """
    from footfall.engines import DuckDBEngine

    engine = DuckDBEngine(project.lake.snapshot())
    engine.register("footfall_lines", edges.select(["position", "event_id", "time"]).append_column("row", pa.array(range(len(edges)))))
    rows = engine.query(
        "SELECT row FROM footfall_lines AS line LEFT JOIN (SELECT position, event_id, min(received_time) AS received_time FROM events GROUP BY ALL) AS event "
        f"ON line.position = event.position AND line.event_id = event.event_id WHERE epoch_us(coalesce(received_time, time)) <= {time_us}"
    )
    return edges.take(rows.column("row"))


def merge(project: Project, a: str, b: str) -> dict[str, Any]:
    """Write a line that makes `a` the same person as `b`, who keeps the name; the line.

    Raises:
        InvalidQuery: an id is blocked or nobody's, or the join would join nothing.
    """
    for field, one in (("A", a), ("B", b)):
        if one.strip().lower() in BLOCKED:
            raise InvalidQuery(f"{one!r} is what programs send where they have no id, so it never joins", field=field, got=one, hint="name a person")
        if not _is_somebody(project, one):
            raise InvalidQuery(f"no event and no line of the ledger has the id {one!r}", field=field, got=one, hint="check its spelling")
    if a == b:
        raise InvalidQuery(f"{a!r} is one person already", field="B", got=b, hint="name two different ids")
    return _append(project, {"kind": "merge", "a": a, "b": b})


def undo(project: Project, position: int, pair: tuple[str, str] | None = None) -> dict[str, Any]:
    """Write a line that takes back the line at a position (with `pair` the one of these two ids); the line.

    Raises:
        InvalidQuery: there is no such line, it is taken back already, or there are several.
    """
    lines = resolve(project.lake.edges()).lines.filter(pc.field("position") == position).to_pylist()
    if pair is not None:
        lines = [line for line in lines if (line["a"], line["b"]) == pair]
    if not lines:
        raise InvalidQuery(f"the ledger has no such line at position {position}", field="POSITION", got=position, hint="see footfall identity list")
    alive = [line for line in lines if line["outcome"] != "undone"]
    if not alive:
        raise InvalidQuery(
            f"the line at position {position} is taken back already", field="POSITION", got=position, hint="see footfall identity list"
        )
    if len(alive) > 1:
        pairs = " or ".join(f"{line['a']} {line['b']}" for line in alive)
        raise InvalidQuery(f"there are several lines at position {position}", field="POSITION", got=position, hint=f"add its ids: {pairs}")
    return _append(project, {"kind": "undo", "undoes": position, "a": alive[0]["a"], "b": alive[0]["b"]})


def _append(project: Project, line: dict[str, Any]) -> dict[str, Any]:
    """Append one line by hand, if it does what it is meant to.  Whoever else writes the ledger waits."""
    lake = project.lake
    with lake.landing():
        edges = lake.edges()
        position = max(lake.next_position() - 1, pc.max(edges.column("position")).as_py() if len(edges) else -1) + 1
        row = {"position": position, "time": clock.now(), "source": BY_HAND, **line}
        added = pa.Table.from_pylist([row], IDENTITY_SCHEMA)
        told = resolve(pa.concat_tables([edges, added])).lines.column("outcome")[-1].as_py()
        if told in _NOT_JOINED:
            raise InvalidQuery(
                f"{line['a']!r} and {line['b']!r} cannot be joined: {_NOT_JOINED[told]}", field="A", hint="see footfall identity show ID"
            )
        if not lake.add_edges(added, CommitId(STREAM, position)):
            raise LakeConflict("somebody else wrote to the identity ledger first", hint="run the same command again")
    return row


def _is_somebody(project: Project, person_id: str) -> bool:
    edges = project.lake.edges()
    named = pc.or_kleene(pc.equal(edges.column("a"), person_id), pc.equal(edges.column("b"), person_id))
    if pc.any(named).as_py():
        return True
    key = person_key(person_id)
    found = project.engine().query(f"SELECT count(*) AS events FROM footfall_events WHERE person_key = {key}")
    return bool(found.column("events")[0].as_py())


def about(project: Project, person_id: str) -> dict[str, Any]:
    """A person: canonical id, every id, the lines that name one of them and what became of these."""
    resolved = resolution(project)
    ids = resolved.cluster(person_id)
    lines = naming(resolved.lines, ids)
    return {"person_id": ids[0], "ids": ids, "lines": lines.to_pylist(), "conflicts": naming(resolved.conflicts, ids).to_pylist()}


def naming(lines: pa.Table, ids: list[str]) -> pa.Table:
    """The lines that name one of the ids."""
    wanted = pa.array(ids, pa.string())
    return lines.filter(pc.or_(pc.is_in(lines.column("a"), value_set=wanted), pc.is_in(lines.column("b"), value_set=wanted)))


def table(project: Project) -> pa.Table:
    """The ledger with the outcome of each line, as `footfall sql` shows it."""
    return resolution(project).lines
