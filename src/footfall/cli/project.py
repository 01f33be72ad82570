"""Commands about the project itself: init, config, doctor, version."""

from __future__ import annotations

import click

from footfall.cli.session import Session, json_option, pass_session, print_json, say, stdout


@click.command()
@click.argument("folder", metavar="DIR", default=".")
@click.option("--name", metavar="TEXT", help="The project's name.  [default: the folder's name]")
@pass_session
def init(session: Session, folder: str, name: str | None) -> None:
    """Make a project: a folder with a footfall.toml that explains itself."""
    from footfall.app.project import init_project

    project = init_project(session.folder / folder, name=name)
    say(f"{project.path} is a footfall project.  Next: footfall -C {folder} import FILE")


@click.group()
def config() -> None:
    """Show the configuration."""


@config.command("show")
@json_option
@pass_session
def config_show(session: Session, *, as_json: bool) -> None:
    """Print every setting, its value, and where the value came from."""
    from footfall.cli.table import print_rows

    settings = list(session.project.resolved.settings())
    if as_json:
        print_json([{"key": item.key, "value": item.value, "source": item.source, "description": item.description} for item in settings])
        return
    rows = [{"key": item.key, "value": _plain(item.value), "from": item.source} for item in settings]
    print_rows(rows, stdout())


@click.command()
@json_option
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Check the project, its files, and that no row was lost.

    Read = stored + duplicate + dead-lettered must hold for every import and for the lake.  The exit status is 1 when there is a problem.
    """
    from footfall.app.doctor import examine

    checks = []
    for check in examine(context.ensure_object(Session).project):
        checks.append(check)
        if not as_json:
            click.echo(f"{check.state:8} {check.name:14} {check.detail}")
    if as_json:
        print_json([{"name": check.name, "state": check.state, "detail": check.detail} for check in checks])
    context.exit(1 if any(check.state == "problem" for check in checks) else 0)


@click.command()
@json_option
def version(*, as_json: bool) -> None:
    """Print the version."""
    from footfall import __version__

    if as_json:
        print_json({"version": __version__})
    else:
        click.echo(__version__)


def _plain(value: object) -> str:
    if value is None:
        return "-"
    return ", ".join(str(part) for part in value) if isinstance(value, tuple) else str(value) if value != {} else "-"
