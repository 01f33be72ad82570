"""The guard lets reading queries over known tables through and nothing else."""

from __future__ import annotations

import pytest

from footfall.engines.sql_guard import LENGTH_MAX, guard
from footfall.errors import InvalidQuery

TABLES = ("events", "dead_letters", "imports", "customers")

READING = [
    "SELECT name, count(*) FROM events GROUP BY name",
    "FROM events",
    "TABLE events",
    "VALUES (1), (2)",
    "WITH views AS (SELECT * FROM events WHERE name = 'view') SELECT count(*) FROM views;",
    "SELECT * FROM events JOIN customers ON events.user_id = customers.key",
    "SELECT * FROM range(3)",
    "SELECT * FROM unnest([1, 2])",
    "SELECT * FROM generate_series(1, 3)",
    "SELECT j.key FROM events, json_each(events.properties) j",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "DESCRIBE events",
    "DESCRIBE SELECT 1",
    "SUMMARIZE events",
    "SHOW TABLES",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "PIVOT events ON name USING count(*)",
    "SELECT properties ->> '$.price' FROM events",
    "SELECT replace(name, 'a', 'b') FROM events -- a comment",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n",
    "SELECT * FROM Events",
]

REFUSED = [
    ("", "the query is empty"),
    ("SELECT 1; SELECT 2", "one query at a time, not 2"),
    ("SELEC 1", "begins with SELEC"),
    ("SELECT (1", "this is not SQL"),
    ("SELECT 'open", "this is not SQL"),
    ("SELECT " + "(" * 5000 + "1" + ")" * 5000, "nested too deeply"),
    ("SELECT * FROM evnts", "there is no table 'evnts'"),
    ("SELECT * FROM 'a.parquet'", "there is no table 'a.parquet'"),
    ('SELECT * FROM "a.parquet"', "there is no table 'a.parquet'"),
    ("SELECT 1 WHERE EXISTS (FROM 'x.csv')", "there is no table 'x.csv'"),
    ("PIVOT 'a.csv' ON x USING count(*)", "there is no table 'a.csv'"),
    ("DESCRIBE 'x.csv'", "there is no table 'x.csv'"),
    ("SUMMARIZE 'x.csv'", "SUMMARIZE needs a table or a query"),
    ('WITH "a.csv" AS (SELECT 1) SELECT * FROM "a.csv"', "is not a plain name"),
    ("SELECT * FROM main.events", "there is no table 'main.events'"),
    ("SELECT * FROM information_schema.tables", "there is no table"),
    ("SELECT * FROM read_csv('x')", "read_csv() cannot be read from"),
    ("SELECT * FROM read_parquet('x')", "read_parquet() cannot be read from"),
    ("SELECT * FROM parquet_scan('x')", "parquet_scan() cannot be read from"),
    ("SELECT * FROM glob('*')", "glob() cannot be read from"),
    ("SELECT * FROM query('SELECT 1')", "query() cannot be read from"),
    ("SELECT * FROM query_table('events')", "query_table() cannot be read from"),
    ("SELECT * FROM duckdb_settings()", "duckdb_settings() cannot be read from"),
    ("SELECT * FROM a.b.c(1)", "c() cannot be read from"),
    ("SELECT read_blob('x')", "read_blob() is not allowed"),
    ("SELECT getenv('HOME')", "getenv() is not allowed"),
    ("SELECT current_setting('threads')", "current_setting() is not allowed"),
    ("SELECT nextval('s')", "nextval() is not allowed"),
    ("ATTACH 'x'", "begins with ATTACH"),
    ("PRAGMA version", "begins with PRAGMA"),
    ("SET threads = 1", "begins with SET"),
    ("COPY events TO 'x'", "begins with COPY"),
    ("EXPLAIN COPY events TO 'x'", "begins with COPY"),
    ("EXPORT DATABASE 'x'", "begins with EXPORT"),
    ("INSTALL httpfs", "begins with INSTALL"),
    ("LOAD httpfs", "begins with LOAD"),
    ("CALL foo()", "begins with CALL"),
    ("CREATE TABLE x AS SELECT 1", "begins with CREATE"),
    ("DELETE FROM events", "begins with DELETE"),
    ("INSERT INTO events SELECT 1", "begins with INSERT"),
    ("SELECT * INTO x FROM events", "not INTO"),
    ("WITH x AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM x", "not INSERT"),
    ("SHOW DATABASES", "only SHOW TABLES"),
    ("SELECT " + "1," * LENGTH_MAX + "1", "longer than"),
]


@pytest.mark.parametrize("query", READING)
def test_reading_query_passes_and_stays_itself_when_guarded_twice(query):
    once = guard(query, TABLES)
    assert guard(once.sql, TABLES) == once


@pytest.mark.parametrize(("query", "sentence"), REFUSED, ids=[query[:40] for query, _ in REFUSED])
def test_anything_else_is_refused_with_a_sentence_and_a_hint(query, sentence):
    with pytest.raises(InvalidQuery) as refused:
        guard(query, TABLES)
    assert sentence in refused.value.sentence
    assert refused.value.hint


def test_unknown_table_names_the_nearest():
    with pytest.raises(InvalidQuery) as refused:
        guard("SELECT * FROM custmers", TABLES)
    assert refused.value.hint == "did you mean customers?"


def test_comments_do_not_reach_the_engine():
    assert guard("SELECT /* one */ 1 -- two", TABLES).sql == "SELECT 1"


def test_guarded_query_says_which_tables_it_reads():
    query = "WITH views AS (FROM events) SELECT * FROM views JOIN Imports ON TRUE"
    assert guard(query, TABLES).tables == {"events", "imports"}


def test_show_tables_shows_the_known_ones():
    assert guard("SHOW TABLES", ("events", "imports")).sql == "SELECT name FROM (VALUES ('events'), ('imports')) AS tables(name)"
