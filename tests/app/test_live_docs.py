"""What the pages say of views, rules and actions can run: every table of TOML is read and checked, and no measure or kind is missing."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from footfall.app.live.actions import notify_of
from footfall.app.live.plan import live_plan
from footfall.app.project import init_project, open_project
from footfall.rules.menu import every_rule
from footfall.stream.measure import _KINDS, _WORDS, measure
from footfall.stream.settings import BUILT_IN_VIEWS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def examples(page: Path) -> list[str]:
    """Tables of TOML on a page, in blocks of their own and in commands that append to a footfall.toml."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    found += re.findall(r"^\$ cat >> \S+footfall\.toml << END\n(.*?)^END$", text, re.DOTALL | re.MULTILINE)
    return [example for example in found if re.search(r"^\[+(view|rule|notify|live|views|dimensions)\b", example, re.MULTILINE)]


EXAMPLES = [pytest.param(example, id=f"{page.stem}-{number}") for page in PAGES for number, example in enumerate(examples(page), 1)]
MODEL = re.search(r'```json\n({"format": "footfall\.linear/1".*?)```', (ROOT / "docs" / "rules.md").read_text(encoding="utf-8"), re.DOTALL)


def project_of(folder: Path, example: str):
    """A project of an example, with the files that it names."""
    (folder / "footfall.toml").write_text(example, encoding="utf-8")
    declared = tomllib.loads(example)
    for name, dimension in declared.get("dimensions", {}).items():
        columns = [dimension["key"], *dict.fromkeys(re.findall(rf"\b{name}\.(\w+)", re.sub(r"path = .*", "", example)))]
        if "path" in dimension:
            (folder / dimension["path"]).write_text(",".join(dict.fromkeys(columns)) + "\n")
    for rule in declared.get("rule", ()):
        if "model" in rule:
            (folder / rule["model"]).parent.mkdir(exist_ok=True)
            (folder / rule["model"]).write_text(MODEL[1])
    return open_project(folder), declared


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_can_run(example, tmp_path):
    project, declared = project_of(tmp_path, example)
    notify_of(project)
    if "query" in str(declared.get("dimensions")):
        return  # a database: tests/services runs it
    plan = live_plan(project)
    assert [view.name for view in plan.views] == [view["name"] for view in declared.get("view", ())]
    assert [rule.name for rule in plan.rules] == [rule["name"] for rule in declared.get("rule", ())]


def test_what_a_new_project_shows_can_run(tmp_path):
    text = (init_project(tmp_path / "new").path / "footfall.toml").read_text(encoding="utf-8")
    project, declared = project_of(tmp_path, re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE))
    assert [one.name for one in notify_of(project)] == ["ops"]
    assert [rule.actions for rule in live_plan(project).rules] == [("ops",)]
    assert {"project", "lake", "engine", "events", "dimensions", "view", "rule", "notify"} == set(declared)


def test_there_are_examples_of_everything():
    text = "\n".join(example for page in PAGES for example in examples(page))
    assert set(every_rule()) == set(re.findall(r'^kind = "(\w+)"$', text, re.MULTILINE)) & set(every_rule())
    assert len(EXAMPLES) > 25


def test_every_measure_is_explained():
    text = (ROOT / "docs" / "views.md").read_text(encoding="utf-8")
    missing = [word for word in _KINDS if not re.search(rf"^\|.*`{word}[`(]", text, re.MULTILINE)]
    assert missing == []
    assert [word for word in _WORDS if word != "quantile" and f"`{word}`" not in text] == []
    for said in re.findall(r"`([a-z0-9.]+\([^`)]*\))`", text.partition("## Measures")[2].partition("## How long")[0]):
        measure(said.replace("CONDITION", "status>=500"), field="measures")


def test_every_view_and_kind_has_its_place():
    views, rules = ((ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("views.md", "rules.md"))
    assert [name for name in BUILT_IN_VIEWS if f"| `{name}` |" not in views] == []
    assert [kind for kind in every_rule() if f"### `{kind}`" not in rules] == []
