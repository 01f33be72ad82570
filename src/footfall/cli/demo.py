"""The command demo: a shop's history, or the user's own file, from import to answers."""

from __future__ import annotations

import click

from footfall.cli.session import Session, pass_session


@click.command()
@click.argument("system", type=click.Choice(["shop"]), default="shop")
@click.option("--file", metavar="FILE", help="Use this file instead of the simulated shop.")
@pass_session
def demo(session: Session, system: str, file: str | None) -> None:
    """See footfall at work: history, import, answers, report."""
    from footfall.app.demo import run

    run(session.folder, system, file)
