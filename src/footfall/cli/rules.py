"""The command rules: what is declared, whether it can be, and what it would have done."""

from __future__ import annotations

from collections.abc import Sized
from typing import TYPE_CHECKING, Any

import click

from footfall.cli.session import Session, csv_option, json_option, pass_session, print_json, say, stderr, stdout

if TYPE_CHECKING:
    from footfall.app.live.backtest import Backtest
    from footfall.rules.contract import Rule


@click.group()
def rules() -> None:
    """See, check and try the rules that raise alerts.

    A rule is a [[rule]] table of footfall.toml: a threshold in a window, a repeat, a sequence, an absence, a spike or a score.  footfall up
    runs them on what arrives; footfall rules backtest runs one on what is in the lake.
    """


@rules.command("list")
@json_option
@pass_session
def list_(session: Session, *, as_json: bool) -> None:
    """Show every rule and the alerts it has raised."""
    from footfall.app.live.plan import live_plan
    from footfall.stream.store.reading import SqliteReader

    plan = live_plan(session.project)
    reader = SqliteReader(session.project.config.views.path(session.project.path))
    counts = reader.counters()
    reader.close()
    rows = [_described(rule) | {"alerts": counts.get((f"rule:{rule.name}", "alerts"), 0)} for rule in plan.rules]
    if as_json:
        print_json({"rows": rows})
        return
    _print(rows, "no rules: declare one as [[rule]] in footfall.toml; docs/rules.md has the kinds")


@rules.command()
@json_option
@pass_session
def check(session: Session, *, as_json: bool) -> None:
    """Say whether the rules, views and actions of footfall.toml can run.

    Names, kinds, windows, columns, conditions and actions are checked, secrets are not; exit status 2 and one sentence when something is wrong.
    """
    from footfall.app.live.actions import notify_of
    from footfall.app.live.plan import live_plan

    plan = live_plan(session.project)
    actions = notify_of(session.project)
    if as_json:
        declared, views = [rule.name for rule in plan.rules], [view.name for view in plan.views]
        print_json({"rules": declared, "views": views, "actions": [action.name for action in actions], "ok": True})
        return
    for rule in plan.rules:
        click.echo(f"{rule.name}\t{rule.kind}\tok")
    say(f"{_many(plan.rules, 'rule')}, {_many(plan.views, 'view')} and {_many(actions, 'action')} can run")


@rules.command()
@click.argument("name", metavar="NAME")
@click.option("--since", metavar="WHEN", help="From this date or time on, or a span back from now such as 7d.  [default: everything]")
@click.option(
    "--limit", type=click.IntRange(min=0), default=20, show_default=True, metavar="N", help="How many rows are shown; --json and --csv have all."
)
@json_option
@csv_option
@pass_session
def backtest(session: Session, name: str, *, since: str | None, limit: int, as_json: bool, as_csv: bool) -> None:
    """Run a rule over the lake: the windows it records and the alerts it raises.

    The same kernels as live, in the order of arrival: events that came through the log give the alerts that were raised live; imported
    ones count as if they had been taken when they happened.
    """
    from footfall.app.live.backtest import backtest as run

    with stderr().status("reading the lake") as status:
        found = run(session.project, name, since=since, progress=lambda done: status.update(f"{done:,} records"))
    if as_json:
        print_json(_as_json(found))
    elif as_csv:
        import pyarrow as pa

        from footfall.cli.table import write_csv

        write_csv(pa.Table.from_pylist([{key: value for key, value in row.items() if key != "details"} for row in found.rows]))
    else:
        _show(found, limit)


def _as_json(found: Backtest) -> dict[str, Any]:
    import msgspec

    return {
        "rule": found.rule.name,
        "kind": found.rule.kind,
        "records": found.records,
        "counts": found.counts,
        "rows": found.rows,
        "alerts": [msgspec.to_builtins(alert) for alert in found.alerts],
    }


def _show(found: Backtest, limit: int) -> None:
    _print(found.rows[:limit], "")
    of = _many(found.rows, "recorded window" if found.rows and "window_start" in found.rows[0] else "row")
    say(f"{found.rule.name}: {of}, {_many(found.alerts, 'alert')} in {found.records:,} records")
    if len(found.rows) > limit:
        say(f"the first {limit} are shown; --limit, --csv or --json have more")
    for name in ("late", "ahead", "no_key", "allowed", "resting", "no_room"):
        if found.counts.get(name):
            say(f"{found.counts[name]:,} {_MEANING[name]}")


_MEANING = {
    "late": "records came too late for the rule",
    "ahead": "records were ahead of the clock",
    "no_key": "records had no key",
    "allowed": "alerts were of allowed keys",
    "resting": "alerts were left out because their key rested",
    "no_room": "records found no room: too many keys",
}


def _many(found: Sized, what: str) -> str:
    return f"{len(found):,} {what}{'' if len(found) == 1 else 's'}"


def _described(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "kind": rule.kind,
        "stream": rule.stream,
        "key": ", ".join(rule.key),
        "severity": rule.severity,
        "actions": ", ".join(rule.actions),
    }


def _print(rows: list[dict[str, Any]], nothing: str) -> None:
    from footfall.cli.table import print_rows

    if rows:
        print_rows(rows, stdout())
    elif nothing:
        say(nothing)
