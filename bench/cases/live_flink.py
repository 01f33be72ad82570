"""Flink SQL over the stream: a local cluster with two slots, event time with 10 s of patience, the heap state backend, no checkpoints.

What each rule finds is added up a minute by Flink itself, so that nobody writes a million alerts; the sums go to CSV files of some
sixty lines.  Times are milliseconds, all that a time attribute of Flink can hold.
`RANGE` takes plays of the same millisecond for one moment, so it may count one play too many where `ROWS` (the slower way) does not.
"""

import csv
import shutil
import time
from pathlib import Path

_EVENTS = """
CREATE TABLE events (
  user_id STRING, track_id STRING, name STRING, event_us BIGINT, place BIGINT,
  rt AS TO_TIMESTAMP_LTZ(event_us / 1000, 3), WATERMARK FOR rt AS rt - INTERVAL '10' SECOND
) WITH ('connector' = 'filesystem', 'path' = '{csv}', 'format' = 'csv')
"""
_A_MINUTE = "SELECT CAST(window_start AS STRING), {what} FROM TABLE(TUMBLE(TABLE {of}, DESCRIPTOR({time}), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end"
_PLAYS_ROWS = """
CREATE VIEW alerts AS SELECT * FROM (
  SELECT rt, event_us, COUNT(*) OVER recent AS plays, FIRST_VALUE(event_us) OVER recent AS begin_us
  FROM events WHERE name = 'play' WINDOW recent AS (PARTITION BY user_id, track_id ORDER BY rt ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)
) WHERE plays = 3 AND event_us - begin_us <= 1800000000
"""
_PLAYS_RANGE = """
CREATE VIEW alerts AS SELECT * FROM (
  SELECT rt, COUNT(*) OVER (PARTITION BY user_id, track_id ORDER BY rt RANGE BETWEEN INTERVAL '30' MINUTE PRECEDING AND CURRENT ROW) AS plays
  FROM events WHERE name = 'play'
) WHERE plays >= 3
"""
_ABOVE = """
CREATE VIEW above AS SELECT window_time AS ended, actions FROM (
  SELECT window_time, user_id, COUNT(*) AS actions FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(rt), INTERVAL '10' SECOND))
  GROUP BY window_start, window_end, window_time, user_id
) WHERE actions > 10
"""
_BY_NAME = """
CREATE VIEW by_name AS SELECT window_time AS ended, name, COUNT(*) AS events
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(rt), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, window_time, name
"""
_SESSIONS = """
CREATE VIEW sessions AS SELECT window_time AS ended, user_id, COUNT(*) AS events
FROM TABLE(SESSION(TABLE events PARTITION BY user_id, DESCRIPTOR(rt), INTERVAL '5' MINUTE)) GROUP BY window_start, window_end, window_time, user_id
"""
_ADDED_UP = {
    "r1": _A_MINUTE.format(what="COUNT(*), 0", of="alerts", time="rt"),
    "r2": _A_MINUTE.format(what="COUNT(*), 0", of="above", time="ended"),
    "w": _A_MINUTE.format(what="COUNT(*), SUM(events)", of="by_name", time="ended"),
    "s": _A_MINUTE.format(what="COUNT(*), 0", of="sessions", time="ended"),
    "read": _A_MINUTE.format(what="COUNT(*), 0", of="events", time="rt"),
}
_VIEWS = {"r1": _PLAYS_RANGE, "r1 rows": _PLAYS_ROWS, "r2": _ABOVE, "w": _BY_NAME, "s": _SESSIONS}


def prepare(context):
    """The JVM, and an environment that knows the input."""
    from pyflink.table import EnvironmentSettings, TableEnvironment

    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for name, value in {
        "parallelism.default": context["threads"],
        "pipeline.object-reuse": "true",
        "table.local-time-zone": "UTC",
        "taskmanager.memory.network.max": "128mb",
    }.items():
        tables.get_config().set(name, str(value))
    tables.execute_sql(_EVENTS.format(csv=context["stream"]["csv"]))
    return tables, context


def _run(prepared, *ways):
    """One job with these rules; what each found."""
    tables, context = prepared
    folder = Path(context["scratch"]) / "flink"
    shutil.rmtree(folder, ignore_errors=True)
    together = tables.create_statement_set()
    for way in ways:
        rule = way.split()[0]
        if way in _VIEWS:
            tables.execute_sql(_VIEWS[way])
        tables.execute_sql(
            f"CREATE TABLE found_{rule} (began STRING, n BIGINT, total BIGINT) WITH ('connector' = 'filesystem', 'path' = '{folder / rule}', 'format' = 'csv')"
        )
        together.add_insert_sql(f"INSERT INTO found_{rule} {_ADDED_UP[rule]}")
    submitted = together.execute()
    began = time.perf_counter()  # planning and the start of the cluster are start-up
    submitted.wait()
    seconds = time.perf_counter() - began
    totals = {}
    for rule in (way.split()[0] for way in ways):
        rows = [row for path in sorted((folder / rule).rglob("*")) if path.is_file() for row in csv.reader(path.open())]
        names = ("w_rows", "w_sum") if rule == "w" else (rule,)
        totals |= {name: sum(int(row[column + 1]) for row in rows) for column, name in enumerate(names)}
    return {"seconds": seconds, "result": totals}


CASES = {way: (lambda prepared, way=way: _run(prepared, way)) for way in (*_VIEWS, "read")}
CASES["all"] = lambda prepared: _run(prepared, "r1", "r2", "w", "s")
