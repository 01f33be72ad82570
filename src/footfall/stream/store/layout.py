"""The tables of the embedded store, and how rows of views become SQL."""

from __future__ import annotations

from footfall.stream.contract import ViewSchema

VERSION = 1
# A row of alerts is a block: alerts `number` to `last` of one rule.
SCHEMA = """
CREATE TABLE IF NOT EXISTS moment (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS views (name TEXT PRIMARY KEY, schema BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deltas (of TEXT, sequence INTEGER, rows BLOB, PRIMARY KEY (of, sequence)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (of TEXT, part INTEGER, sequence INTEGER, rows BLOB, PRIMARY KEY (of, part)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alerts (number INTEGER PRIMARY KEY, last INTEGER NOT NULL, rule TEXT NOT NULL, raised_us INTEGER NOT NULL, block BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (action TEXT, number INTEGER, last INTEGER NOT NULL, PRIMARY KEY (action, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS texts (hash INTEGER PRIMARY KEY, text TEXT NOT NULL, used_us INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ticks (operator TEXT, position INTEGER, clock_us INTEGER);
CREATE TABLE IF NOT EXISTS counts (operator TEXT, name TEXT, value INTEGER NOT NULL, PRIMARY KEY (operator, name)) WITHOUT ROWID;
"""
START, ID, END = "_start", "_id", "_end"
_TYPES = {"text": "TEXT", "integer": "INTEGER", "real": "REAL", "boolean": "INTEGER", "json": "BLOB"}


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def table_of(view: str) -> str:
    """The table of a view's rows, quoted."""
    return quoted(f"view {view}")


def create_sql(view: ViewSchema) -> str:
    """The table of a view: rows of one window lie together, so the newest are read and the oldest removed in one piece."""
    columns = "".join(f", {quoted(column.name)} {_TYPES[column.kind]}" for column in view.columns)
    return f"CREATE TABLE {table_of(view.name)} ({START} INTEGER, {ID} INTEGER, {END} INTEGER{columns}, PRIMARY KEY ({START}, {ID})) WITHOUT ROWID"


def upsert_sql(view: ViewSchema) -> str:
    """A row takes the place of the one with its window start and id."""
    columns = [END, *(quoted(column.name) for column in view.columns)]
    marks = ", ".join("?" * (2 + len(columns)))
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns)
    return f"INSERT INTO {table_of(view.name)} VALUES ({marks}) ON CONFLICT ({START}, {ID}) DO UPDATE SET {changed}"


def delete_sql(view: ViewSchema) -> str:
    """A row that is no more."""
    return f"DELETE FROM {table_of(view.name)} WHERE {START} = ? AND {ID} = ?"
