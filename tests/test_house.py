"""The house: the lock file, the bootstrap and the Makefile do what they promise."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"


def test_every_locked_package_has_a_hash_and_no_index():
    text = LOCK.read_text(encoding="utf-8")
    packages = re.findall(r"^[a-z0-9][a-z0-9.-]*==\S+.*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(packages) > 30
    assert [package.split("==")[0] for package in packages if "--hash=sha256:" not in package] == []
    assert "://" not in text
    assert "index-url" not in text


def test_every_dependency_is_locked():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    wanted += [name for extra in project["project"]["optional-dependencies"].values() for name in extra]
    locked = set(re.findall(r"^([a-z0-9][a-z0-9.-]*)==", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    assert [name for name in wanted if re.split(r"[<>=\[]", name)[0] not in locked] == []


def test_the_pip_of_the_bootstrap_is_the_locked_one():
    (wheel,) = (ROOT / "tools").glob("pip-*.whl")
    assert f"--hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}" in LOCK.read_text(encoding="utf-8")


def test_the_bootstrap_needs_the_standard_library_only():
    program = f"import runpy; runpy.run_path({str(ROOT / 'tools' / 'bootstrap.py')!r}, run_name='checked')"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("recipe", ["demo", "install", "test", "test-all", "check", "bench", "docs", "lock"])
def test_the_makefile_has_the_recipe_and_its_word(recipe):
    assert re.search(rf"^{recipe}:.*## \S", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
