"""The house rules that a program can check.  An exemption is a name with its reason, here and nowhere else."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "footfall"
MODULES = sorted(SOURCE.rglob("*.py"))
INSTALLED = {".venv", "node_modules", ".chromium"}  # other people's packages, which tests/sdk installs beside itself
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if not INSTALLED & set(path.relative_to(ROOT).parts))
PROGRAMS = sorted([*(ROOT / "tools").glob("*.py"), *(ROOT / "bench").glob("*.py"), *(ROOT / "bench" / "cases").glob("*.py")])

FILE_LINES, FILE_LINES_HARD = 400, 600
FUNCTION_LINES, FUNCTION_LINES_HARD = 40, 70
PARAMETERS = 6
MODULES_A_ROOM = 15

# name -> reason.  A file may then have up to 600 lines, a function up to 70 logic lines or more than 6 parameters.
LONG_FILES: dict[str, str] = {}
ONE_LOOP = "one compiled loop with all of its state in sight is clearer than pieces that numba inlines again"
LONG_FUNCTIONS: dict[str, str] = {
    "kernels/funnel.py:funnel": ONE_LOOP,
    "kernels/paths.py:paths": ONE_LOOP,
    "kernels/retention.py:returns": ONE_LOOP,
    "connectors/files/access_log.py:_line": ONE_LOOP,
    "connectors/files/delimited.py:_tokenise": ONE_LOOP,
    "connectors/files/json_rows.py:_read_lines": ONE_LOOP,
    "event/cells/json_scan.py:nested_end": ONE_LOOP,
    "event/cells/json_scan.py:scan_object": ONE_LOOP,
    "event/cells/json_tree.py:scan_tree": ONE_LOOP,
    "event/cells/calendar_text.py:_clock": ONE_LOOP,
}
VERY_LONG_FUNCTIONS = {"connectors/files/delimited.py:_tokenise": "measured: a call for each quoted field makes it 1.2 to 1.4 times slower"}
FLAT = "compiled: tables and columns one by one, because kernels are many times slower with tuples of arrays"
MANY_PARAMETERS: dict[str, str] = {
    "engines/duckdb.py:DuckDBEngine.__init__": "the settings of an engine, all by name, each with a default",
    "connectors/files/access_log.py:_put": "compiled: the cell, its bytes and their kind as plain numbers",
    "kernels/live/active.py:see": FLAT,
    "kernels/live/sessions.py:take": FLAT,
    "kernels/live/windows.py:take": FLAT,
}
MANY_MODULES: dict[str, str] = {}
MENUS_WITH_CODE = {"__init__.py": "import footfall must not load what a script does not use, so its menu is loaded by name"}

GRAB_BAGS = {"util", "utils", "common", "manager", "managers", "helper", "helpers", "misc", "base", "core", "tools", "stuff", "shared", "lib"}
CLOCKS = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"), ("time", "time_ns"),
    ("time", "monotonic"), ("time", "monotonic_ns"), ("time", "perf_counter"), ("time", "perf_counter_ns"), ("time", "sleep"),
}  # fmt: skip
ENGINE_LIBRARIES = {"duckdb": ("engines", "lake"), "deltalake": ("lake",), "pyspark": ("engines", "lake"), "trino": ("engines", "lake")}
FRAGMENT = re.compile(r"^[a-z0-9-]+\.(feature|fix|change|removal|doc)\.md$")
ELSEWHERE = re.compile(r"(?<![\w.])/(work|root|home|opt|Users)/\w|/tmp/(?!footfall)\w")
LEFTOVERS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions_of(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function of a module with its name, as in `lake/delta.py:DeltaLake.commit`."""

    def below(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{prefix}{child.name}", child
                yield from below(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.ClassDef):
                yield from below(child, f"{prefix}{child.name}.")
            else:
                yield from below(child, prefix)

    yield from below(tree_of(path), f"{name_of(path)}:")


@cache
def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def logic_lines(path: Path, function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last, without comments and blanks."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    lines = lines_of(path)[body[0].lineno - 1 : body[-1].end_lineno] if body else []
    return sum(1 for line in lines if line.strip() and not line.strip().startswith("#"))


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def test_files_are_short():
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES and name not in LONG_FILES} == {}
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES_HARD} == {}


def test_functions_are_short():
    lengths = {name: logic_lines(path, function) for path in MODULES for name, function in functions_of(path)}
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES and name not in LONG_FUNCTIONS} == {}
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_HARD and name not in VERY_LONG_FUNCTIONS} == {}


def test_functions_take_few_parameters():
    many = {}
    for path in MODULES:
        for name, function in functions_of(path):
            arguments = function.args
            given = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
            taken = [argument for argument in given if argument not in ("self", "cls")]
            # A command's parameters are its options: click passes each by name.
            if len(taken) > PARAMETERS and name not in MANY_PARAMETERS and not is_command(function):
                many[name] = len(taken)
    assert many == {}


def is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("click" in ast.unparse(decorator) for decorator in function.decorator_list)


def test_exemptions_are_needed():
    lengths = {name: logic_lines(path, function) for path in MODULES for name, function in functions_of(path)}
    parameters = {name for path in MODULES for name, _ in functions_of(path)}
    files = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert [name for name in LONG_FUNCTIONS if lengths.get(name, 0) <= FUNCTION_LINES] == []
    assert [name for name in LONG_FILES if files.get(name, 0) <= FILE_LINES] == []
    assert [name for name in MANY_PARAMETERS if name not in parameters] == []


def test_rooms_hold_few_modules():
    rooms = Counter(path.parent.relative_to(SOURCE).as_posix() for path in MODULES if path.name != "__init__.py")
    assert {room: count for room, count in rooms.items() if count > MODULES_A_ROOM and room not in MANY_MODULES} == {}


def test_no_grab_bags():
    assert [name_of(path) for path in MODULES if path.stem in GRAB_BAGS] == []


def test_every_module_says_what_it_is():
    assert [str(path.relative_to(ROOT)) for path in [*MODULES, *TESTS, *PROGRAMS] if not ast.get_docstring(tree_of(path))] == []


def test_menus_hold_imports_only():
    wrong = []
    for path in MODULES:
        if path.name != "__init__.py" or name_of(path) in MENUS_WITH_CODE:
            continue
        for node in tree_of(path).body:
            is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            is_all = isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]
            if not (is_docstring or is_all or isinstance(node, ast.Import | ast.ImportFrom)):
                wrong.append(f"{name_of(path)}:{node.lineno}")
    assert wrong == []


def test_only_the_app_catches_everything():
    wrong = []
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            caught = ast.unparse(node.type) if isinstance(node, ast.ExceptHandler) and node.type else ""
            bare = isinstance(node, ast.ExceptHandler) and node.type is None
            # `except BaseException: clean up; raise` passes everything on.
            passes_on = isinstance(node, ast.ExceptHandler) and isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            if (bare or re.search(r"\b(Base)?Exception\b", caught)) and not passes_on and not name_of(path).startswith("app/"):
                wrong.append(f"{name_of(path)}:{node.lineno}")
    assert wrong == []


def test_only_the_clock_knows_the_time():
    wrong = []
    for path in [*MODULES, *TESTS]:
        if path == SOURCE / "clock.py":
            continue
        for node in ast.walk(tree_of(path)):
            is_call = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            if is_call and (node.value.id, node.attr) in CLOCKS:
                wrong += [f"{path.relative_to(ROOT)}:{node.lineno}: {node.value.id}.{node.attr}"]
    assert wrong == []


@pytest.mark.parametrize("library", sorted(ENGINE_LIBRARIES))
def test_engine_libraries_stay_in_their_rooms(library):
    rooms = ENGINE_LIBRARIES[library]
    assert [name_of(path) for path in MODULES if library in imported(tree_of(path)) and name_of(path).split("/")[0] not in rooms] == []


def test_only_the_command_line_prints():
    wrong = []
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            is_print = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "eval", "exec", "breakpoint")
            if is_print and not name_of(path).startswith("cli/"):
                wrong.append(f"{name_of(path)}:{node.lineno}")
    assert wrong == []


def test_test_files_have_names_of_their_own():
    names = Counter(path.name for path in TESTS if path.name.startswith("test_"))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_room_has_a_short_readme():
    rooms = sorted(path for path in SOURCE.iterdir() if path.is_dir() and (path / "__init__.py").exists())
    assert [room.name for room in rooms if not (room / "README.md").exists()] == []
    assert [room.name for room in rooms if len((room / "README.md").read_text(encoding="utf-8").splitlines()) > 20] == []


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: which files belong to the project is not known")
    return [ROOT / line for line in listed.stdout.splitlines()]


def test_nothing_is_left_over():
    wrong = []
    for path in tracked_files():
        if path.suffix not in (".py", ".md", ".toml", ".sh", "") or path == Path(__file__) or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if LEFTOVERS.search(line) or ELSEWHERE.search(line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert wrong == []


def test_changelog_fragments_are_one_sentence():
    folder = ROOT / "changelog.d"
    fragments = [path for path in folder.iterdir() if path.name != "README.md"]
    assert [path.name for path in fragments if not FRAGMENT.match(path.name)] == []
    wordy = [path.name for path in fragments if len(path.read_text(encoding="utf-8").split()) > 60]
    assert wordy == []


def test_prose_is_plain():
    """No word that tells a reader how easy it is."""
    wrong = []
    for path in [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"\b(simply|obviously|of course)\b", line, re.IGNORECASE):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert wrong == []
