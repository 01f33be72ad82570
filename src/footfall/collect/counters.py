"""What the door counts and times, as Prometheus reads it.

Names are `footfall_<what>_<unit>_total`; steps and drop reasons are labels.  Counting is adding to plain ints on the event loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

BUCKETS_MS = (0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000)


class Counters:
    """The door's numbers since it started."""

    def __init__(self, steps: tuple[str, ...]) -> None:
        self.steps = steps
        self.step_ns = [0] * len(steps)
        self.step_runs = [0] * len(steps)
        self.requests: Counter[tuple[str, int]] = Counter()
        self.events: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[str] = Counter()
        self.answer_buckets = [0] * (len(BUCKETS_MS) + 1)
        self.answer_ns = 0
        self.waiting_bytes = 0

    def answered(self, protocol: str, status: int, took_ns: int) -> None:
        """One request has its answer."""
        self.requests[protocol, status] += 1
        self.answer_ns += took_ns
        took_ms = took_ns / 1e6
        for index, edge in enumerate(BUCKETS_MS):
            if took_ms <= edge:
                self.answer_buckets[index] += 1
                return
        self.answer_buckets[-1] += 1

    def exposition(self, gauges: Mapping[str, float]) -> str:
        """The text of /metrics."""
        return "\n".join([*self._lines(gauges), ""])

    def _lines(self, gauges: Mapping[str, float]) -> Iterator[str]:
        yield "# TYPE footfall_requests_total counter"
        for (protocol, status), count in sorted(self.requests.items()):
            yield f'footfall_requests_total{{protocol="{protocol}",status="{status}"}} {count}'
        yield "# TYPE footfall_events_total counter"
        for (protocol, outcome), count in sorted(self.events.items()):
            yield f'footfall_events_total{{protocol="{protocol}",outcome="{outcome}"}} {count}'
        yield "# TYPE footfall_dropped_events_total counter"
        for reason, count in sorted(self.refused.items()):
            yield f'footfall_dropped_events_total{{reason="{reason}",intentional="true"}} {count}'
        yield "# TYPE footfall_step_seconds_total counter"
        for name, spent in zip(self.steps, self.step_ns, strict=True):
            yield f'footfall_step_seconds_total{{step="{name}"}} {spent / 1e9:.6f}'
        yield "# TYPE footfall_step_runs_total counter"
        for name, runs in zip(self.steps, self.step_runs, strict=True):
            yield f'footfall_step_runs_total{{step="{name}"}} {runs}'
        yield "# TYPE footfall_answer_milliseconds histogram"
        below = 0
        for edge, count in zip((*BUCKETS_MS, "+Inf"), self.answer_buckets, strict=True):
            below += count
            yield f'footfall_answer_milliseconds_bucket{{le="{edge}"}} {below}'
        yield f"footfall_answer_milliseconds_sum {self.answer_ns / 1e6:.3f}"
        yield f"footfall_answer_milliseconds_count {below}"
        for name, value in gauges.items():
            yield f"# TYPE {name} gauge"
            yield f"{name} {value:g}"
