"""Polars over the same Parquet files with its streaming engine."""

import os

import polars as pl


def prepare(context):
    """The lazy frame; the thread count is taken from POLARS_MAX_THREADS, which run.py sets."""
    assert pl.thread_pool_size() == context["threads"], os.environ.get("POLARS_MAX_THREADS")
    frame = pl.scan_parquet(context["files"]).select(p="person_key", t=pl.col("event_time").dt.epoch("us"), name="name")
    return frame, context


def _funnel(prepared):
    """One sort by (person, time, later step first), then forward-filled latest starts; exact, and Polars' fastest form."""
    frame, context = prepared
    window = context["window_us"]
    steps = dict(zip(context["funnel"], (1, 2, 3, 4), strict=True))
    level = (
        frame.filter(pl.col("name").is_in(list(steps)))
        .with_columns(k=pl.col("name").replace_strict(steps, return_dtype=pl.Int8))
        .select("p", "t", "k")
        .sort("p", "t", pl.col("k"), descending=[False, False, True])
    )
    level = level.with_columns(new=pl.col("p") != pl.col("p").shift(1, fill_value=-(1 << 62)))
    level = level.with_columns(a1=_latest(pl.when(pl.col("k") == 1).then("t")))
    for k in (2, 3):
        reached = (pl.col("k") == k) & (pl.col("t") - pl.col(f"a{k - 1}") <= window)
        level = level.with_columns(_latest(pl.when(reached).then(pl.col(f"a{k - 1}"))).alias(f"a{k}"))
    done = (
        level.select(
            "p",
            r=pl.when((pl.col("k") == 4) & (pl.col("t") - pl.col("a3") <= window)).then(4)
            .when(pl.col("a3").is_not_null()).then(3).when(pl.col("a2").is_not_null()).then(2).when(pl.col("a1").is_not_null()).then(1).otherwise(0),
        )
        .group_by("p").agg(pl.col("r").max())
        .select(*[(pl.col("r") >= k).sum().alias(str(k)) for k in (1, 2, 3, 4)])
    )  # fmt: skip
    return list(done.collect(engine="streaming").row(0))


def _latest(start):
    """The latest start so far of the same person: a forward fill that a person's first row stops."""
    held = pl.when(pl.col("new") & start.is_null()).then(-(1 << 62)).otherwise(start).forward_fill()
    return pl.when(held > -(1 << 62)).then(held)


def _gaps(frame):
    same = pl.col("p") == pl.col("p").shift(1)
    return frame.with_columns(before=pl.when(same).then(pl.col("t") - pl.col("t").shift(1)))


def _sessions(prepared):
    """One sort, differences of neighbours."""
    frame, context = prepared
    gap = context["gap_us"]
    starts = pl.col("before").is_null() | (pl.col("before") > gap)
    ordered = _gaps(frame.select("p", "t").sort("p", "t"))
    found = ordered.select(
        starts.sum().alias("sessions"),
        (starts & starts.shift(-1, fill_value=True)).sum().alias("single"),
        pl.col("before").filter(pl.col("before") <= gap).sum().alias("duration"),
    ).collect(engine="streaming")
    sessions, single, duration = found.row(0)
    return [sessions, single, round(duration / sessions / 1e6, 3)]


def _sessions_row(prepared):
    """All that footfall says about sessions: sessions numbered by a running sum, then grouped."""
    frame, context = prepared
    begins = pl.col("before").is_null() | (pl.col("before") > context["gap_us"])
    numbered = _gaps(frame.select("p", "t").sort("p", "t")).with_columns(session=begins.cast(pl.Int32).cum_sum())
    each = numbered.group_by("session").agg(pl.col("p").first(), n=pl.len(), us=pl.col("t").max() - pl.col("t").min())
    row = (
        each.select(
            pl.len().alias("sessions"), pl.col("p").n_unique(), pl.col("n").sum(), (pl.col("n") == 1).sum().alias("single"), pl.col("us").mean().alias("mean"),
            pl.col("us").quantile(0.5, "linear").alias("median"), pl.col("us").quantile(0.9, "linear").alias("p90"),
        )
        .collect(engine="streaming")
        .row(0)
    )  # fmt: skip
    return [int(value) for value in row[:4]] + [round(float(value) / 1e6, 3) for value in row[4:]]


def _transitions(prepared):
    """One sort, the neighbour's name."""
    frame, context = prepared
    ordered = _gaps(frame.select("p", "t", "name").sort("p", "t")).with_columns(was=pl.col("name").shift(1))
    counted = ordered.filter(pl.col("before") <= context["gap_us"]).group_by("was", "name").len().collect(engine="streaming")
    return sorted([a, b, n] for a, b, n in counted.rows())


def _retention(prepared):
    """Distinct person-days joined with first days."""
    frame, _ = prepared
    days = frame.select("p", day=(pl.col("t") // 86_400_000_000).cast(pl.Int32)).unique()
    first = days.group_by("p").agg(first=pl.col("day").min())
    counted = days.join(first, on="p").group_by("first", (pl.col("day") - pl.col("first")).alias("period")).len().collect(engine="streaming")
    return sorted(list(row) for row in counted.rows())


CASES = {"funnel": _funnel, "sessions": _sessions, "sessions whole row": _sessions_row, "transitions": _transitions, "retention": _retention}
