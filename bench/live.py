"""The live path beside stream engines, over one stream with four rules; what they must find is counted by brute force (`live_rules.py`).

Each cell is a process of its own with a time limit.  Its rate leaves out start-up: imports, the JVM, planning and the start of a cluster, and for Spark the first
micro-batch, which compiles.  Memory is what the whole tree of processes held at most (PSS).  The peers keep nothing on disk but Spark's checkpoints;
footfall commits state, view rows and alerts of every micro-batch.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import door
import live_data
import live_rules
import peers

HERE = Path(__file__).resolve().parent
LOOK_S = 0.4
LIMIT_S = 150
CASES = (*live_rules.RULES, "all")
TRACK = "properties.track_id"
OWN = Path(sys.executable)


@dataclass(frozen=True)
class Engine:
    """A peer: its environment, its module, and further ways to answer a rule, which only a run with every way tries."""

    environment: peers.Environment
    module: str
    further: dict[str, tuple[str, ...]]


ENGINES = {
    "Bytewax 0.21": Engine(peers.STREAMS["bytewax"], "live_bytewax", {"r2": ("r2 windows",), "w": ("w windows",), "s": ("s windows",)}),
    "Flink SQL 2.3": Engine(peers.STREAMS["flink"], "live_flink", {"r1": ("r1 rows",), "read": ("read",)}),
    "Spark 4.3": Engine(peers.STREAMS["spark"], "live_spark", {"r1": ("r1 tables",), "read": ("read",)}),
}


@dataclass
class Plan:
    """How much is measured."""

    rows: int  # of the stream that everybody reads
    many: int  # of the one that footfall alone reads
    an_hour: int  # of the day in memory
    rates: tuple[int, ...]
    seconds: float
    cases: tuple[str, ...]


FULL = Plan(400_000, 5_000_000, 60_000, (5_000, 20_000, 50_000), 7.0, CASES)
QUICK = Plan(50_000, 50_000, 5_000, (2_000,), 1.0, ("all",))


def measure(
    results: Path, *, quick: bool, with_peers: bool, all_ways: bool, threads: int
) -> tuple[list[dict], list[tuple[str, list[dict[str, str]]]]]:
    """Everything; each measured cell, and the tables."""
    plan = QUICK if quick else FULL
    with tempfile.TemporaryDirectory(prefix="live-", dir=results / "scratch") as scratch:
        context = {"threads": threads, "scratch": scratch}
        own = {case: _once("footfall", OWN, "footfall_live", case, _on(results, plan.rows, context)) for case in CASES}
        engines = _peers(results, plan, context, all_ways=all_ways) if with_peers else {}
        found = [cell for cells in (own, *engines.values()) for cell in cells.values()]
        further, alone = _alone(results, plan, context)
        from_http, alerts = _from_http(plan, Path(scratch) / "door")
        day = _once("footfall", OWN, "footfall_live", "day", {**_on(results, plan.rows, context), "an_hour": plan.an_hour})
    shown = [
        (f"The live path, {plan.rows / 1e6:g} M events, events a second", _beside(own, engines)),
        ("footfall's live path alone", alone),
        ("From HTTP to a committed alert, milliseconds", alerts),
        (f"Memory over a day of event time, {24 * plan.an_hour / 1e6:g} M events, other people every hour", _hours(day)),
    ]
    return [*found, *further, *from_http, day], shown


def _on(results: Path, rows: int, context: dict, shape: str = "busy") -> dict:
    return {**context, "shape": shape, "stream": live_data.stream(results / "data", rows, shape)}


# --- one cell --------------------------------------------------------------------------------------------------------------


def _once(who: str, python: Path, module: str, case: str, context: dict[str, Any]) -> dict:
    """One case in its own process: its seconds, with and without start-up, the memory of the tree, and whether it found what is to be found."""
    environment = {**os.environ, "POLARS_MAX_THREADS": str(context["threads"]), "NUMBA_NUM_THREADS": str(context["threads"])}
    command = [str(python), str(HERE / "measure.py"), module, case, json.dumps(context), "0"]
    cell: dict[str, Any] = {"who": who, "case": case, "rows": context["stream"]["rows"], "shape": context["shape"]}
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors, env=environment, start_new_session=True)
        cell["peak_mb"] = _watch(process, began + LIMIT_S)
        cell["wall_s"] = time.perf_counter() - began
        out.seek(0), errors.seek(0)
        try:
            done = json.loads(out.read().strip().splitlines()[-1])
        except (IndexError, json.JSONDecodeError):
            cell["failed"] = f"not done in {LIMIT_S} s" if cell["wall_s"] >= LIMIT_S else _reason(errors.read(), process.returncode)
            print(f"  {who:16} {case:12} failed: {cell['failed']}", file=sys.stderr, flush=True)
            return cell
    cell |= {"seconds": done["times_s"][0], "result": done["result"]}
    cell["rate"] = done["result"].get("events", cell["rows"]) / cell["seconds"]
    cell["differs"] = _differences(done["result"], context["stream"]["expected"])
    print(
        f"  {who:16} {case:12} {door.rate(cell['rate']):>8} events/s  {cell['seconds']:6.2f} s of {cell['wall_s']:6.2f} s  {cell['peak_mb']:6.0f} MB"
        f"  {cell['differs'] or 'finds what is to be found'}",
        file=sys.stderr,
        flush=True,
    )
    return cell


def _reason(said: str, status: int) -> str:
    """Why a process failed: the innermost cause that it named, or its last words."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith("Caused by:")] or [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return [f"exit status {status}", *lines[-1:], *causes[-1:]][-1][:200]


def _watch(process: subprocess.Popen, until: float) -> float:
    """Wait for the end, or end it; the most memory that the process and its children held together, MB."""
    peak = 0.0
    mother = psutil.Process(process.pid)
    while process.poll() is None:
        if time.perf_counter() > until:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            break
        held = 0
        try:
            for one in [mother, *mother.children(recursive=True)]:
                held += one.memory_full_info().pss
        except psutil.Error:
            held = 0  # one of them has just ended
        peak = max(peak, held / 1e6)
        time.sleep(LOOK_S)
    return peak


def _differences(found: dict, expected: dict) -> str:
    """What an engine found otherwise."""
    return ", ".join(f"{name} {found[name]:,} for {right:,}" for name, right in expected.items() if name in found and found[name] != right)


# --- the peers -------------------------------------------------------------------------------------------------------------


def _peers(results: Path, plan: Plan, context: dict, *, all_ways: bool) -> dict[str, dict[str, dict]]:
    """who -> case -> its best way."""
    engines: dict[str, dict[str, dict]] = {}
    for who, engine in ENGINES.items():
        if reason := engine.environment.install():
            print(f"  {who} cannot be installed: {reason}", file=sys.stderr)
            engines[who] = {"all": {"who": who, "case": "all", "failed": f"cannot be installed: {reason}"}}
            continue
        for case in (*plan.cases, *(("read",) if all_ways and "read" in engine.further else ())):
            ways = dict.fromkeys((case, *(engine.further.get(case, ()) if all_ways else ())))
            tried = [_once(who, engine.environment.python, engine.module, way, _on(results, plan.rows, context)) for way in ways]
            engines.setdefault(who, {})[case] = max(tried, key=lambda cell: cell.get("rate", 0.0))
    return engines


def _beside(own: dict[str, dict], engines: dict[str, dict[str, dict]]) -> list[dict[str, str]]:
    """A row an engine; in brackets how many times as fast footfall is at the same rule."""
    shown = []
    for who, cells in {"footfall": own, **engines}.items():
        row = {"engine": who}
        for case in (*CASES, *(("read",) if any("read" in found for found in engines.values()) else ())):
            cell = cells.get(case)
            if cell is None:
                row[_title(case)] = ""
            elif "failed" in cell:
                row[_title(case)] = cell["failed"]
            else:
                faster = f" ({own[case]['rate'] / cell['rate']:.1f}x)" if who != "footfall" and "rate" in own.get(case, {}) else ""
                row[_title(case)] = door.rate(cell["rate"]) + faster
        last = cells.get("all", {})
        row["s, all four"] = f"{last['seconds']:.1f} of {last['wall_s']:.1f}" if "seconds" in last else ""
        row["peak MB"] = f"{last['peak_mb']:.0f}" if "peak_mb" in last else ""
        unlike = "; ".join(dict.fromkeys(cell["differs"] for cell in cells.values() if cell.get("differs")))
        row["found"] = unlike or ("the same" if any("rate" in cell for cell in cells.values()) else "")
        shown.append(row)
    return shown


def _title(case: str) -> str:
    return {"all": "all four", "read": "reading alone"}.get(case, case.upper())


# --- footfall alone --------------------------------------------------------------------------------------------------------


def _alone(results: Path, plan: Plan, context: dict) -> tuple[list[dict], list[dict[str, str]]]:
    """All four rules over more events, calmer people, and JSON in the log."""
    asked = [
        ("decoded columns", "all", plan.many, "calm"), ("JSON in the log", "log", plan.rows, "calm"),
        ("JSON in the log, built-in views too", "log with built-in views", plan.rows, "calm"),
    ]  # fmt: skip
    cells, shown = [], []
    for source, case, rows, shape in asked:
        cell = _once("footfall", OWN, "footfall_live", case, _on(results, rows, context, shape))
        cells.append(cell)
        found = cell.get("result", {})
        shown.append({
            "from": source, "events": f"{rows / 1e6:g} M, {shape}", "events/s": cell["failed"] if "failed" in cell else door.rate(cell["rate"]),
            "one alert in": "" if "r1" not in found else f"{rows / max(1, found['r1'] + found['r2']):.0f} events",
            "batch p50 / p99 ms": f"{found['batch_p50_ms']:.0f} / {found['batch_p99_ms']:.0f}" if "batch_p50_ms" in found else "",
            "peak MB": f"{cell['peak_mb']:.0f}", "found": cell.get("differs") or "the same",
            "steps, s": ", ".join(f"{name} {took:.1f}" for name, took in found.get("steps_s", {}).items() if took >= 0.1),
        })  # fmt: skip
    return cells, shown


def _from_http(plan: Plan, folder: Path) -> tuple[list[dict], list[dict[str, str]]]:
    """The whole of `footfall up` with the four rules, under each rate."""
    sys.path.insert(0, str(HERE / "cases"))
    from cases import footfall_live

    cells, shown = [], []
    for rate in plan.rates:
        cell = {
            "who": "footfall",
            "case": "from HTTP",
            "rate": rate,
            **_under_load(folder, rate, plan.seconds, footfall_live.declared(live_rules.RULES, TRACK)),
        }
        cells.append(cell)
        print(f"  footfall         from HTTP    {cell}", file=sys.stderr, flush=True)
        shown.append({
            "events/s asked": f"{rate:,}", "reached": cell.get("failed") or f"{cell['reached']:,.0f}",
            "alerts": "" if "failed" in cell else f"{cell['alerts']:,}" + (f", {cell['missing']} missing" if cell["missing"] else ""),
            "seen p50 / p99 / max": _three(cell, "seen_ms"), "raised p50 / p99 / max": _three(cell, "raised_ms"), "micro-batch p50 / p99": _three(cell, "batch_ms"),
            "memory MB": f"{cell['memory_mb']:.0f}" if "memory_mb" in cell else "",
        })  # fmt: skip
    return cells, shown


def _under_load(folder: Path, rate: int, seconds: float, declared: str) -> dict:
    """A server of its own and its load."""
    server = door.Server("with landing", folder, f"\n{declared}\n")
    try:
        command = [sys.executable, str(HERE / "live_load.py"), "--port", str(server.port), "--state", str(folder / ".footfall" / "state.db")]
        command += ["--rate", str(rate), "--seconds", str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
        if done.returncode:
            return {"failed": (done.stderr.strip().splitlines() or ["no reason given"])[-1][:200]}
        return {**json.loads(done.stdout), "memory_mb": server.memory_mb()}
    except subprocess.TimeoutExpired:
        return {"failed": f"not done in {LIMIT_S} s"}
    finally:
        server.stop()


def _three(cell: dict, name: str) -> str:
    return " / ".join(f"{value:.0f}" for value in cell.get(name, ()))


def _hours(day: dict) -> list[dict[str, str]]:
    """Some hours of the day."""
    if "failed" in day:
        return [{"hour": "", "memory MB": day["failed"]}]
    hours = day["result"]["hours"]
    return [
        {
            "hour": str(hour),
            "memory MB": f"{hours[hour - 1][0]:.0f}",
            "rows of state": f"{hours[hour - 1][1]:,}",
            "state MB": f"{hours[hour - 1][2]:.0f}",
        }
        for hour in (1, 2, 3, 6, 12, 18, 24)
    ]
