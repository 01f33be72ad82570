"""The command simulate: a made-up system's events to a running collector."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from footfall.cli.session import Session, json_option, pass_session, print_json, say, stderr
from footfall.errors import InvalidQuery

if TYPE_CHECKING:
    from footfall.app.front.simulating import Progress, SimulationCounts, SimulationPlan


@click.command()
@click.argument("system", default="shop", metavar="[SYSTEM]")
@click.option("--rate", default="200/s", show_default=True, metavar="N/s", help="Events a second, or max.")
@click.option("--events", type=click.IntRange(min=1), metavar="M", help="Stop after so many events.  [default: 10000 without --duration]")
@click.option("--duration", metavar="TIME", help="Stop after a time, such as 60s or 10m.")
@click.option("--protocol", default="segment", show_default=True, metavar="NAME", help="native, segment, posthog, amplitude, mixpanel or snowplow.")
@click.option("--to", metavar="URL", help="The collector.  [default: the project's own]")
@click.option("--key", metavar="KEY", help="A write key of the collector.  [default: simulate]")
@click.option("--seed", type=int, default=7, show_default=True, metavar="N", help="Another number, other people.")
@click.option("--batch", type=click.IntRange(1, 2000), default=100, show_default=True, metavar="N", help="Events in one request.")
@click.option("--duplicates", default="0%", show_default=True, metavar="SHARE", help="Events that are sent twice.")
@click.option("--late", default="0%", show_default=True, metavar="SHARE", help="Events with a time 1 to 48 hours ago.")
@click.option("--malformed", default="0%", show_default=True, metavar="SHARE", help="Events without a name, for the dead letters.")
@json_option
@pass_session
def simulate(session: Session, /, *, to: str | None, rate: str, duration: str | None, as_json: bool, **options: object) -> None:
    """Send the events of a simulated system to the collector, as an SDK would.

    Events happen now, keep their ids over further tries, and get new ones in every run.  Compare the counts with footfall doctor and the
    collector's /metrics.
    """
    from footfall.app.front.simulating import SimulationPlan, simulate
    from footfall.app.front.stopping import noted_signals
    from footfall.errors import NotAProject

    plan = SimulationPlan(rate=_rate(rate), duration_s=_seconds(duration), **_shares(options, ends=duration is not None))  # type: ignore[arg-type]
    try:
        project = session.project
    except NotAProject:
        if to is None:
            raise
    else:
        from footfall.app.front.running import collector_url

        to = to or collector_url(project)
    assert to is not None, "without a project it is asked for"
    with noted_signals() as stopped, _progress(plan, shown=not as_json) as tell:
        counts = simulate(plan, to, say=say, stopped=stopped, progress=tell)
    if as_json:
        print_json(asdict(counts) | {"sent": counts.sent, "rate": counts.rate})
    else:
        _tell(counts)


def _tell(counts: SimulationCounts) -> None:
    faults = f"{counts.duplicates:,} sent twice, {counts.late:,} late, {counts.malformed:,} malformed"
    answers = ", ".join(f"{count:,} times {status}" for status, count in sorted(counts.statuses.items()))
    say(f"sent {counts.sent:,} = {counts.events:,} events + {counts.duplicates:,} repeats; {faults}")
    say(
        f"{counts.requests:,} requests in {counts.seconds:.1f} s, {counts.rate:,.0f} events/s, {counts.more_tries:,} further tries, answers {answers}"
    )


def _rate(text: str) -> float | None:
    if text == "max":
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(?:/s)?", text)
    if found is None:
        raise InvalidQuery(f"{text!r} is no rate", field="rate", got=text, hint="write 200/s, or max")
    return float(found[1])


def _seconds(text: str | None) -> float | None:
    from footfall.event.span import Span

    return None if text is None else Span(text).us / 1_000_000


def _shares(options: dict[str, object], *, ends: bool) -> dict[str, object]:
    for name in ("duplicates", "late", "malformed"):
        text = str(options[name])
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", text)
        if found is None:
            raise InvalidQuery(f"{text!r} is no share", field=name, got=text, hint="write 2% or 0.02")
        options[name] = float(found[1]) / (100 if found[2] else 1)
    if options["events"] is None and not ends:
        options["events"] = 10_000
    return options


@contextmanager
def _progress(plan: SimulationPlan, *, shown: bool) -> Iterator[Progress | None]:
    """A bar on stderr when a person looks at it."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich import progress as bar

    total = plan.events if plan.events is not None else (plan.rate or 0) * (plan.duration_s or 0) or None
    columns = (bar.BarColumn(), bar.TextColumn("{task.completed:,.0f} events, {task.fields[speed]:,.0f}/s"), bar.TimeRemainingColumn())
    with bar.Progress(bar.TextColumn("simulate"), *columns, console=stderr(), transient=True) as display:
        task = display.add_task("simulate", total=total, speed=0.0)
        yield lambda counts: display.update(task, completed=counts.events, speed=counts.rate)
