"""DuckDB over the same Parquet files, several ways a question; the fastest is the peer.

Tried and left out because they were slower at every size: nested window functions (three passes for the funnel), lists with
list_reduce, a self join for sessions.
"""

import duckdb


def prepare(context):
    """A connection with as many threads as everybody, and a view over the files."""
    con = duckdb.connect()
    con.execute(f"SET threads = {context['threads']}")
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET preserve_insertion_order = false")
    files = ", ".join(f"'{path}'" for path in context["files"])
    con.execute(
        f"CREATE VIEW events AS SELECT person_key AS p, epoch_us(event_time) AS t, name FROM read_parquet([{files}])",
    )
    return con, context


def _funnel_asof(prepared):
    """Latest start before each step, by ASOF joins: exact, because a later start is never worse."""
    con, context = prepared
    a, b, c, d = context["funnel"]
    window = context["window_us"]
    return list(
        con.execute(f"""
        WITH s1 AS (SELECT p, t, t AS start FROM events WHERE name = '{a}'),
        s2 AS (SELECT e.p, e.t, s.start FROM (SELECT p, t FROM events WHERE name = '{b}') e
               ASOF JOIN s1 s ON e.p = s.p AND e.t > s.t WHERE e.t - s.start <= {window}),
        s3 AS (SELECT e.p, e.t, s.start FROM (SELECT p, t FROM events WHERE name = '{c}') e
               ASOF JOIN s2 s ON e.p = s.p AND e.t > s.t WHERE e.t - s.start <= {window}),
        s4 AS (SELECT e.p FROM (SELECT p, t FROM events WHERE name = '{d}') e
               ASOF JOIN s3 s ON e.p = s.p AND e.t > s.t WHERE e.t - s.start <= {window})
        SELECT (SELECT count(DISTINCT p) FROM s1), (SELECT count(DISTINCT p) FROM s2),
               (SELECT count(DISTINCT p) FROM s3), (SELECT count(DISTINCT p) FROM s4)
        """).fetchone()
    )


def _funnel_one_sort(prepared):
    """One sort by person and time; running maxima of the latest start restart at each person by themselves, since the person is inside the maximum."""
    con, context = prepared
    a, b, c, d = context["funnel"]
    window = context["window_us"]
    return list(
        con.execute(f"""
        WITH e AS (SELECT p, t, CASE name WHEN '{a}' THEN 1 WHEN '{b}' THEN 2 WHEN '{c}' THEN 3 ELSE 4 END AS k
                   FROM events WHERE name IN ('{a}', '{b}', '{c}', '{d}')),
        m1 AS (SELECT *, max(t) FILTER (k = 1) OVER w AS a1 FROM e
               WINDOW w AS (PARTITION BY p ORDER BY t ROWS UNBOUNDED PRECEDING)),
        m2 AS (SELECT *, max(a1) FILTER (k = 2 AND t - a1 <= {window}) OVER w AS a2 FROM m1
               WINDOW w AS (PARTITION BY p ORDER BY t ROWS UNBOUNDED PRECEDING)),
        m3 AS (SELECT *, max(a2) FILTER (k = 3 AND t - a2 <= {window}) OVER w AS a3 FROM m2
               WINDOW w AS (PARTITION BY p ORDER BY t ROWS UNBOUNDED PRECEDING)),
        r AS (SELECT p, max(CASE WHEN k = 4 AND t - a3 <= {window} THEN 4 WHEN a3 IS NOT NULL THEN 3
                                 WHEN a2 IS NOT NULL THEN 2 WHEN a1 IS NOT NULL THEN 1 ELSE 0 END) AS reached FROM m3 GROUP BY p)
        SELECT count(*) FILTER (reached >= 1), count(*) FILTER (reached >= 2), count(*) FILTER (reached >= 3), count(*) FILTER (reached >= 4) FROM r
        """).fetchone()
    )


def _sessions_window(prepared):
    """One window with LAG and LEAD, then sums: no second pass over sessions is needed."""
    con, context = prepared
    gap = context["gap_us"]
    sessions, single, duration = con.execute(f"""
        WITH g AS (SELECT t - lag(t) OVER w AS before, lead(t) OVER w - t AS after FROM events WINDOW w AS (PARTITION BY p ORDER BY t))
        SELECT count(*) FILTER (before IS NULL OR before > {gap}),
               count(*) FILTER ((before IS NULL OR before > {gap}) AND (after IS NULL OR after > {gap})),
               coalesce(sum(before) FILTER (before <= {gap}), 0)
        FROM g
    """).fetchone()
    return [sessions, single, round(int(duration) / sessions / 1e6, 3)]


def _sessions_stream(prepared):
    """One global sort, then a window without ORDER BY, which streams."""
    con, context = prepared
    gap = context["gap_us"]
    con.execute("SET preserve_insertion_order = true")
    sessions, single, duration = con.execute(f"""
        WITH o AS (SELECT p, t FROM events ORDER BY p, t),
        g AS (SELECT CASE WHEN lag(p) OVER () = p THEN t - lag(t) OVER () END AS before,
                     CASE WHEN lead(p) OVER () = p THEN lead(t) OVER () - t END AS after FROM o)
        SELECT count(*) FILTER (before IS NULL OR before > {gap}),
               count(*) FILTER ((before IS NULL OR before > {gap}) AND (after IS NULL OR after > {gap})),
               coalesce(sum(before) FILTER (before <= {gap}), 0)
        FROM g
    """).fetchone()
    return [sessions, single, round(int(duration) / sessions / 1e6, 3)]


def _sessions_row(prepared):
    """All that footfall says about sessions, exact median and 90th percentile included: sessions numbered by a streaming sum, then grouped."""
    con, context = prepared
    gap = context["gap_us"]
    con.execute("SET preserve_insertion_order = true")
    row = con.execute(f"""
        WITH o AS (SELECT p, t FROM events ORDER BY p, t),
        g AS (SELECT p, t, CASE WHEN lag(p) OVER () = p AND t - lag(t) OVER () <= {gap} THEN 0 ELSE 1 END AS begins FROM o),
        s AS (SELECT p, t, sum(begins) OVER (ROWS UNBOUNDED PRECEDING) AS session FROM g),
        d AS (SELECT any_value(p) AS p, count(*) AS n, max(t) - min(t) AS us FROM s GROUP BY session)
        SELECT count(*), count(DISTINCT p), sum(n), count(*) FILTER (n = 1), avg(us), quantile_cont(us, 0.5), quantile_cont(us, 0.9) FROM d
    """).fetchone()
    return [int(value) for value in row[:4]] + [round(float(value) / 1e6, 3) for value in row[4:]]


def _transitions_window(prepared):
    """The name before, inside a session."""
    con, context = prepared
    gap = context["gap_us"]
    return sorted(
        [a, b, n]
        for a, b, n in con.execute(f"""
        WITH g AS (SELECT name, lag(name) OVER w AS was, t - lag(t) OVER w AS before FROM events WINDOW w AS (PARTITION BY p ORDER BY t))
        SELECT was, name, count(*) FROM g WHERE before <= {gap} GROUP BY 1, 2
    """).fetchall()
    )


def _transitions_stream(prepared):
    """One global sort, then a streaming window."""
    con, context = prepared
    gap = context["gap_us"]
    con.execute("SET preserve_insertion_order = true")
    return sorted(
        [a, b, n]
        for a, b, n in con.execute(f"""
        WITH o AS (SELECT p, t, name FROM events ORDER BY p, t),
        g AS (SELECT name, lag(name) OVER () AS was, CASE WHEN lag(p) OVER () = p THEN t - lag(t) OVER () END AS before FROM o)
        SELECT was, name, count(*) FROM g WHERE before <= {gap} GROUP BY 1, 2
    """).fetchall()
    )


def _retention(prepared):
    """Distinct person-days, each person's first day, and a count of differences."""
    con, _ = prepared
    return sorted(
        list(row)
        for row in con.execute("""
        WITH d AS (SELECT DISTINCT p, CAST(t // 86400000000 AS INTEGER) AS day FROM events),
        f AS (SELECT p, min(day) AS first FROM d GROUP BY p)
        SELECT first, day - first AS period, count(*) FROM d JOIN f USING (p) GROUP BY 1, 2
    """).fetchall()
    )


def _retention_bits(prepared):
    """Each person's days as one bit set, then a count of every bit."""
    con, _ = prepared
    return sorted(
        list(row)
        for row in con.execute("""
        WITH b AS (SELECT p, min(t // 86400000000)::INTEGER AS first, bit_or(1::BIGINT << (t // 86400000000 - 20729)::INTEGER) AS days FROM events GROUP BY p)
        SELECT first, d AS period, count(*) FROM b, range(0, 31) r(d) WHERE first + d - 20729 < 31 AND (days >> (first + d - 20729)::INTEGER) & 1 = 1 GROUP BY 1, 2
    """).fetchall()
    )


CASES = {
    "funnel ASOF": _funnel_asof,
    "funnel running maxima": _funnel_one_sort,
    "sessions one window": _sessions_window,
    "sessions sort + streaming lag": _sessions_stream,
    "sessions whole row": _sessions_row,
    "transitions one window": _transitions_window,
    "transitions sort + streaming lag": _transitions_stream,
    "retention distinct days": _retention,
    "retention bit sets": _retention_bits,
}
