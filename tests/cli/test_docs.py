"""The documentation is true: its commands run, its tables are current, and nothing that exists is missing from it."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from footfall import errors
from footfall.cli.main import footfall, main
from footfall.event.drop import DropReason
from up_support import Up, landed_all, seen_all, wait_until

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])


def console_lines(page: Path) -> list[str]:
    """Lines of the page's console blocks, commands beginning with `$ `."""
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks if "$ footfall" in block for line in block.splitlines() if line.strip()]


RUNNABLE = [page for page in PAGES if console_lines(page)]


QUIET = [page for page in RUNNABLE if not any(line.endswith(" &") for line in console_lines(page))]
SERVED = [page for page in RUNNABLE if page not in QUIET]


def run_page(page, tmp_path, monkeypatch, capsys, other=None):
    """Every console line of a page, in order; `other` runs what is no plain footfall command and returns what it printed."""
    for example in (DOCS / "examples").iterdir():
        shutil.copy(example, tmp_path)
    monkeypatch.chdir(tmp_path)
    printed: list[str] | None = None
    lines = iter(console_lines(page))
    for line in lines:
        if written := re.fullmatch(r"\$ cat >> (\S+) << END", line):
            with (tmp_path / written[1]).open("a", encoding="utf-8") as file:
                file.writelines(f"{one}\n" for one in iter(lambda: next(lines), "END"))
            printed = []
            continue
        if not line.startswith("$ "):
            assert printed, f"{page.name} shows more than was printed: {line}"
            assert line == printed.pop(0)
            continue
        command = line.removeprefix("$ ")
        words = shlex.split(command)
        if other is not None and (words[0] != "footfall" or words[-1] == "&"):
            printed = other(command)
            continue
        assert words[0] == "footfall", line
        assert main(words[1:]) == 0, f"{line}\n{capsys.readouterr().err}"
        printed = capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("page", QUIET, ids=[page.name for page in QUIET])
def test_commands_of_a_page_run_and_print_what_it_says(page, tmp_path, monkeypatch, capsys):
    run_page(page, tmp_path, monkeypatch, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("page", SERVED, ids=[page.name for page in SERVED])
def test_commands_of_a_page_with_a_server_run_and_print_what_it_says(page, tmp_path, monkeypatch, capsys):
    """`footfall -C DIR up &` starts a real server on a free port that stands for 8787, `kill %1` ends it; curl lines are run by a shell."""
    if shutil.which("curl") is None:
        pytest.skip("needs curl on the PATH, as the page does")
    ups: list[Up] = []

    def other(command):
        if command.endswith(" &"):
            ups.append(Up(tmp_path / command.split()[2]).start())
            monkeypatch.setenv("FOOTFALL_COLLECT__PORT", str(ups[-1].port))
            return []
        if command.startswith("kill %1"):
            ups.pop().stop()
            return []
        assert command.startswith("curl "), command
        done = subprocess.run(command.replace("8787", str(ups[-1].port)), shell=True, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        wait_until(lambda: landed_all(ups[-1].folder) and seen_all(ups[-1].folder), 60)
        return done.stdout.splitlines()

    try:
        run_page(page, tmp_path, monkeypatch, capsys, other)
    finally:
        for up in ups:
            up.stop()


def test_links_lead_somewhere():
    broken = []
    for page in PAGES:
        targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
        broken += [f"{page.name}: {target}" for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert broken == []


def test_pages_that_the_code_names_are_there():
    named = {name for path in (ROOT / "src").rglob("*.py") for name in re.findall(r"\bdocs/[a-z0-9/-]+\.md\b", path.read_text(encoding="utf-8"))}
    assert len(named) > 5
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_generated_parts_are_current():
    spec = importlib.util.spec_from_file_location("footfall_docs", ROOT / "tools" / "docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stale = [page.name for page in DOCS.rglob("*.md") if module.written(page.read_text(encoding="utf-8")) != page.read_text(encoding="utf-8")]
    assert stale == [], "run make docs"


def test_every_command_is_shown_in_use():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    shown = set(re.findall(r"footfall (?:-C \S+ )?([a-z]+)", text))
    assert sorted(set(footfall.list_commands(None)) - shown) == []


def test_every_option_of_import_is_explained():
    text = (DOCS / "import.md").read_text(encoding="utf-8")
    options = [name for parameter in footfall.get_command(None, "import").params for name in parameter.opts if name.startswith("--")]
    assert [name for name in options if name not in text] == []


def test_every_drop_reason_and_error_code_is_explained():
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    leaves = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.FootfallError) and not kind.__subclasses__()
    ]
    assert [reason.value for reason in DropReason if f"`{reason.value}`" not in text] == []
    assert [kind.code for kind in leaves if f"`{kind.code}`" not in text] == []
    assert len(leaves) <= 15


def test_the_drawn_tree_of_errors_is_the_real_one():
    drawn = {match[1]: match[2] for match in re.finditer(r"^[\s│├└─]*(\w+) {2,}(\S.*)$", errors.__doc__, re.MULTILINE)}
    real = {kind.__name__ for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.FootfallError)}
    assert real - {"FootfallError"} == set(drawn)


def test_the_first_lines_of_the_readme_are_the_two_commands():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line.split("#")[0].strip() for line in lines[1:3]] == ["make demo", "make test"]


def test_architecture_names_files_that_exist():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)(?::\w+)?`", text)
    assert len(named) > 15
    assert [name for name in named if not (ROOT / "src" / "footfall" / name).exists() and not (ROOT / name).exists()] == []


def test_every_tested_sdk_is_in_the_table_of_sdks():
    text = (DOCS / "sdks.md").read_text(encoding="utf-8")
    sdks = ROOT / "tests" / "sdk"
    pinned = (sdks / "requirements.txt").read_text(encoding="utf-8").partition("\n\n")[0]  # what they need comes after the blank line
    tested = [line.partition("==")[0] for line in pinned.splitlines() if "==" in line]
    tested += json.loads((sdks / "package.json").read_text(encoding="utf-8"))["dependencies"]
    tools = {"esbuild", "puppeteer-core", "@sparticuz/chromium"}
    assert [name for name in tested if name not in tools and f"`{name}`" not in text] == []
