"""Commands of a running project: up, keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import click

from footfall.cli.session import Session, json_option, pass_session, print_json, say


@click.command()
@click.option("--host", metavar="ADDRESS", help="Listen here instead of collect.host; others than loopback need a write key.")
@click.option("--port", type=click.IntRange(0, 65_535), metavar="N", help="Listen on this port instead of collect.port; 0 takes a free one.")
@click.option(
    "--only", type=click.Choice(["door", "live"]), help="Run one part in this process: the HTTP port, or what makes views, alerts and the lake."
)
@click.option(
    "--log", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Say what happens as sentences, or as JSON lines."
)
@pass_session
def up(session: Session, *, host: str | None, port: int | None, only: str | None, form: Literal["text", "json"]) -> int:
    """Take events over HTTP and answer from them, until Ctrl-C.

    One port takes what the SDKs of Segment, PostHog, Amplitude, Mixpanel, Snowplow, Umami, Plausible and others send: change their host, nothing
    else.  Every event is on disk before its sender is told so, in views and rules within a second, and in the lake within three.  GET /healthz answers 200 when the
    port is ready.
    """
    from footfall.app.front.running import Running, run_all, settings_of

    project = session.project
    return run_all(project, Running(settings_of(project, host, port), form), [only] if only else ())


@click.group()
def keys() -> None:
    """Who may write events, read answers, change things."""


@keys.command("add")
@click.argument("name")
@click.option(
    "--scope", type=click.Choice(["write", "read", "admin"]), default="write", show_default=True, help="What the key opens; admin opens all."
)
@click.option("--key", "secret", metavar="TEXT", help="Use this text, such as the domain or website id that a page sends, instead of a new secret.")
@json_option
@pass_session
def keys_add(session: Session, *, name: str, scope: str, secret: str | None, as_json: bool) -> None:
    """Make a key.  It is shown this once; the project keeps its hash.

    NAME becomes the source of the events that are sent with it.
    """
    made = _ring(session).add(name, scope, secret)
    if as_json:
        print_json({"name": name, "scope": scope, "key": made})
        return
    say(f"key {name!r} opens {scope}; clients send this, which is not shown again:")
    click.echo(made)


@keys.command("list")
@json_option
@pass_session
def keys_list(session: Session, *, as_json: bool) -> None:
    """Every key's name and scope."""
    rows = [
        {"name": key.name, "scope": key.scope, "created": datetime.fromtimestamp(key.created_us / 1e6, UTC).isoformat(timespec="seconds")}
        for key in _ring(session).every()
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['name']}\t{row['scope']}\t{row['created']}")
    if not rows:
        say("no keys: everybody who reaches the port on this machine may write; footfall keys add NAME makes the first")


@keys.command("remove")
@click.argument("name")
@pass_session
def keys_remove(session: Session, *, name: str) -> None:
    """Let a key go: what is sent with it is refused from then on."""
    _ring(session).remove(name)
    say(f"key {name!r} is gone")


def _ring(session: Session):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from footfall.app.front.running import state_folder
    from footfall.collect.keys import KeyRing

    return KeyRing(state_folder(session.project))
