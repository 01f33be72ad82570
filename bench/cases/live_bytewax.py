"""Bytewax over the stream: a `stateful_flat_map` for each rule, and the library's own windows as the other way.

One worker: the lock of Python lets no second thread run, and two processes exchange every event by key.
"""

from bisect import insort
from collections import Counter
from datetime import UTC, datetime, timedelta

PLAYS_WITHIN_US, R2_MORE_THAN, WINDOW_US, GAP_US, LATENESS_US = 1_800_000_000, 10, 10_000_000, 300_000_000, 10_000_000
BATCH = 1_000


def prepare(context):
    """The library, imported, and an input of batches of BATCH events (user, track, name, event_us)."""
    import bytewax.operators.windowing  # noqa: F401 - importing is start-up
    import pyarrow as pa
    import pyarrow.parquet as pq
    from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

    def batches():
        for path in context["stream"]["parquet"]:
            for batch in pq.ParquetFile(path).iter_batches(BATCH, columns=["user_id", "track_id", "name", "event_time"]):
                columns = [batch.column(0), batch.column(1), batch.column(2), batch.column(3).cast(pa.int64())]
                yield list(zip(*(column.to_pylist() for column in columns), strict=True))

    class Rows(StatefulSourcePartition):
        def __init__(self):
            self.batches = batches()

        def next_batch(self):
            return next(self.batches)

        def snapshot(self):
            return None

    class Source(FixedPartitionedSource):
        def list_parts(self):
            return ["all"]

        def build_part(self, step_id, for_part, resume_state):
            return Rows()

    return Source()


def _third_play(seen, us):
    """R1 with the plays of the last half hour and of the time that others may be late."""
    seen = [] if seen is None else seen
    insort(seen, us)
    at = seen.index(us)
    alert = any(seen[begin + 2] - seen[begin] <= PLAYS_WITHIN_US for begin in range(max(0, at - 2), min(at, len(seen) - 3) + 1))
    while seen[-1] - seen[0] > PLAYS_WITHIN_US + LATENESS_US:
        del seen[0]
    return seen, (1,) if alert else ()


def _eleventh(windows, us):
    """R2, at the event that is one too many; windows are forgotten when nothing can come for them."""
    windows = {} if windows is None else windows
    window = us // WINDOW_US
    windows[window] = count = windows.get(window, 0) + 1
    if len(windows) > 2:
        for old in [one for one in windows if one < window - 2]:
            del windows[old]
    return windows, (1,) if count == R2_MORE_THAN + 1 else ()


def _windows():
    """W: counts of windows when nothing can come for them any more, and at the end."""
    from bytewax.operators import StatefulBatchLogic

    class Windows(StatefulBatchLogic):
        def __init__(self, counts):
            self.counts = counts or {}

        def on_batch(self, values):
            for window, count in values:
                self.counts[window] = self.counts.get(window, 0) + count
            newest = max(self.counts)
            return [self.counts.pop(one) for one in list(self.counts) if one < newest - 2], False

        def on_eof(self):
            return list(self.counts.values()), True

        def snapshot(self):
            return dict(self.counts)

    return Windows


def _session(state, us):
    """S: one more, or one less when a late event joins the two last sessions.  State: the end of the one before, begin and end."""
    if state is None:
        return (None, us, us), (1,)
    before, begin, end = state
    if us - end > GAP_US:
        return (end, us, us), (1,)
    begin, end = min(begin, us), max(end, us)
    if before is not None and begin - before <= GAP_US:
        return (None, begin, end), (-1,)
    return (before, begin, end), ()


def _by_play(rows):
    return [(f"{user} {track}", us) for user, track, name, us in rows if name == "play"]


def _by_user(rows):
    return [(row[0], row[3]) for row in rows]


def _by_name(rows):
    counts = Counter((name, us // WINDOW_US) for _, _, name, us in rows)
    return [(name, (window, count)) for (name, window), count in counts.items()]


HAND = {"r1": (_by_play, _third_play), "r2": (_by_user, _eleventh), "s": (_by_user, _session)}


def _by_hand(op, rule, stream):
    if rule == "w":
        return op.stateful_batch(rule, op.flat_map_batch("key_w", stream, _by_name), _windows())
    keyed, logic = HAND[rule]
    return op.stateful_flat_map(rule, op.flat_map_batch(f"key_{rule}", stream, keyed), logic)


def _windowed(op, rule, stream):
    """R2, W and S with Bytewax's clocks and windows."""
    from bytewax.operators import windowing

    place = 2 if rule == "w" else 0
    keyed = op.flat_map_batch(f"key_{rule}", stream, lambda rows: [(row[place], row[3]) for row in rows])
    clock = windowing.EventClock(lambda pair: datetime.fromtimestamp(pair[1] / 1e6, UTC), timedelta(microseconds=LATENESS_US))
    if rule == "s":
        windower = windowing.SessionWindower(gap=timedelta(microseconds=GAP_US))
    else:
        windower = windowing.TumblingWindower(length=timedelta(microseconds=WINDOW_US), align_to=datetime(2026, 1, 1, tzinfo=UTC))
    counted = windowing.count_window(f"window_{rule}", keyed, clock, windower, key=lambda pair: pair[0]).down
    if rule == "w":
        return op.map_value(f"counts_{rule}", counted, lambda pair: pair[1])
    return op.flat_map_value(f"found_{rule}", counted, lambda pair: (1,) if rule == "s" or pair[1] > R2_MORE_THAN else ())


def _run(prepared, rules, built=_by_hand):
    """One dataflow with these rules; what each emitted, added up."""
    import bytewax.operators as op
    from bytewax.dataflow import Dataflow
    from bytewax.outputs import DynamicSink, StatelessSinkPartition
    from bytewax.testing import run_main

    totals = dict.fromkeys(rules, 0)

    class Adding(StatelessSinkPartition):
        def __init__(self, rule):
            self.rule = rule

        def write_batch(self, items):
            totals[self.rule] += sum(value for _, value in items)

    class Sink(DynamicSink):
        def __init__(self, rule):
            self.rule = rule

        def build(self, step_id, worker_index, worker_count):
            return Adding(self.rule)

    flow = Dataflow("live")
    stream = op.input("rows", flow, prepared)
    for rule in rules:
        op.output(f"sink_{rule}", built(op, rule, stream), Sink(rule))
    run_main(flow)
    if "w" in totals:
        totals["w_sum"] = totals.pop("w")
    return totals


CASES = {
    "r1": lambda prepared: _run(prepared, ["r1"]),
    "r2": lambda prepared: _run(prepared, ["r2"]),
    "w": lambda prepared: _run(prepared, ["w"]),
    "s": lambda prepared: _run(prepared, ["s"]),
    "all": lambda prepared: _run(prepared, ["r1", "r2", "w", "s"]),
    "r2 windows": lambda prepared: _run(prepared, ["r2"], _windowed),
    "w windows": lambda prepared: _run(prepared, ["w"], _windowed),
    "s windows": lambda prepared: _run(prepared, ["s"], _windowed),
}
