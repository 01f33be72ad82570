"""footfall's live path over the stream: its own operators, micro-batches of up to 50,000 events, each committed to SQLite with its state.

`columns` are decoded before the clock runs; `log` is Segment's JSON in the event log, which is read, settled and taken as `footfall up` does; `day` is a day of
event time with other people every hour.
"""

import shutil
import sqlite3
from pathlib import Path

import numpy as np

import live_rules
from measure import resident_mb

AT_ONCE = 50_000
A_DAYS_BATCH = 5_000  # a table is swept for what is over a sixteenth a batch, so an hour must have more batches than that
VIEWS_AND_RULES = """
[[rule]]
name = "r1"
kind = "repeat"
key = ["user_id", "{track}"]
where = ["name=play"]
times = 3
within = "30m"

[[rule]]
name = "r2"
kind = "threshold"
key = ["user_id"]
window = {{ tumbling = "10s" }}
alert_above = 10

[[view]]
name = "w"
keys = ["name"]
window = {{ tumbling = "10s" }}

[[view]]
name = "s"
keys = ["user_id"]
window = {{ session = "5m" }}
"""


def declared(rules, track="track_id"):
    """The tables of footfall.toml for some of the rules."""
    tables = VIEWS_AND_RULES.format(track=track).strip().split("\n\n")
    return "\n\n".join(table for table in tables if any(f'name = "{rule}"' in table for rule in rules))


def project_at(folder, rules, views="[]"):
    """A new project with these rules, and with the built-in views that `views` lists."""
    import footfall
    from footfall.app.project import init_project

    shutil.rmtree(folder, ignore_errors=True)
    init_project(folder)
    with (folder / "footfall.toml").open("a") as out:
        out.write(f"\n[live]\nviews = {views}\n\n{declared(rules, 'properties.track_id')}\n")
    return footfall.open(folder)


def prepare(context):
    """The libraries, and the compiled loops: a first run over little."""
    import pyarrow.parquet as pq

    from footfall.app.live import path, plan  # noqa: F401 - importing is start-up

    folder = Path(context["scratch"]) / "live"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    context["folder"] = folder
    little = pq.read_table(context["stream"]["parquet"][0]).slice(0, 1_000)
    _take_all([[little]], _operators(live_rules.RULES), folder / "warm.db")
    return context


def _operators(rules):
    import tomllib

    import msgspec

    from footfall.app.live.plan import _decode
    from footfall.rules.menu import rule_of
    from footfall.stream.view import View, ViewOperator

    tables = tomllib.loads(declared(rules))
    lateness_us = live_rules.LATENESS_US
    views = [ViewOperator(msgspec.convert(one, View, dec_hook=_decode), lateness_us=lateness_us) for one in tables.get("view", ())]
    return [*(rule_of(one).operator(lateness_us=lateness_us) for one in tables.get("rule", ())), *views]


def _take_all(groups, operators, database):
    """Every batch of every group; the seconds that taking and committing cost."""
    import time

    from footfall.stream.runtime import LivePath
    from footfall.stream.store.sqlite import SqliteViews

    store = SqliteViews(database)
    path = LivePath(operators, store, "bench", beside=True)
    times, rests, end = [], [], 0
    for group in groups:
        for batch in group:
            end += len(batch)
            began = time.perf_counter()
            path.take({"events": batch}, end)
            times.append(time.perf_counter() - began)
        began = time.perf_counter()
        path.drain()
        rests.append(time.perf_counter() - began)
    path.close()
    steps = {name: round(ns / 1e9, 3) for name, ns in path.timings_ns.items()}
    store.close()
    return times, sum(times) + sum(rests), steps


def _batches(stream):
    """Groups of batches of AT_ONCE events; a group is read before the clock runs."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = -(-10 * AT_ONCE * len(stream["parquet"]) // stream["rows"])  # hold ten batches
    for begin in range(0, len(stream["parquet"]), files):
        table = pa.concat_tables(pq.read_table(path) for path in stream["parquet"][begin : begin + files]).combine_chunks()
        yield [table.slice(row, AT_ONCE) for row in range(0, len(table), AT_ONCE)]


def _columns(context, rules):
    """Some of the rules over decoded columns."""
    database = context["folder"] / "state.db"
    times, seconds, steps = _take_all(_batches(context["stream"]), _operators(rules), database)
    found = _found(database, rules) | {"batch_p50_ms": 1e3 * float(np.quantile(times, 0.5)), "batch_p99_ms": 1e3 * float(np.quantile(times, 0.99))}
    return {"seconds": seconds, "result": found | {"steps_s": steps}}


def _found(database, rules):
    """What the store says."""
    from footfall.stream.store.layout import table_of
    from footfall.stream.store.reading import SqliteReader

    reader = SqliteReader(database)
    counters = reader.counters()
    reader.close()
    found = {rule: counters.get((f"rule:{rule}", "alerts"), 0) for rule in rules if rule in ("r1", "r2")}
    with sqlite3.connect(database) as connection:
        if "w" in rules:
            found["w_rows"], found["w_sum"] = connection.execute(f'SELECT count(*), sum("count") FROM {table_of("w")}').fetchone()
        if "s" in rules:
            found["s"] = connection.execute(f"SELECT count(*) FROM {table_of('s')}").fetchone()[0]
    return found


# --- JSON in the log ---------------------------------------------------------------------------------------------------


def fill_log(project, groups):
    """Tables of events as Segment's batches of 100 in the project's log, ten of them a commit; the bytes of the bodies."""
    import live_data
    from footfall.eventlog.contract import Counts, Frame, Group
    from footfall.eventlog.opening import open_log

    log = open_log(project.config.log, project.path)
    size = 0
    try:
        for table in groups:
            frames = []
            for body, count, received_us in live_data.bodies(table, 100):
                size += len(body)
                frames.append(Frame("events", "segment", "raw", count, received_us, body, path="/v1/batch"))
            for begin in range(0, len(frames), 10):
                here = frames[begin : begin + 10]
                events = sum(frame.count for frame in here)
                log.append(Group(here, b"\0" * 8 * events, Counts(events, events), here[-1].received_us))
    finally:
        log.close()
    return size


def _log(context, views="[]"):
    """From the log to the committed state, as the running project does it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = context["stream"]["parquet"]
    some = pa.concat_tables(pq.read_table(part) for part in parts[: -(-20 * AT_ONCE // context["stream"]["rows"])]).slice(0, AT_ONCE)
    for rows in (1_000, len(some)):  # small and large batches come in different arrays, for which the loops are compiled apart
        _through_log(context["folder"] / "warm", views, [some.slice(0, rows)])
    return _through_log(context["folder"] / "project", views, (pq.read_table(part) for part in parts))


def _through_log(folder, views, groups):
    import time

    from footfall.app.live.path import ProjectPath
    from footfall.eventlog.opening import open_log

    project = project_at(folder, live_rules.RULES, views)
    size = fill_log(project, groups)
    log = open_log(project.config.log, project.path, read_only=True)
    path = ProjectPath(project, log)
    end = log.end()
    began = time.perf_counter()
    while path.path.taken.position < end:
        path.step(end)
    path.path.drain()
    seconds = time.perf_counter() - began
    steps = {name: round(ns / 1e9, 3) for name, ns in path.path.timings_ns.items()}
    path.close()
    log.close()
    found = _found(project.path / ".footfall" / "state.db", live_rules.RULES)
    return {"seconds": seconds, "result": found | {"body_bytes": size, "steps_s": steps}}


# --- memory ------------------------------------------------------------------------------------------------------------


def _day(context):
    """A day of event time, an hour of new people at a time; the memory at the end of each hour, and the rows of state."""
    import time

    import live_data
    from footfall.stream.runtime import LivePath
    from footfall.stream.store.sqlite import SqliteViews

    store = SqliteViews(context["folder"] / "day.db")
    operators = _operators(live_rules.RULES)
    path = LivePath(operators, store, "day")
    hours, end, seconds = [], 0, 0.0
    for hour in range(24):
        found = live_data.events(context["an_hour"], seed=hour, shape="calm")
        found["person"] += hour * 10_000_000
        for name in ("event_us", "received_us"):
            found[name] += hour * 3_600_000_000
        whole = live_data.table(found, context["an_hour"])
        began = time.perf_counter()
        for begin in range(0, len(whole), A_DAYS_BATCH):
            batch = whole.slice(begin, A_DAYS_BATCH)
            end += len(batch)
            path.take({"events": batch}, end)
        store.prune(path.moment.clock_us, {})
        seconds += time.perf_counter() - began
        rows = sum(len(table) for one in operators for table in one.tables().values())
        hours.append([resident_mb(), rows, sum(table.size_bytes for one in operators for table in one.tables().values()) / 1e6])
    store.close()
    return {"seconds": seconds, "result": {"hours": hours, "events": end}}


CASES = {
    **{rule: (lambda context, rule=rule: _columns(context, [rule])) for rule in live_rules.RULES},
    "all": lambda context: _columns(context, live_rules.RULES),
    "log": _log,
    "log with built-in views": lambda context: _log(context, '["active", "active_users", "events", "pages", "recent_pages", "sessions"]'),
    "day": _day,
}
