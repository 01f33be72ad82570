"""The command alerts: what rules raised, and what became of it on its way out."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import click

from footfall.cli.session import Session, csv_option, json_option, pass_session, print_json, say, stdout


@click.group()
def alerts() -> None:
    """What rules raised, and what became of it on its way out."""


@alerts.command("list")
@click.option("--rule", metavar="NAME", help="Alerts of this rule.")
@click.option("--after", type=click.IntRange(min=0), metavar="NUMBER", help="Alerts behind this number, in the order they were raised.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, metavar="N", help="How many at most.")
@json_option
@csv_option
@pass_session
def list_alerts(session: Session, /, *, as_json: bool, as_csv: bool, **question: Any) -> None:
    """Show what rules raised, newest first.

    Each alert has a number, which counts up, and an id, which stays the same when the log is read again: receivers know repeats by it.
    """
    from footfall.app.api.live_reading import ALERT_COLUMNS, csv_of

    found = session.project.live.alerts(**question)
    if as_json:
        print_json({"alerts": found})
    elif as_csv:
        click.echo(csv_of(found, ALERT_COLUMNS), nl=False)
    elif found:
        from footfall.cli.table import print_rows

        rows = [{name: alert[name] for name in ("number", "time", "severity", "rule", "text")} for alert in found]
        for note in print_rows(rows, stdout()):
            say(note)
        say(f"{len(found):,} {'alert' if len(found) == 1 else 'alerts'}; --json and --csv have every member")
    else:
        say("no alert was raised" if question["rule"] is None else f"no alert of a rule {question['rule']!r} was raised")


@alerts.command()
@click.option("--action", "name", metavar="NAME", help="Of this action only.")
@click.option("--dead", is_flag=True, help="The alerts that were set aside, each with its reason.")
@json_option
@pass_session
def deliveries(session: Session, *, name: str | None, dead: bool, as_json: bool) -> None:
    """Show what each action delivered, and what waits.

    An alert that does not get through is tried again, ever later; after its last try, or at once where another try cannot help, it is set aside.
    """
    from footfall.app.live.actions import action_of, letters_of, standing

    known = standing(session.project, name)
    if name is not None and not known:
        action_of(session.project, name)  # says which there are
    rows = [_letter(letter) for letter in letters_of(session.project, name)] if dead else [_standing(one) for one in known]
    if as_json:
        print_json({"rows": rows})
    elif rows:
        from footfall.cli.table import print_rows

        for note in print_rows(rows, stdout()):
            say(note)
    else:
        say("no alert was set aside" if dead else "there are no actions; declare one as [[notify]] in footfall.toml")


@alerts.command()
@click.argument("action")
@click.argument("numbers", nargs=-1, type=int, metavar="[NUMBER]...")
@click.option("--all", "everything", is_flag=True, help="Every alert that the action has set aside.")
@json_option
@pass_session
def replay(session: Session, *, action: str, numbers: tuple[int, ...], everything: bool, as_json: bool) -> None:
    """Try alerts again that were set aside.

    NUMBER is that of footfall alerts deliveries --dead.  The running project sends them within a second, under the same ids.
    """
    from footfall.app.live.actions import action_of
    from footfall.app.live.actions import replay as again
    from footfall.errors import InvalidQuery

    action_of(session.project, action)
    if bool(numbers) == everything:
        raise InvalidQuery(
            "say which: a number or more, or --all", field="number", hint=f"footfall alerts deliveries --action {action} --dead lists them"
        )
    count = again(session.project, action, numbers)
    if as_json:
        print_json({"action": action, "replayed": count})
    else:
        say(f"{count:,} alerts of {action!r} are tried again")


@alerts.command()
@click.argument("action")
@json_option
@pass_session
def test(session: Session, *, action: str, as_json: bool) -> None:
    """Send one made-up alert, marked as a test, and say what happened.

    It goes out from here, once, under an id of its own; the running project is not asked.
    """
    from footfall.app.live.actions import action_of, try_out

    kind = type(action_of(session.project, action)).__struct_config__.tag
    message = try_out(session.project, action, os.environ)
    if as_json:
        print_json({"action": action, "id": message.id, "text": message.text, "delivered": True})
    else:
        say(f"{action!r} took it ({kind}): {message.text}")


def _standing(one: Any) -> dict[str, Any]:
    return {
        "action": one.action,
        "delivered": one.delivered,
        "waiting": one.waiting,
        "parked": one.parked,
        "dead": one.dead,
        "retried": one.retried,
        "last_delivered": _time(one.delivered_us),
        "last_error": one.error,
        "last_error_time": _time(one.error_us),
    }


def _letter(letter: Any) -> dict[str, Any]:
    from footfall.connectors.actions.contract import sentence

    return {
        "action": letter.action,
        "number": letter.number,
        "alert": sentence(letter.alert),
        "reason": letter.reason,
        "tries": letter.tries,
        "first_tried": _time(letter.first_us),
        "last_tried": _time(letter.failed_us),
        "id": letter.alert.id,
    }


def _time(us: int | None) -> datetime | None:
    return None if us is None else datetime.fromtimestamp(us / 1e6, UTC)
