"""The front door beside its limits: the same server that parses and drops, and the same server that only reads.

Each cell is a server of its own and a client (`load.py`) on the same cores, so both count.  `durable` is the door alone, duplicates checked;
`with landing` is the whole of `footfall up` while the lake keeps up.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
BODIES = ((1, False), (20, False), (100, False), (500, False), (100, True), (500, True))


class Server:
    """One server process (and its children) for one cell."""

    def __init__(self, kind: str, folder: Path, declared: str = "") -> None:
        self.kind = kind
        self.folder = folder
        if kind in ("raw", "drop"):
            command = [sys.executable, str(HERE / "cases" / "door_limits.py"), kind]
        else:
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "footfall", "init", str(folder)], check=True, capture_output=True)
            with (folder / "footfall.toml").open("a") as out:
                out.write(declared)
            only = ["--only", "door"] if kind == "durable" else []
            command = [sys.executable, "-m", "footfall", "-C", str(folder), "up", "--port", "0", *only]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found[1])
                return
        raise RuntimeError(f"the {kind} server did not start")

    def family(self) -> list[psutil.Process]:
        mother = psutil.Process(self.process.pid)
        return [mother, *mother.children(recursive=True)]

    def cpu_s(self) -> float:
        return sum(sum(one.cpu_times()[:2]) for one in self.family())

    def memory_mb(self) -> float:
        return sum(one.memory_full_info().pss for one in self.family()) / 1e6

    def landed(self) -> int:
        import footfall

        return footfall.open(self.folder).lake.snapshot().rows

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(90)
        self.process.stderr.close()


def load(port: int, events: int, packed: bool, seconds: float, prepared: int) -> dict:
    """The client in a process of its own."""
    command = [
        sys.executable,
        str(HERE / "load.py"),
        "--port",
        str(port),
        "--events",
        str(events),
        "--seconds",
        str(seconds),
        "--prepared",
        str(prepared),
    ]
    done = subprocess.run([*command, *(["--gzip"] if packed else [])], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def cell(kind: str, events: int, packed: bool, seconds: float, scratch: Path) -> dict:
    """One server under one load."""
    server = Server(kind, scratch / "door")
    try:
        warm = load(server.port, events, packed, 0.5, 0)  # connections, caches, the first files
        while kind == "with landing" and server.landed() < warm["events"]:
            time.sleep(0.1)
        before = server.cpu_s()
        rows = server.landed() if kind == "with landing" else 0
        begin = time.perf_counter()
        # Packing costs the client more than the server; what fits in memory is packed before the clock runs.
        found = load(server.port, events, packed, seconds, min(3_000, 300_000 // events) if packed else 0)
        if kind == "with landing":
            while server.landed() - rows < found["events"] and time.perf_counter() - begin < 30 * seconds:
                time.sleep(0.1)
            found["landed_s"] = (server.landed() - rows) / (time.perf_counter() - begin)
        found |= {
            "kind": kind,
            "body": events,
            "packed": packed,
            "us_an_event": 1e6 * (server.cpu_s() - before) / max(1, found["events"]),
            "memory_mb": server.memory_mb(),
        }
        assert set(found["statuses"]) == {"200"}, found["statuses"]
        return found
    finally:
        server.stop()


def rate(value: float) -> str:
    return f"{value / 1e3:,.1f}k" if value < 1e5 else f"{value / 1e3:,.0f}k"


def measure(seconds: float, rounds: int, scratch: Path) -> tuple[list[dict], list[dict[str, str]]]:
    """Every body by every server, interleaved; the best round of each."""
    measured, rows = [], []
    for events, packed in BODIES:
        best: dict[str, dict] = {}
        for _ in range(rounds):
            for kind in ("raw", "drop", "durable", "with landing"):
                found = cell(kind, events, packed, seconds, scratch)
                measured.append(found)
                key = "landed_s" if kind == "with landing" else "events_s"
                if kind not in best or found[key] > best[kind][key]:
                    best[kind] = found
                print(
                    f"  door {events:>3} {'gzip ' if packed else 'plain'} {kind:12} {rate(found['events_s']):>8} events/s",
                    file=sys.stderr,
                    flush=True,
                )
        durable = best["durable"]
        rows.append(
            {
                "body": f"{events} event{'s' if events > 1 else ''}{', gzip' if packed else ''}",
                "raw ASGI": rate(best["raw"]["events_s"]),
                "parse and drop": rate(best["drop"]["events_s"]),
                "durable": rate(durable["events_s"]),
                "of parse and drop": f"{durable['events_s'] / best['drop']['events_s']:.2f}",
                "p50 / p99 ms": f"{durable['p50_ms']:.1f} / {durable['p99_ms']:.1f}",
                "CPU µs an event": f"{durable['us_an_event']:.1f}",
                "memory MB": f"{durable['memory_mb']:.0f}",
                "with landing": rate(best["with landing"]["events_s"]),
                "landed": rate(best["with landing"]["landed_s"]),
                "p99 ms with landing": f"{best['with landing']['p99_ms']:.1f}",
            }
        )
    return measured, rows
