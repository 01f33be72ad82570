"""What every command shares: the folder given with -C, the two streams, and the output options."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

    from footfall.app.project import Project

Command = TypeVar("Command", bound=Callable[..., Any])
PIPED_WIDTH = 160


@dataclass
class Session:
    """One run of the command.  `folder` is where the project is looked for, `identity_as_of` whose knowledge of persons counts."""

    folder: Path
    identity_as_of: str | None = None

    @cached_property
    def project(self) -> Project:
        """The project in the folder; NotAProject when there is none."""
        from footfall.app.project import open_project

        return open_project(self.folder, identity_as_of=self.identity_as_of)

    def path(self, given: str) -> str:
        """A file as the user wrote it: in the current folder, else in the folder of -C."""
        here = Path(given)
        if here.is_absolute() or here.exists() or any(Path().glob(given)):
            return given
        there = self.folder / given
        return str(there) if there.exists() or any(self.folder.glob(given)) else given


pass_session = click.make_pass_decorator(Session)


def stdout() -> Console:
    """Where data goes."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def stderr() -> Console:
    """Where talk goes."""
    from rich.console import Console

    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """One line of talk."""
    click.echo(text, err=True)


def json_option(command: Command) -> Command:
    """The option --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")(command)


def csv_option(command: Command) -> Command:
    """The option --csv."""
    return click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a header line on stdout.")(command)


def print_json(value: object) -> None:
    """A value as one JSON object; times are ISO 8601, decimals numbers."""
    import msgspec

    click.echo(msgspec.json.Encoder(enc_hook=str, decimal_format="number").encode(value).decode())
