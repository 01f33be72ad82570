"""The commands that send and mend are documented option by option."""

from __future__ import annotations

from pathlib import Path

import pytest

from footfall.cli.main import footfall

DOCS = Path(__file__).resolve().parents[2] / "docs"


def options_of(command):
    return {name for parameter in command.params for name in parameter.opts if name.startswith("--")}


@pytest.mark.parametrize(("command", "page"), [("tail", "logs.md"), ("deadletters", "dead-letters.md")])
def test_every_option_is_explained(command, page):
    text = (DOCS / page).read_text(encoding="utf-8")
    found = footfall.get_command(None, command)
    commands = [found, *getattr(found, "commands", {}).values()]
    options = set().union(*(options_of(one) for one in commands)) - {"--json", "--csv", "--limit", "--dry-run"}
    assert sorted(name for name in options if name not in text) == []
