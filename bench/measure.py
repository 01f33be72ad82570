"""One measured thing in a process of its own: `python measure.py MODULE CASE CONTEXT_JSON REPEATS` prints one line of JSON.

A case module has `prepare(context)` (timed apart, once), `CASES`: name -> function of what `prepare` returned, and perhaps `close`.
A case returns its result, or {"seconds", "result"} when only a part of it is the thing measured.  The first run is reported
apart: it pays for compiled kernels, cold caches and lazy imports.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from pathlib import Path

PATIENCE_S = 25.0  # after this much the second run is the last
WORTH_S = 2.0  # three runs that took less than this together are joined by more


def peak_mb() -> float:
    """The most memory this process ever held.  Linux's ru_maxrss would remember the parent's, from before exec; VmHWM does not."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def resident_mb() -> float:
    """The memory this process holds now."""
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024


def enough(times: list[float], repeats: int) -> bool:
    """Whether there were enough runs, the first of which is the warm-up: quick things are repeated more often, slow ones less."""
    done, spent = len(times) - 1, sum(times[1:])
    if done < min(2, repeats):
        return False
    return done >= repeats * 3 or (done >= repeats and (spent > WORTH_S or repeats < 3)) or spent > PATIENCE_S


def main() -> None:
    """Prepare, run, print."""
    module_name, case, context_json, repeats = sys.argv[1:5]
    sys.path.insert(0, str(Path(__file__).parent))
    module = importlib.import_module(f"cases.{module_name}")
    context = json.loads(context_json)
    began = time.perf_counter()
    prepared = module.prepare(context)
    prepare_s = time.perf_counter() - began
    times: list[float] = []
    result: object = None
    while not enough(times, int(repeats)):
        began = time.perf_counter()
        result = module.CASES[case](prepared)
        seconds = time.perf_counter() - began
        if isinstance(result, dict) and "seconds" in result:
            seconds, result = result["seconds"], result["result"]
        times.append(seconds)
    if hasattr(module, "close"):
        module.close(prepared)
    print(
        "\n"
        + json.dumps(
            {
                "first_s": times[0],
                "times_s": times[1:] or times,
                "prepare_s": prepare_s,
                "peak_mb": peak_mb(),
                "result": result,
            }
        )
    )


if __name__ == "__main__":
    main()
