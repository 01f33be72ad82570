"""footfall over its own lake: the analyses as every face asks for them, from snapshot to answer."""

from datetime import date
from pathlib import Path

from footfall.analyses import Funnel, Retention, Sessions, Transitions
from footfall.analyses.spec.build import build
from footfall.engines import DuckDBEngine
from footfall.event.schema import event_schema
from footfall.lake.delta import DeltaLake


def prepare(context):
    """An engine over the newest version of the lake."""
    lake = DeltaLake(Path(context["root"]), event_schema({}))
    return DuckDBEngine(lake.snapshot(), threads=context["threads"]), context


def _funnel(prepared):
    """The people who reach each step within the window."""
    engine, context = prepared
    asked = build(Funnel, {"steps": context["funnel"], "window": f"{context['window_us']}us"})
    return asked.answer(engine).table.column("people").to_pylist()


def _sessions(prepared):
    """How many sessions, how many with one event, their mean length."""
    engine, context = prepared
    row = build(Sessions, {"gap": f"{context['gap_us']}us"}).answer(engine).rows[0]
    return [row["sessions"], row["single_event_sessions"], round(row["mean_duration_s"], 3)]


def _sessions_row(prepared):
    """The same call: footfall always says the exact median and 90th percentile too."""
    engine, context = prepared
    row = build(Sessions, {"gap": f"{context['gap_us']}us"}).answer(engine).rows[0]
    whole = [row[name] for name in ("sessions", "people", "events", "single_event_sessions")]
    return whole + [round(row[name], 3) for name in ("mean_duration_s", "median_duration_s", "p90_duration_s")]


def _transitions(prepared):
    """What follows what inside a session."""
    engine, context = prepared
    rows = build(Transitions, {"gap": f"{context['gap_us']}us"}).answer(engine).rows
    return sorted([row["source"], row["target"], row["count"]] for row in rows)


def _retention(prepared):
    """Day by day, every cohort."""
    engine, _ = prepared
    rows = build(Retention, {"periods": 30}).answer(engine).rows
    epoch = date(1970, 1, 1)
    return sorted([(date.fromisoformat(row["cohort"]) - epoch).days, row["period"], row["returned"]] for row in rows if row["returned"])


CASES = {"funnel": _funnel, "sessions": _sessions, "sessions whole row": _sessions_row, "transitions": _transitions, "retention": _retention}
