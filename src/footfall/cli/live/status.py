"""The command live: how far the live path came."""

from __future__ import annotations

from typing import Any

import click

from footfall.cli.session import Session, json_option, pass_session, print_json, say, stdout


@click.command()
@json_option
@pass_session
def live(session: Session, *, as_json: bool) -> None:
    """Show how far views and rules came, and what they count.

    The lag is what the event log holds and views and rules have not taken yet.  The event clock of a stream is the time up to which events are
    known: what is older by more than the lateness is late, and counts in the lake only.
    """
    project = session.project
    status = project.live.status()
    if as_json:
        print_json(status)
        return
    if not project.live.begun:
        say("no live path has run here yet: start the project with footfall up and send it events")
        return
    from footfall.cli.table import cell, print_rows

    for name, text in _lines(status).items():
        click.echo(f"{name:>14}  {text}")
    rows = [
        {
            "operator": operator,
            **{name: counts.get(name, 0) for name in ("taken", "late", "ahead", "alerts")},
            "others": ", ".join(f"{name} {cell(name, count)}" for name, count in counts.items() if name not in ("taken", "late", "ahead", "alerts")),
            "state_rows": sum(count for table, count in status["state_rows"].items() if table.startswith(f"{operator}/")),
            "state_bytes": status["state_bytes"].get(operator, 0),
            "busy_s": status["step_s"].get(operator, 0.0),
        }
        for operator, counts in status["counts"].items()
    ]
    if rows:
        print_rows(rows, stdout())


def _lines(status: dict[str, Any]) -> dict[str, str]:
    lines = {"position": f"{status['position']:,}"}
    if status["log_end"] is not None:
        lines["position"] += f" of {status['log_end']:,} in the log"
        waits = f", the oldest for {status['lag_s']:,.1f} s" if status["lag_records"] else ""
        lines["lag"] = f"{status['lag_records']:,} records wait{waits}"
    lines["micro-batches"] = f"{status['sequence']:,}, the last written {status['written'] or 'never'}"
    for stream, of in status["streams"].items():
        lines[stream] = f"event clock {of['event_clock']}, {of['behind_s']:,.1f} s ago"
    if status["rows_per_s"] is not None:
        took = ", ".join(f"{name} {ms:,.1f} ms" for name, ms in status["batch_ms"].items())
        lines["speed"] = f"{status['rows_per_s']:,.0f} records a second; a micro-batch takes {took}"
    return lines
