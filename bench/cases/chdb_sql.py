"""ClickHouse inside the process (chDB), over the same Parquet files or its own MergeTree ordered by (person, time).

`windowFunnel` is ClickHouse's own definition: it differs from footfall's only for events of one person at the same microsecond.
`retention` answers for one cohort, the people of the first day, with at most 32 conditions; the whole matrix needs arrays.
`sequenceMatch` knows no window over the whole chain, so its count of completions is of another question and compared with nobody.
"""

import shutil
import tempfile
from pathlib import Path

from chdb.session import Session


def prepare(context):
    """A session whose `events` is the Parquet files, or a MergeTree loaded from them (the load is part of prepare's time)."""
    folder = tempfile.mkdtemp(prefix="chdb-", dir=context["scratch"])
    session = Session(folder)
    session.query(f"SET max_threads = {context['threads']}")
    listed = Path(folder) / "files"
    listed.mkdir()
    for index, path in enumerate(context["files"]):
        (listed / f"{index:05}.parquet").symlink_to(path)
    source = f"SELECT assumeNotNull(person_key) AS p, assumeNotNull(toUnixTimestamp64Micro(event_time)) AS t, assumeNotNull(name) AS name FROM file('{listed}/*.parquet', Parquet)"
    session.query("CREATE DATABASE bench")
    if context["table"] == "mergetree":
        session.query("CREATE TABLE bench.events (p Int64, t Int64, name LowCardinality(String)) ENGINE = MergeTree ORDER BY (p, t)")
        session.query(f"INSERT INTO bench.events {source}")
    else:
        session.query(f"CREATE VIEW bench.events AS {source}")
    return session, {**context, "folder": folder}


def _rows(session, sql):
    text = str(session.query(sql, "TabSeparated")).strip("\n")
    return [line.split("\t") for line in text.split("\n")] if text else []


def _funnel(prepared):
    """windowFunnel."""
    session, context = prepared
    steps = context["funnel"]
    conditions = ", ".join(f"name = '{step}'" for step in steps)
    names = ", ".join(f"'{step}'" for step in steps)
    sql = f"""SELECT countIf(r >= 1), countIf(r >= 2), countIf(r >= 3), countIf(r >= 4) FROM
        (SELECT p, windowFunnel({context["window_us"]})(toUInt64(t), {conditions}) AS r FROM bench.events WHERE name IN ({names}) GROUP BY p)"""
    return [int(value) for value in _rows(session, sql)[0]]


def _sequence(prepared):
    """sequenceMatch: how many people did the steps in order, however long it took."""
    session, context = prepared
    conditions = ", ".join(f"name = '{step}'" for step in context["funnel"])
    names = ", ".join(f"'{step}'" for step in context["funnel"])
    sql = f"""SELECT countIf(m) FROM (SELECT p, sequenceMatch('(?1).*(?2).*(?3).*(?4)')(toUInt64(t), {conditions}) AS m
        FROM bench.events WHERE name IN ({names}) GROUP BY p)"""
    return [int(_rows(session, sql)[0][0])]


def _sessions_arrays(prepared):
    """Each person's times as a sorted array and its differences."""
    session, context = prepared
    gap = context["gap_us"]
    sql = f"""SELECT sum(1 + arrayCount(d -> d > {gap}, ds)),
        sum(arrayCount((a, b) -> a > {gap} AND b > {gap}, arrayPushFront(ds, toInt64({gap} + 1)), arrayPushBack(ds, toInt64({gap} + 1)))),
        sum(arraySum(d -> if(d <= {gap}, d, 0), ds)) FROM
        (SELECT arrayPopFront(arrayDifference(arraySort(groupArray(t)))) AS ds FROM bench.events GROUP BY p)"""
    sessions, single, duration = (int(value) for value in _rows(session, sql)[0])
    return [sessions, single, round(duration / sessions / 1e6, 3)]


def _sessions_window(prepared):
    """One window with lagInFrame and leadInFrame."""
    session, context = prepared
    gap = context["gap_us"]
    sql = f"""SELECT countIf(b > {gap}), countIf(b > {gap} AND a > {gap}), sumIf(b, b <= {gap}) FROM
        (SELECT t - lagInFrame(t, 1, t - {gap} - 1) OVER w AS b, leadInFrame(t, 1, t + {gap} + 1) OVER w - t AS a FROM bench.events
         WINDOW w AS (PARTITION BY p ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING))"""
    sessions, single, duration = (int(value) for value in _rows(session, sql)[0])
    return [sessions, single, round(duration / sessions / 1e6, 3)]


def _sessions_row(prepared):
    """All that footfall says about sessions, exact median and 90th percentile included: each person's times split at the pauses."""
    session, context = prepared
    gap = context["gap_us"]
    sql = f"""SELECT count(), uniqExact(p), sum(n), countIf(n = 1), avg(us), quantileExactInclusive(0.5)(us), quantileExactInclusive(0.9)(us) FROM
        (SELECT p, length(s) AS n, s[-1] - s[1] AS us FROM
            (SELECT p, arraySort(groupArray(t)) AS ts, arrayJoin(arraySplit((x, d) -> d > {gap}, ts, arrayDifference(ts))) AS s
             FROM bench.events GROUP BY p))"""
    row = _rows(session, sql)[0]
    return [int(value) for value in row[:4]] + [round(float(value) / 1e6, 3) for value in row[4:]]


def _transitions_window(prepared):
    """The name before, inside a session."""
    session, context = prepared
    gap = context["gap_us"]
    sql = f"""SELECT was, name, count() FROM
        (SELECT name, lagInFrame(name) OVER w AS was, t - lagInFrame(t, 1, t - {gap} - 1) OVER w AS b FROM bench.events
         WINDOW w AS (PARTITION BY p ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)) WHERE b <= {gap} GROUP BY was, name"""
    return sorted([a, b, int(n)] for a, b, n in _rows(session, sql))


def _transitions_arrays(prepared):
    """Each person's (time, name) pairs as a sorted array."""
    session, context = prepared
    gap = context["gap_us"]
    sql = f"""SELECT tr.1, tr.2, count() FROM (SELECT arraySort(groupArray((t, name))) AS es,
        arrayJoin(arrayFilter(x -> x.3 <= {gap}, arrayMap((a, b) -> (a.2, b.2, b.1 - a.1), arrayPopBack(es), arrayPopFront(es)))) AS tr
        FROM bench.events GROUP BY p) GROUP BY 1, 2"""
    return sorted([a, b, int(n)] for a, b, n in _rows(session, sql))


def _retention_arrays(prepared):
    """Each person's days as a set."""
    session, _ = prepared
    sql = """SELECT first, day - first AS period, count() FROM
        (SELECT p, groupUniqArray(toInt32(intDiv(t, 86400000000))) AS days, arrayMin(days) AS first FROM bench.events GROUP BY p)
        ARRAY JOIN days AS day GROUP BY first, period"""
    return sorted([int(a), int(b), int(n)] for a, b, n in _rows(session, sql))


def _retention_function(prepared):
    """retention(): the people of the first day, and how many of them came on each later one."""
    session, _ = prepared
    conditions = ", ".join(f"intDiv(t, 86400000000) = 20729 + {day}" for day in range(30))
    sql = f"SELECT sumForEach(r) FROM (SELECT p, retention({conditions}) AS r FROM bench.events GROUP BY p)"
    counts = _rows(session, sql)[0][0].strip("[]").split(",")
    return [[20729, period, int(n)] for period, n in enumerate(counts) if int(n)]


CASES = {
    "funnel windowFunnel": _funnel,
    "sequence sequenceMatch": _sequence,
    "sessions arrays": _sessions_arrays,
    "sessions one window": _sessions_window,
    "sessions whole row": _sessions_row,
    "transitions one window": _transitions_window,
    "transitions arrays": _transitions_arrays,
    "retention arrays": _retention_arrays,
    "cohort retention()": _retention_function,
}


def close(prepared):
    """Drop the session's folder."""
    session, context = prepared
    session.close()
    shutil.rmtree(context["folder"], ignore_errors=True)
