"""What /metrics says of the live path and of deliveries, as Prometheus reads it.  docs/metrics.md explains every name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from footfall.app.api.live_reading import Live

WAITING_MAX = 1_000  # more alerts before an action are not counted

Sample = tuple[Mapping[str, str], float]


def exposition(live: Live, deliveries: Path | None = None) -> str:
    """The lines; none where no live path has run.

    Raises:
        StorageFailed: the state cannot be read.
    """
    lines: list[str] = []
    if live.begun:
        for name, kind, samples in _live(live):
            lines += _family(name, kind, samples)
    if deliveries is not None and deliveries.exists():
        for name, kind, samples in _deliveries(live, deliveries):
            lines += _family(name, kind, samples)
    return "".join(f"{line}\n" for line in lines)


def _live(live: Live) -> Iterable[tuple[str, str, list[Sample]]]:
    status = live.status()
    yield "footfall_live_position", "gauge", [({}, status["position"])]
    if status["lag_records"] is not None:
        yield "footfall_live_lag_records", "gauge", [({}, status["lag_records"])]
        yield "footfall_live_lag_seconds", "gauge", [({}, status["lag_s"])]
    clocks: list[Sample] = [({"stream": stream}, clock_us / 1e6) for stream, clock_us in sorted(live.reader.moment().clock_us.items())]
    yield "footfall_live_watermark_seconds", "gauge", clocks
    yield "footfall_live_batches_total", "counter", [({}, status["sequence"])]
    counts: list[Sample] = [
        ({"operator": operator, "outcome": name}, value) for operator, names in status["counts"].items() for name, value in names.items()
    ]
    yield "footfall_live_records_total", "counter", counts
    yield "footfall_live_state_bytes", "gauge", [({"operator": operator}, size) for operator, size in status["state_bytes"].items()]
    rows: list[Sample] = []
    for name, count in status["state_rows"].items():
        operator, _, table = name.partition("/")
        rows.append(({"operator": operator, "table": table}, count))
    yield "footfall_live_state_rows", "gauge", rows
    yield "footfall_live_step_seconds_total", "counter", [({"step": step}, spent_s) for step, spent_s in status["step_s"].items()]
    unknown: list[Sample] = [({"dimension": name}, count) for name, count in status["dimension_unknown"].items()]
    yield "footfall_live_dimension_unknown_total", "counter", unknown
    if status["rows_per_s"] is not None:
        yield "footfall_live_rows_per_second", "gauge", [({}, status["rows_per_s"])]
    took: list[Sample] = [({"quantile": f"{int(name.removeprefix('p')) / 100:g}"}, value) for name, value in status["batch_ms"].items()]
    yield "footfall_live_batch_milliseconds", "gauge", took


def _deliveries(live: Live, file: Path) -> Iterable[tuple[str, str, list[Sample]]]:
    from footfall.app.front.deliveries import Deliveries

    deliveries = Deliveries(file, read_only=True)
    try:
        totals = deliveries.totals().values()
    finally:
        deliveries.close()
    outcomes: list[Sample] = []
    for one in totals:
        outcomes += [({"action": one.action, "outcome": "delivered"}, one.delivered), ({"action": one.action, "outcome": "retried"}, one.retried)]
    yield "footfall_deliveries_total", "counter", outcomes
    waiting: list[Sample] = [({"action": one.action}, len(live.reader.posted(one.action, after=one.passed, limit=WAITING_MAX))) for one in totals]
    yield "footfall_deliveries_waiting", "gauge", waiting
    yield "footfall_deliveries_parked", "gauge", [({"action": one.action}, one.parked) for one in totals]
    yield "footfall_deliveries_set_aside", "gauge", [({"action": one.action}, one.dead) for one in totals]


def _family(name: str, kind: str, samples: list[Sample]) -> list[str]:
    """One metric with all of its labels."""
    return [f"# TYPE {name} {kind}", *(f"{name}{_labels(labels)} {_value(value)}" for labels, value in samples)] if samples else []


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items()) + "}" if labels else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _value(value: Any) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6f}"
