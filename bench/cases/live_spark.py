"""Spark Structured Streaming over the stream: `local[2]`, five micro-batches, a watermark of 10 s, state in memory with its checkpoints on disk.

Spark's own windows answer R2, W and S.  R1 has no operator of its own; its ways are the same vectorised rule as Python over buckets of keys with
`applyInPandasWithState`, and a window function over the plays of the last half hour in `foreachBatch`.  What each rule finds is counted by an observer; the
rows go to the sink that drops them.  A last event, hours later, closes every window.
"""

import os
import shutil
import sys
import time
from pathlib import Path

WITHIN_US, LATENESS_US = 1_800_000_000, 10_000_000
BUCKETS, BATCHES = 8, 5
END = "end of stream"


def prepare(context):
    """The JVM and a session; the input as a folder whose files Spark takes in order, and its end."""
    from datetime import UTC, datetime

    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyspark.sql import SparkSession

    folder = Path(context["scratch"]) / "spark"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "in").mkdir(parents=True)
    for place, path in enumerate(context["stream"]["parquet"]):
        shutil.copyfile(path, folder / "in" / Path(path).name)
        os.utime(folder / "in" / Path(path).name, (1_000_000_000 + place,) * 2)
    parts = context["stream"]["parquet"]
    files = len(parts) // BATCHES
    for place in range(files + 1):  # the first of them moves the watermark, and the batch after it closes the windows
        last = datetime(2026, 11, 30, 3 if place < files else 6, tzinfo=UTC)
        end = pa.table({"user_id": [END], "track_id": [END], "name": [END], "event_time": [last], "received_time": [last], "position": [-1]})
        pq.write_table(end.cast(pq.read_schema(parts[0])), folder / "in" / f"z-{place}.parquet")
        os.utime(folder / "in" / f"z-{place}.parquet", (1_500_000_000 + place,) * 2)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])  # its workers load the rule by its name
    session = SparkSession.builder.master(f"local[{context['threads']}]").appName("live")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "4g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": str(context["threads"]),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.streaming.numRecentProgressUpdates": "1000",
        "spark.sql.adaptive.enabled": "false",
        "spark.local.dir": str(folder / "local"),
        "spark.log.level": "ERROR",
    }.items():
        session = session.config(name, value)
    return session.getOrCreate(), folder, files


def _events(session, folder, files):
    columns = "user_id string, track_id string, name string, event_time timestamp, received_time timestamp, position long"
    read = session.readStream.schema(columns).option("maxFilesPerTrigger", files).option("discardCachedInputRatio", 0).parquet(str(folder / "in"))
    return read.drop("received_time", "position").withWatermark("event_time", f"{LATENESS_US} microseconds")


def _begin(folder, rule, rows, *what):
    """A query that drops its rows and counts them.  The end is left out by the observer: a filter would be pushed below the watermark."""
    from pyspark.sql import functions as f

    observed = rows.observe(rule, *(f.expr(one) for one in what or ["count(1) AS n"]))
    return (
        observed.writeStream.format("noop")
        .outputMode("append")
        .option("checkpointLocation", str(folder / f"state-{rule}"))
        .trigger(availableNow=True)
        .start()
    )


def _found(query, rule, name="n"):
    seen = [progress.observedMetrics.get(rule) for progress in query.recentProgress]
    return sum(getattr(row, name) or 0 for row in seen if row is not None)


def _above(session, folder, files):
    from pyspark.sql import functions as f

    events = _events(session, folder, files)
    return events.groupBy(f.window("event_time", "10 seconds"), "user_id").count().where("count > 10")


def _by_name(session, folder, files):
    from pyspark.sql import functions as f

    return _events(session, folder, files).groupBy(f.window("event_time", "10 seconds"), "name").count()


def _sessions(session, folder, files):
    from pyspark.sql import functions as f

    return _events(session, folder, files).groupBy(f.session_window("event_time", "5 minutes"), "user_id").count()


def _repeats(_key, groups, state):
    """R1 over one bucket of keys: what it remembers and what came, sorted; plays that are the third or later and have not alerted yet."""
    import pickle

    import numpy as np
    import pandas as pd

    remembered = pickle.loads(state.get[0]) if state.exists else np.zeros((0, 3), np.int64)
    came = [group[["play_key", "us"]].to_numpy(np.int64) for group in groups]
    came = np.concatenate(came)
    rows = np.concatenate([remembered, np.column_stack([came, np.zeros(len(came), np.int64)])])
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    third = np.zeros(len(rows), bool)
    third[2:] = (rows[2:, 0] == rows[:-2, 0]) & (rows[2:, 1] - rows[:-2, 1] <= WITHIN_US)
    new = int((third & (rows[:, 2] == 0)).sum())
    rows[:, 2] |= third
    state.update((pickle.dumps(rows[rows[:, 1] >= rows[:, 1].max() - WITHIN_US - LATENESS_US]),))
    yield pd.DataFrame({"n": [new]})


def _bucketed(session, folder, files):
    from pyspark.sql import functions as f

    plays = (
        _events(session, folder, files)
        .where("name = 'play'")
        .select(f.xxhash64("user_id", "track_id").alias("play_key"), f.unix_micros("event_time").alias("us"))
    )
    keyed = plays.withColumn("bucket", f.expr(f"pmod(play_key, {BUCKETS})"))
    return keyed.groupBy("bucket").applyInPandasWithState(_repeats, "n long", "rows binary", "update", "NoTimeout")


def _run_bucketed(session, folder, files):
    from pyspark.sql import functions as f

    rows = _bucketed(session, folder, files).observe("r1", f.expr("sum(n) AS n"))
    return (
        rows.writeStream.format("noop").outputMode("update").option("checkpointLocation", str(folder / "state-r1")).trigger(availableNow=True).start()
    )


def _tables(session, folder, files, found):
    """R1 with a window function over the plays of the last half hour, which are a Parquet file between batches."""
    from pyspark.sql import functions as f
    from pyspark.sql.window import Window

    def take(batch, number):
        kept, older = folder / f"plays-{number}", folder / f"plays-{number - 1}"
        rows = batch.where("name = 'play'").select(
            f.xxhash64("user_id", "track_id").alias("play_key"), f.unix_micros("event_time").alias("us"), f.lit(False).alias("alerted")
        )
        if older.exists():
            rows = rows.unionByName(session.read.parquet(str(older)))
        third = f.coalesce(f.col("us") - f.lag("us", 2).over(Window.partitionBy("play_key").orderBy("us")) <= WITHIN_US, f.lit(False))
        seen = rows.withColumn("third", third).persist()
        counted = seen.agg(f.expr("count_if(third and not alerted)"), f.max("us")).first()
        found.append(counted[0])
        since = (counted[1] or 0) - WITHIN_US - LATENESS_US
        seen.where(f.col("us") >= since).select("play_key", "us", (f.col("third") | f.col("alerted")).alias("alerted")).write.mode(
            "overwrite"
        ).parquet(str(kept))
        seen.unpersist()
        shutil.rmtree(older, ignore_errors=True)

    return (
        _events(session, folder, files)
        .writeStream.foreachBatch(take)
        .option("checkpointLocation", str(folder / "state-r1"))
        .trigger(availableNow=True)
        .start()
    )


def _measured(prepared, rules, begin=None):
    """Queries at once, each with its own reading: Spark shares no source between them.  The clock starts when each has done its first batch, which plans and compiles."""
    queries = {rule: (begin or _BEGIN[rule])(*prepared) for rule in rules}
    while not all(any(progress.numInputRows for progress in query.recentProgress) or not query.isActive for query in queries.values()):
        time.sleep(0.01)
    began = time.perf_counter()
    done = sum(progress.numInputRows for query in queries.values() for progress in query.recentProgress) / len(queries)
    for query in queries.values():
        query.awaitTermination()
    seconds = time.perf_counter() - began
    rows = sum(progress.numInputRows for query in queries.values() for progress in query.recentProgress) / len(queries)
    return queries, {"seconds": seconds, "result": {"events": round(rows - done)}}


def _run(prepared, rules):
    queries, measured = _measured(prepared, rules)
    for rule, query in queries.items():
        measured["result"]["w_rows" if rule == "w" else rule] = _found(query, rule)
        if rule == "w":
            measured["result"]["w_sum"] = _found(query, rule, "total")
    return measured


def _run_tables(prepared):
    found = []
    _, measured = _measured(prepared, ["r1"], lambda session, folder, files: _tables(session, folder, files, found))
    measured["result"]["r1"] = sum(found)
    return measured


_BEGIN = {
    "read": lambda *prepared: _begin(prepared[1], "read", _events(*prepared)),
    "r1": _run_bucketed,
    "r2": lambda *prepared: _begin(prepared[1], "r2", _above(*prepared)),
    "w": lambda *prepared: _begin(
        prepared[1], "w", _by_name(*prepared), f"count_if(name <> '{END}') AS n", f"sum(if(name <> '{END}', count, 0)) AS total"
    ),
    "s": lambda *prepared: _begin(prepared[1], "s", _sessions(*prepared), f"count_if(user_id <> '{END}') AS n"),
}
CASES = {rule: (lambda prepared, rule=rule: _run(prepared, [rule])) for rule in _BEGIN}
CASES |= {"all": lambda prepared: _run(prepared, ["r1", "r2", "w", "s"]), "r1 tables": _run_tables}


def close(prepared):
    """Stop the JVM."""
    prepared[0].stop()
