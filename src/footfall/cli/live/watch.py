"""The command watch: the live path on the terminal, as it goes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from footfall.cli.session import Session, json_option, pass_session, print_json, stdout
from footfall.errors import InvalidQuery

if TYPE_CHECKING:
    from rich.console import Console, Group

ALERTS = 10
STEP_S = 0.1


@click.command()
@click.argument("views", nargs=-1, metavar="[VIEW]...")
@click.option("--alerts", "with_alerts", is_flag=True, help="The newest alerts, also where views are named; alone: alerts only.")
@click.option("--every", default="1s", show_default=True, metavar="SPAN", help="How often the screen is drawn anew.")
@click.option("--once", is_flag=True, help="Print one snapshot and stop, as is done where stdout is no terminal.")
@json_option
@pass_session
def watch(session: Session, views: tuple[str, ...], *, with_alerts: bool, every: str, once: bool, as_json: bool) -> None:
    """Watch views and alerts on the terminal, until Ctrl-C.

    Without VIEW every view that has rows is shown, as far as there is room, and the newest alerts.  Each shows the window that is under way: its
    largest rows, a bar, and the trend over the windows before.  The first lines are the clocks of the streams, and how far views are behind
    the event log.

    footfall watch active requests --alerts --every 2s
    """
    from footfall.app.api.glimpse import glimpse
    from footfall.cli.live.screen import ROWS, Size, screen
    from footfall.event.span import Span

    project, pause = session.project, Span(every)
    if pause.unlimited:
        raise InvalidQuery("'none' is no time to wait", field="every", got=every, hint="write how often to draw, such as 1s or 500ms")
    rules = [str(rule.get("name")) for rule in project.config.rule]
    name = project.config.project.name
    alerts = ALERTS if with_alerts or not views else 0
    if with_alerts and not views:
        rules = [view["name"] for view in project.live.views()]

    def look() -> dict[str, Any]:
        return glimpse(project.live, views, rows=ROWS, alerts=alerts, leave_out=rules)

    if as_json:
        print_json(look())
        return
    console = stdout()
    if once or not sys.stdout.isatty():
        console.print(screen(name, look(), Size(console.width), alerts=bool(alerts)))
        return
    _follow(console, lambda: screen(name, look(), Size(console.width, console.height), alerts=bool(alerts)), pause.us / 1e6)


def _follow(console: Console, draw: Callable[[], Group], wait_s: float) -> None:
    """Draw until Ctrl-C or SIGTERM; the terminal is then as it was before."""
    from rich.live import Live

    from footfall import clock
    from footfall.app.front.stopping import noted_signals

    with noted_signals() as stopped, Live(draw(), console=console, screen=True, auto_refresh=False) as display:
        took_s = 0.0
        while not stopped():
            due_s = clock.monotonic_s() + max(wait_s, took_s)
            while not stopped() and clock.monotonic_s() < due_s:
                clock.sleep_s(min(STEP_S, max(0.0, due_s - clock.monotonic_s())))
            began_s = clock.monotonic_s()
            display.update(draw(), refresh=True)
            took_s = clock.monotonic_s() - began_s  # large views are looked at more rarely: at most half of the time is spent on it
