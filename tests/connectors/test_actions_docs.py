"""docs/actions.md: its tables are read and built, its JSON is what is sent, its code checks a signature."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from actions_support import message
from footfall.app.live.actions import notify_of
from footfall.app.project import open_project
from footfall.connectors.actions.building import build_action
from footfall.connectors.actions.settings import KINDS
from footfall.connectors.actions.webhook import signature

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "actions.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def environment():
    names = re.findall(r'_env = "([A-Z_]+)"', PAGE) + re.findall(r'= "([A-Z_]+)" }', PAGE)
    return {name: "https://hooks.shop.example/x" if name.endswith("URL") else "s3cret" for name in names}


@pytest.mark.parametrize("table", blocks("toml"), ids=lambda table: re.findall(r'kind = "(\w+)"', table)[-1])
def test_a_table_is_read_and_built(table, environment, tmp_path):
    (tmp_path / "footfall.toml").write_text(table)
    project = open_project(tmp_path)
    (settings,) = notify_of(project)
    build_action(settings, tmp_path / ".footfall", environment).close()


def test_every_kind_has_an_example():
    assert {kind for table in blocks("toml") for kind in re.findall(r'\[\[notify\]\]\nname = .*\nkind = "(\w+)"', table)} == set(KINDS)


def test_the_json_is_what_is_sent():
    (shown,) = blocks("json")
    sent = message(id="8d3c1f0a6b5e4d27a1c90f1e2d3b4a59", severity="medium", details={})
    assert shown.strip().encode() == sent.body
    assert json.loads(shown)["text"] == sent.text


def test_the_code_checks_a_signature():
    (code,) = blocks("python")
    names: dict = {}
    exec(code, names)
    body = message().body
    assert names["genuine"](body, signature(body, b"s3cret"), "s3cret")
    assert not names["genuine"](body + b" ", signature(body, b"s3cret"), "s3cret")
    assert not names["genuine"](body, signature(body, b"other"), "s3cret")
