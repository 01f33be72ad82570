"""footfall beside the best peers, in one run on one machine: `make bench`, or `make bench BENCH=--quick`.

Every measured thing runs in a process of its own, on the same files, with the same number of threads; the figures are
median / best of three to nine runs after a warm-up.  Ratios compare the best runs, which a busy machine disturbs least: above 1
footfall is faster.  Results of the peers are compared with footfall's.  Everything goes to bench/results (Markdown and JSON), generated logs are kept there for the next run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import data
import door
import live
import peers
import tables

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
FUNNEL_WINDOW_US = 24 * 3_600_000_000
GAP_US = 1_800_000_000
PARTS = ("import", "analyses", "growth", "door", "live")
QUESTIONS = ("funnel", "sessions", "sessions whole row", "transitions", "retention")

# who -> module, how its table is called, and its ways to answer each question.  The fastest way is the peer.
PEERS = {
    "DuckDB": ("duckdb_sql", "parquet", {
        "funnel": ["funnel ASOF", "funnel running maxima"], "sessions": ["sessions one window", "sessions sort + streaming lag"],
        "sessions whole row": ["sessions whole row"],
        "transitions": ["transitions one window", "transitions sort + streaming lag"], "retention": ["retention distinct days", "retention bit sets"],
    }),
    "Polars": ("polars_lazy", "parquet", {question: [question] for question in QUESTIONS}),
    "chDB, Parquet": ("chdb_sql", "parquet", {
        "funnel": ["funnel windowFunnel"], "sessions": ["sessions arrays", "sessions one window"],
        "sessions whole row": ["sessions whole row"],
        "transitions": ["transitions one window", "transitions arrays"], "retention": ["retention arrays"],
    }),
    "chDB, MergeTree": ("chdb_sql", "mergetree", {
        "funnel": ["funnel windowFunnel"], "sessions": ["sessions arrays", "sessions one window"],
        "sessions whole row": ["sessions whole row"],
        "transitions": ["transitions one window", "transitions arrays"], "retention": ["retention arrays"],
        "other": ["sequence sequenceMatch", "cohort retention()"],
    }),
}  # fmt: skip
# Slow at every size we tried; left out of a run unless --all asks for them.
SLOW_WAYS = {"funnel running maxima", "transitions arrays"}


@dataclass
class Bench:
    """The settings of a run and what it measured."""

    threads: int
    repeats: int
    with_peers: bool
    all_ways: bool
    measured: list[dict] = field(default_factory=list)
    tables: list[tuple[str, list[dict[str, str]]]] = field(default_factory=list)
    measured_at_the_door: list[dict] = field(default_factory=list)
    measured_live: list[dict] = field(default_factory=list)

    def measure(self, who: str, question: str, module: str, case: str, **context: object) -> dict | None:
        """One thing in its own process; None (and a line that says why) when it failed."""
        own = module.startswith("footfall")
        python = sys.executable if own else str(peers.QUERIES.python)
        given = {"threads": self.threads, "scratch": str(RESULTS / "scratch"), **context}
        environment = {**os.environ, "POLARS_MAX_THREADS": str(self.threads), "NUMBA_NUM_THREADS": str(self.threads)}
        command = [python, str(HERE / "measure.py"), module, case, json.dumps(given), str(self.repeats)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        try:
            found = json.loads(done.stdout.strip().splitlines()[-1])
        except (IndexError, json.JSONDecodeError):
            reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            print(f"  {who}: {case} failed: {reason[:300]}", file=sys.stderr)
            return None
        found |= {"who": who, "question": question, "way": case, "median_s": statistics.median(found["times_s"]), "best_s": min(found["times_s"])}
        self.measured.append(found)
        shown = f"  {who:28} {case:34} {tables.times(found):>16} s   first {tables.seconds(found['first_s']):>6} s   {found['peak_mb']:6.0f} MB"
        print(shown, file=sys.stderr, flush=True)
        return found

    def add(self, title: str, rows: list[dict[str, str]]) -> None:
        """Keep a finished table, and print it."""
        self.tables.append((title, rows))
        print("\n" + tables.markdown(title, rows), file=sys.stderr, flush=True)


def measure_import(bench: Bench, rows: int) -> None:
    """Import of CSV and NDJSON, beside DuckDB's plain COPY of the same file."""
    table = []
    files = data.shop_files(RESULTS / "data", rows)
    for form, file in files.items():
        size_mb = Path(file).stat().st_size / 1e6
        own = bench.measure("footfall", f"import {form}", "footfall_import", "import", file=file)
        compaction = bench.measure("footfall", f"compact {form}", "footfall_import", "compact", file=file) if form == "csv" else None
        peer = bench.measure("DuckDB COPY", f"import {form}", "duckdb_copy", "copy", file=file) if bench.with_peers else None
        if own is None:
            continue
        count = own["result"][0]
        assert peer is None or peer["result"][0] == count, "both read the same rows"
        table.append(
            {
                "file": f"{form}, {count / 1e6:.1f} M rows, {size_mb:,.0f} MB",
                "footfall s": tables.times(own),
                "footfall rows": tables.rate(count, own["best_s"]),
                "DuckDB COPY s": "" if peer is None else tables.times(peer),
                "ratio": "" if peer is None else f"{peer['best_s'] / own['best_s']:.2f}",
                "footfall peak MB": f"{own['peak_mb']:.0f}",
                "DuckDB peak MB": "" if peer is None else f"{peer['peak_mb']:.0f}",
                "compaction s": "" if compaction is None else tables.times(compaction),
            }
        )
    bench.add("Import beside DuckDB's plain COPY to Parquet", table)


def measure_analyses(bench: Bench, rows: int, kind: str) -> None:
    """The walks over one form of the log beside every way the peers have over the same files."""
    log = data.lakes(RESULTS / "data", rows)
    common = {"funnel": data.FUNNEL, "window_us": FUNNEL_WINDOW_US, "gap_us": GAP_US}
    table = []
    for question in QUESTIONS:
        own = bench.measure(f"footfall, {kind}", question, "footfall_walks", question, root=log[f"{kind}_root"], **common)
        if own is None:
            continue
        own["rows"] = rows
        row = {"question": question, "footfall": tables.times(own)}
        if kind == "compacted" and "whole" not in question:
            landed = bench.measure("footfall, landed", question, "footfall_walks", question, root=log["landed_root"], **common)
            row["landed"] = "failed" if landed is None else tables.times(landed)
        elif kind == "compacted":
            row["landed"] = ""
        _beside_peers(bench, row, own, files=log[kind], **common)
        row["peak MB"] = f"{own['peak_mb']:.0f}"
        table.append(row)
    bench.add(f"{rows / 1e6:g} M events, {log['persons']:,} people, {kind} files, seconds", table)
    if bench.with_peers and kind == "compacted":
        _other_answers(bench, log, common)


def _beside_peers(bench: Bench, row: dict[str, str], own: dict, **context: object) -> None:
    """Fill a row with each peer's fastest way, and with the ratio to the best of them and to the best on the same files."""
    best: list[tuple[float, str]] = []
    for who, (module, table, ways) in PEERS.items() if bench.with_peers else ():
        chosen = [way for way in ways[own["question"]] if bench.all_ways or way not in SLOW_WAYS]
        tried = [bench.measure(who, own["question"], module, way, table=table, **context) for way in chosen]
        done = [one for one in tried if one is not None]
        if not done:
            row[who] = "failed"
            continue
        fastest = min(done, key=lambda one: one["best_s"])
        row[who] = tables.times(fastest) + ("" if all(one["result"] == own["result"] for one in done) else " (differs)")
        best.append((fastest["best_s"], who))
    if best:
        row["best peer"] = min(best)[1]
        row["ratio"] = f"{min(best)[0] / own['best_s']:.2f}"
        row["on its files"] = f"{min((pair for pair in best if 'MergeTree' not in pair[1]), default=(0.0, ''))[0] / own['best_s']:.2f}"


def _other_answers(bench: Bench, log: dict, common: dict) -> None:
    """ClickHouse's functions that answer another question than footfall's."""
    module, kind, ways = PEERS["chDB, MergeTree"]
    rows = []
    for way in ways["other"]:
        found = bench.measure("chDB, MergeTree", "other", module, way, files=log["compacted"], table=kind, **common)
        if found is not None:
            meaning = (
                "people who do the steps in order, however long it takes" if "sequence" in way else "one cohort only, the people of the first day"
            )
            rows.append(
                {"function": way, "seconds": tables.times(found), "answers": meaning, "load into MergeTree s": tables.seconds(found["prepare_s"])}
            )
    bench.add("ClickHouse's functions for other questions", rows)


def measure_growth(bench: Bench, sizes: list[int]) -> None:
    """Time and memory of each walk as the log grows: costs must grow with the events and no faster."""
    common = {"funnel": data.FUNNEL, "window_us": FUNNEL_WINDOW_US, "gap_us": GAP_US}
    table = []
    for question in (one for one in QUESTIONS if "whole" not in one):
        for rows in sizes:
            log = data.lakes(RESULTS / "data", rows)
            known = [one for one in bench.measured if one["who"] == "footfall, compacted" and one["question"] == question and one.get("rows") == rows]
            found = (
                known[0]
                if known
                else bench.measure("footfall, compacted", question, "footfall_walks", question, root=log["compacted_root"], **common)
            )
            if found is not None:
                found["rows"] = rows
                table.append({
                    "question": question, "events": f"{rows / 1e6:g} M", "seconds": tables.times(found), "events a second": tables.rate(rows, found["best_s"]),
                    "first run s": tables.seconds(found["first_s"]), "peak MB": f"{found['peak_mb']:.0f}",
                })  # fmt: skip
    bench.add("Growth", table)


def main() -> int:
    """Run, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small logs and one repeat: does everything run, not how fast")
    parser.add_argument("--no-peers", action="store_true", help="footfall alone; nothing is installed")
    parser.add_argument("--all", action="store_true", help="the peers' slower ways too")
    parser.add_argument("--landed", action="store_true", help="the peers over files that are not compacted too")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; repeatable")
    parser.add_argument("--live", action="store_const", const=["live"], dest="only", help="the same as --only live")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads for everybody")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    asked = parser.parse_args()
    parts = asked.only or PARTS
    with_queries = not asked.no_peers and bool({"import", "analyses"} & set(parts))
    if with_queries and (reason := peers.QUERIES.install()):
        print(f"the peers of imports and analyses cannot be installed: {reason}", file=sys.stderr)
        with_queries = False
    (RESULTS / "scratch").mkdir(parents=True, exist_ok=True)
    bench = Bench(asked.threads, 1 if asked.quick else 3, with_queries, asked.all)
    machine = tables.hardware(asked.threads)
    print(machine, file=sys.stderr)
    if "analyses" in parts:
        for kind in ("compacted", "landed") if asked.landed else ("compacted",):
            measure_analyses(bench, 200_000 if asked.quick else 20_000_000, kind)
    if "import" in parts:
        measure_import(bench, 50_000 if asked.quick else 5_000_000)
    if "growth" in parts:
        measure_growth(bench, [50_000, 200_000] if asked.quick else [1_000_000, 5_000_000, 20_000_000])
    if "door" in parts:
        measured, rows = door.measure(0.5 if asked.quick else 4, 1 if asked.quick else 2, RESULTS / "scratch")
        bench.measured_at_the_door = measured
        bench.add("The front door, events a second, client on the same cores", rows)
    if "live" in parts:
        settings = {"quick": asked.quick, "with_peers": not asked.no_peers, "all_ways": asked.all, "threads": asked.threads}
        bench.measured_live, shown = live.measure(RESULTS, **settings)
        for title, rows in shown:
            bench.add(title, rows)
    name = "quick" if asked.quick else "latest"
    pages = "\n".join(tables.markdown(title, rows) for title, rows in bench.tables)
    (RESULTS / f"{name}.md").write_text(f"# Measured\n\n{machine}.  Seconds are median / best.\n\n{pages}")
    whole = {
        "machine": machine,
        "measured": [{k: v for k, v in one.items() if k != "result"} for one in bench.measured],
        "door": bench.measured_at_the_door,
        "live": bench.measured_live,
        "tables": dict(bench.tables),
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(whole, indent=1))
    if asked.json:
        print(json.dumps(whole))
    return 0


if __name__ == "__main__":
    sys.exit(main())
