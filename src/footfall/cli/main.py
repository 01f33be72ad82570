"""The entry point: the group of commands, and how each kind of failure ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from footfall.cli.deadletters import deadletters
from footfall.cli.demo import demo
from footfall.cli.identity import identity
from footfall.cli.importing import import_command
from footfall.cli.live.alerts import alerts
from footfall.cli.live.status import live
from footfall.cli.live.views import views
from footfall.cli.live.watch import watch
from footfall.cli.project import config, doctor, init, version
from footfall.cli.rules import rules
from footfall.cli.running import keys, up
from footfall.cli.session import Session
from footfall.cli.simulate import simulate
from footfall.cli.sql import sql
from footfall.cli.tail import tail
from footfall.cli.upkeep import compact, erase, expire, imports
from footfall.errors import FootfallError, InvalidQuery, StorageFailed, nearest

INTERRUPTED = 130
CLOSED_PIPE = 141
_SECTIONS = (
    ("Events", (import_command, tail, simulate, imports, deadletters, identity, sql)),
    ("Live", (views, watch, rules, alerts, live)),
    ("Project", (init, up, keys, config, demo, doctor, version)),
    ("Upkeep", (compact, erase, expire)),
)


class Menu(click.Group):
    """The commands by section; those of the analyses come from their menu."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command: the analyses, then the rest."""
        return [*_analyses(), *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name."""
        from footfall.cli.ask import command_of

        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        kind = _analyses().get(cmd_name)
        return None if kind is None else command_of(kind)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the arguments, or the nearest names."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            near = nearest(args[0], self.list_commands(ctx))
            hint = f"did you mean {' or '.join(near)}?" if near else "see footfall --help"
            raise FootfallUsageError(f"there is no command {args[0]!r}", hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The sections of --help."""
        del ctx
        with formatter.section("Questions"):
            formatter.write_dl([(name, kind.summary) for name, kind in _analyses().items()])
        for title, commands in _SECTIONS:
            with formatter.section(title):
                formatter.write_dl([(command.name or "", command.get_short_help_str(90)) for command in commands])


class _WithoutPandas:
    """The command line needs no pandas, and pyarrow loads it, for over a second, just to ask whether a list is a DataFrame."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """No such module, when pandas is asked for."""
        del path, target
        if name == "pandas":
            raise ModuleNotFoundError("the command line works without pandas", name=name)


class FootfallUsageError(click.UsageError):
    """A command line that cannot be, with a hint."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence)
        self.hint = hint


def _analyses() -> dict:  # type: ignore[type-arg]
    from footfall.analyses.spec.menu import analyses

    return analyses()


@click.group(cls=Menu, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("-C", "folder", metavar="DIR", default=".", help="Work in the project of this folder.  [default: the current one]")
@click.option("--identity-as-of", metavar="WHEN", help="Know of persons what was known at this position, date or time.")
@click.version_option(None, "--version", package_name="footfall", message="%(version)s", help="Print the version.")
@click.pass_context
def footfall(context: click.Context, folder: str, identity_as_of: str | None) -> None:
    """What people do in an app, a site, a shop or a game, as answers.

    Data goes to stdout and talk to stderr.  The exit status is 0 when all went well, 1 when the world got in the way (a full disk, a busy
    lake), 2 when the request cannot be answered as it stands, 130 after Ctrl-C.
    """
    context.obj = Session(Path(folder), identity_as_of)


for _, _commands in _SECTIONS:
    for _command in _commands:
        footfall.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        sys.meta_path.insert(0, _WithoutPandas())
    try:
        status = footfall.main(given, prog_name="footfall", standalone_mode=False)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as problem:
        click.echo(problem.format_message(), err=True)
        return InvalidQuery.exit_status
    except (SystemExit, BrokenPipeError):
        # click meets a closed pipe with sys.exit, which nothing else here calls.
        return _closed_pipe()
    except (FootfallError, click.ClickException, OSError) as problem:
        return _report(_as_error(problem), as_json="--json" in given)
    return status if isinstance(status, int) else 0


def _closed_pipe() -> int:
    """The reader went away, which is no error; Python would complain once more when it closes stdout at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return CLOSED_PIPE


def _as_error(problem: Exception) -> FootfallError:
    """What click and the operating system raise, as footfall says it."""
    if isinstance(problem, FootfallError):
        return problem
    if isinstance(problem, click.ClickException):
        path = getattr(getattr(problem, "ctx", None), "command_path", "footfall")
        hint = problem.hint if isinstance(problem, FootfallUsageError) else f"see {path} --help"
        sentence = problem.format_message().rstrip(".")
        return InvalidQuery(sentence[:1].lower() + sentence[1:], hint=hint)
    assert isinstance(problem, OSError)
    place = f"{problem.filename}: " if problem.filename else ""
    hint = "check the path, its permissions and the free space"
    return StorageFailed(f"{place}{problem.strerror or problem}", got=problem.filename, hint=hint)


def _report(problem: FootfallError, *, as_json: bool) -> int:
    """One sentence and a hint on stderr, or the error as JSON; the exit status."""
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"error": problem.as_dict()}).decode(), err=True)
    else:
        click.echo(f"error: {problem.sentence}", err=True)
        if problem.hint:
            click.echo(f"hint: {problem.hint}", err=True)
    return problem.exit_status
