"""The SQL guard: users' SQL is one read-only query over footfall's own tables, whatever the engine.

The text is parsed, every node is checked, and what runs afterwards is the checked tree written out again, so a statement that
two parsers would read differently cannot slip through.  Names of tables come from a list: a file, a table of the engine's own
catalog and a variable of the host program are all unknown names.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from footfall.errors import InvalidQuery, nearest

TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree"})

# Functions that reach outside the query: files, the environment, settings, other statements.
_OUTSIDE = re.compile(
    r"^(read_|write_|scan_|sniff_|duckdb_|pragma_|parquet_|iceberg_|delta_|sqlite_|postgres_|mysql_|st_read|json_execute|from_substrait"
    r"|glob$|getenv$|query$|query_table$|current_setting$|set_config$|getvariable$|nextval$|currval$|which_secret$|sql_auto_complete$|version$)",
    re.IGNORECASE,
)
_FIRST_WORDS = ("select", "with", "from", "values", "table", "(", "describe", "desc", "show", "summarize", "explain", "pivot", "unpivot")
_FORBIDDEN = (exp.DML, exp.DDL, exp.Into, exp.Command, exp.Copy, exp.Attach, exp.Detach, exp.Pragma, exp.Set, exp.Use, exp.Drop, exp.Alter)
_PLAIN_WORD = re.compile(r"^\w+$")
_EXPLAIN = re.compile(r"^\s*explain\s+(analyze\s+)?", re.IGNORECASE)
_HINT = "write one SELECT over events, logs, identity, dead_letters, imports or a dimension"
LENGTH_MAX = 100_000


@dataclass(frozen=True, slots=True)
class GuardedQuery:
    """SQL that may run as it stands, and the tables among the known ones that it reads."""

    sql: str
    tables: frozenset[str]


def guard(sql: str, tables: Collection[str]) -> GuardedQuery:
    """The query as it may run: one SELECT (or DESCRIBE, SUMMARIZE, SHOW TABLES, EXPLAIN) over these tables.

    Raises:
        InvalidQuery: it is not SQL, not one query, not read-only, or reads anything but the tables.
    """
    if len(sql) > LENGTH_MAX:
        raise InvalidQuery(f"the query is longer than {LENGTH_MAX:,} characters", field="query", got=f"{len(sql):,} characters", hint=_HINT)
    explain = _EXPLAIN.match(sql)
    if explain:
        inner = guard(sql[explain.end() :], tables)
        return GuardedQuery(("EXPLAIN ANALYZE " if explain[1] else "EXPLAIN ") + inner.sql, inner.tables)
    statement = _parse(sql)
    _check_kind(statement)
    if isinstance(statement, exp.Show):
        names = ", ".join(f"('{name}')" for name in tables)
        return GuardedQuery(f"SELECT name FROM (VALUES {names}) AS tables(name)", frozenset())
    known = _known_tables(statement, tables)
    for node in statement.walk():
        if isinstance(node, exp.Table):
            _check_table(node, known, tables)
        elif isinstance(node, exp.Func):
            _check_function(node)
    read = {table.name.lower() for table in statement.find_all(exp.Table)}
    return GuardedQuery(str(statement.sql(dialect="duckdb", comments=False)), frozenset(name for name in tables if name.lower() in read))


def _parse(sql: str) -> exp.Expression:
    text = sql.strip().rstrip(";").strip()
    if not text:
        raise InvalidQuery("the query is empty", field="query", hint=_HINT)
    try:
        tokens = sqlglot.tokenize(text, read="duckdb")
        word = tokens[0].text.lower() if tokens else ""
        if word not in _FIRST_WORDS:
            near = difflib.get_close_matches(word, _FIRST_WORDS, n=1, cutoff=0.75)
            hint = f"did you mean {near[0].upper()}?" if near else _HINT
            raise InvalidQuery(f"a query may only read, and this one begins with {word.upper() or 'a comment'}", field="query", got=word, hint=hint)
        if word == "show" and [token.text.lower() for token in tokens[1:]] != ["tables"]:
            raise InvalidQuery("only SHOW TABLES can be shown", field="query", hint="describe a table with DESCRIBE events")
        statements = [statement for statement in sqlglot.parse(text, dialect="duckdb") if statement is not None]
    except SqlglotError as problem:
        raise InvalidQuery(f"this is not SQL: {_first_sentence(problem)}", field="query", got=sql, hint=_HINT) from None
    except RecursionError:
        raise InvalidQuery("the query is nested too deeply", field="query", hint="take it apart with WITH") from None
    if len(statements) != 1:
        raise InvalidQuery(f"one query at a time, not {len(statements)}", field="query", hint=_HINT)
    return statements[0]


def _first_sentence(problem: SqlglotError) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(problem)).strip()
    return " ".join(text.split("\n")[0].split())


def _check_kind(statement: exp.Expression) -> None:
    if isinstance(statement, exp.Show):
        return
    if not isinstance(statement, exp.Query | exp.Values | exp.Describe | exp.Summarize | exp.Pivot):
        raise InvalidQuery(f"a query may only read, not {statement.key.upper()}", field="query", got=statement.key, hint=_HINT)
    if isinstance(statement, exp.Describe | exp.Summarize) and not isinstance(statement.this, exp.Table | exp.Query):
        raise InvalidQuery(f"{statement.key.upper()} needs a table or a query", field="query", got=statement.this.sql(), hint="try DESCRIBE events")
    for node in statement.walk():
        if isinstance(node, _FORBIDDEN):
            raise InvalidQuery(f"a query may only read, not {node.key.upper()}", field="query", got=node.key, hint=_HINT)


def _known_tables(statement: exp.Expression, tables: Collection[str]) -> set[str]:
    """The user's tables and the names that WITH gives; a name like "a.parquet" would make the engine open a file."""
    known = {name.lower() for name in tables}
    for cte in statement.find_all(exp.CTE):
        if not _PLAIN_WORD.match(cte.alias):
            raise InvalidQuery(f"WITH {cte.alias!r} is not a plain name", field="query", got=cte.alias, hint="use letters, digits and underscores")
        known.add(cte.alias.lower())
    return known


def _check_table(table: exp.Table, known: Collection[str], tables: Collection[str]) -> None:
    if isinstance(table.this, exp.Func):
        name = _function_name(table.this)
        if name not in TABLE_FUNCTIONS or table.db:
            raise InvalidQuery(
                f"{name}() cannot be read from: queries see footfall's tables only",
                field="query",
                got=name,
                allowed=sorted(TABLE_FUNCTIONS),
                hint="import a file with footfall import, or declare it in [dimensions]",
            )
        return
    if table.db or table.catalog or table.name.lower() not in known:
        full = ".".join(part.name for part in table.parts)
        near = nearest(table.name, tables, limit=1)
        hint = f"did you mean {near[0]}?" if near else "tables: " + ", ".join(sorted(tables))
        raise InvalidQuery(f"there is no table {full!r}", field="query", got=full, allowed=sorted(tables), hint=hint)


def _check_function(function: exp.Func) -> None:
    name = _function_name(function)
    outside = _OUTSIDE.match(name) is not None
    if outside or isinstance(function, exp.ReadCSV | exp.ReadParquet):
        raise InvalidQuery(
            f"{name}() is not allowed: a query sees the lake and nothing else", field="query", got=name, hint="import the file with footfall import"
        )


def _function_name(function: exp.Func) -> str:
    if isinstance(function, exp.Anonymous):
        return str(function.this).lower()
    if isinstance(function, exp.GenerateSeries):
        return "range" if function.args.get("is_end_exclusive") else "generate_series"
    return str(function.sql_name()).lower()
