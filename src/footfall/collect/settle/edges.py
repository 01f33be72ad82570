"""Joins of identities that events say: identify, alias and merge calls, and the first event that carries both ids of a person.

A line of the ledger joins `a` (the previous or anonymous id) to `b` (the user id).  An event makes one line at most, so its position
names the line.  Repeated identify calls and sightings of a pair make no further line; alias and merge calls always do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.collect.settle.known_pairs import KnownPairs
from footfall.event.cells.text import texts
from footfall.event.person import person_keys
from footfall.event.raw import NULL, RawRows
from footfall.event.schema import IDENTITY_SCHEMA

SEEN = "seen"
IDENTIFY = "identify"
CALLS = (IDENTIFY, "alias", "merge")
_ODD = np.uint64(0x9E3779B97F4A7C15)
_SALT = {SEEN: np.uint64(0), IDENTIFY: np.uint64(0xD1B54A32D192ED03)}


def edges_of(events: pa.Table, raw: RawRows, rows: np.ndarray[Any, Any], known: KnownPairs) -> pa.Table:
    """The lines that these events add; row k of `events` is row `rows[k]` of `raw`.  Notes the pairs in `known`."""
    said, calling = _explicit(events, raw, rows)
    both = pc.and_(events.column("user_id").is_valid(), events.column("anonymous_id").is_valid()).to_numpy()
    both[calling] = False
    seeing = np.flatnonzero(both)
    pairs = events.select(["user_id", "anonymous_id"]) if len(seeing) == len(events) else events.select(["user_id", "anonymous_id"]).take(seeing)
    # A call and a sighting of one pair in one batch: the earlier one is first, as if they came one at a time.
    order = np.argsort(np.concatenate([calling, seeing]), kind="stable")
    keys = np.concatenate([_keys(said, SEEN), _pair_keys(pairs.column("anonymous_id"), pairs.column("user_id"), SEEN)])
    new = np.empty(len(keys), np.bool_)
    new[order] = known.add(keys[order])
    fresh = seeing[new[len(calling) :]]
    tables = [table for table in (_new_calls(said, known), _sightings(events, fresh)) if len(table)]
    return pa.concat_tables(tables).sort_by("position") if tables else IDENTITY_SCHEMA.empty_table()


def _explicit(events: pa.Table, raw: RawRows, rows: np.ndarray[Any, Any]) -> tuple[pa.Table, np.ndarray[Any, Any]]:
    """Lines of identity calls, and the events that they come from."""
    cells = raw.column(raw.columns.index("identity"))
    calling = np.flatnonzero(cells[rows, 2] != NULL) if (cells[:, 2] != NULL).any() else np.empty(0, np.int64)
    if not len(calling):
        return IDENTITY_SCHEMA.empty_table(), calling
    kind = texts(raw.octets, cells[rows[calling]])[0]
    previous = texts(raw.octets, raw.column(raw.columns.index("previous_id"))[rows[calling]])[0]
    picked = events.take(pa.array(calling))
    table = _lines(picked, kind, pc.coalesce(previous, picked.column("anonymous_id")))
    fine = pc.and_(pc.is_in(kind, value_set=pa.array(CALLS)), _joins(table)).to_numpy(zero_copy_only=False)
    return table.filter(pa.array(fine)), calling[fine]


def _new_calls(said: pa.Table, known: KnownPairs) -> pa.Table:
    """Calls without the identify calls that were said before."""
    if not len(said):
        return said
    fresh = known.add(_keys(said, IDENTIFY))
    return said.filter(pa.array(fresh | pc.not_equal(said.column("kind"), IDENTIFY).to_numpy()))


def _sightings(events: pa.Table, rows: np.ndarray[Any, Any]) -> pa.Table:
    """Lines for pairs that no call and no event joined before."""
    if not len(rows):
        return IDENTITY_SCHEMA.empty_table()
    picked = events.take(pa.array(rows))
    table = _lines(picked, pa.array([SEEN] * len(rows)), picked.column("anonymous_id"))
    return table.filter(_joins(table))


def _lines(events: pa.Table, kind: pa.Array, joined: pa.Array) -> pa.Table:
    columns = {
        "position": events.column("position"),
        "time": events.column("event_time"),
        "kind": kind,
        "a": joined,
        "b": events.column("user_id"),
        "undoes": pa.nulls(len(events), pa.int64()),
        "source": events.column("source"),
        "event_id": events.column("event_id"),
    }
    return pa.table(columns, schema=IDENTITY_SCHEMA)


def _joins(table: pa.Table) -> Any:
    """Which lines join two ids."""
    return pc.fill_null(pc.not_equal(table.column("a"), table.column("b")), fill_value=False)


def _keys(edges: pa.Table, kind: str) -> Any:
    return _pair_keys(edges.column("a"), edges.column("b"), kind)


def _pair_keys(a: Any, b: Any, kind: str) -> Any:
    first, second = (person_keys(_whole(column)).view(np.uint64) for column in (a, b))
    mixed = first * _ODD ^ (second + _SALT[kind])
    return (mixed ^ (mixed >> np.uint64(31))) * _ODD


def _whole(column: Any) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def note(edges: pa.Table, known: KnownPairs) -> None:
    """Make the pairs of a ledger known."""
    joins = edges.filter(pc.and_(edges.column("a").is_valid(), edges.column("b").is_valid()))
    if len(joins):
        known.add(_keys(joins, SEEN))
        said = joins.filter(pc.not_equal(joins.column("kind"), SEEN))
        if len(said):
            known.add(_keys(said, IDENTIFY))
