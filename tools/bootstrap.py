"""Make .venv at the root of the project and install footfall into it, with nothing but Python 3.11 or newer.

The environment is made without pip, so a Python whose ensurepip is missing (Debian splits it off) will do.  What installs is the pip
of this Python when there is a recent one, else the pip wheel beside this file, whose hash the lock file knows.  Every package comes from
requirements.lock with its hash, from whichever index pip is configured for.  When nothing changed since the last time, nothing happens.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = ENVIRONMENT / "footfall.stamp"
PYTHON_MIN = (3, 11)
PIP_MIN = (22, 3)  # the first that installs into another environment (--python)


def main() -> int:
    """Make or refresh the environment; the exit status."""
    if sys.version_info < PYTHON_MIN:
        return fail(
            f"footfall needs Python {'.'.join(map(str, PYTHON_MIN))} or newer, and this is {sys.version.split()[0]}", "make PYTHON=python3.12"
        )
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text() == wanted and python().exists():
        return 0
    STAMP.unlink(missing_ok=True)
    say(f"making {ENVIRONMENT.relative_to(ROOT)} with Python {sys.version.split()[0]}")
    try:
        venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt", clear=not runs(python())).create(ENVIRONMENT)
    except OSError as problem:
        return fail(f"{ENVIRONMENT} cannot be made: {problem}", "check the folder's permissions and free space")
    pip = installer()
    if not pip:
        return fail("there is no pip, and the wheel in tools/ does not match requirements.lock", "install pip for this Python")
    say("installing the locked packages")
    # The lock names every package, so nothing is resolved: a release newer than the lock cannot get in through somebody's extra.
    packages = [*pip, "install", "--no-deps", "--require-hashes", "--requirement", str(LOCK)]
    project = [*pip, "install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    for command in (packages, project):
        if subprocess.run(command, check=False, cwd=ROOT).returncode:  # noqa: S603  # our own command line
            return fail("the packages could not be installed", "check the network, or name your package index in PIP_INDEX_URL; then run make again")
    STAMP.write_text(wanted)
    say(f"ready: {ENVIRONMENT.relative_to(ROOT)}/bin/footfall --help")
    return 0


def fingerprint() -> str:
    """What the environment depends on: this Python, the lock, the project's metadata, this file, where the project lies."""
    parts = [sys.version, str(ROOT)]
    parts += [hashlib.sha256(path.read_bytes()).hexdigest() for path in (LOCK, ROOT / "pyproject.toml", Path(__file__))]
    return "\n".join(parts)


def python() -> Path:
    """The environment's own interpreter."""
    return ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def runs(interpreter: Path) -> bool:
    """Whether an environment is there and of this very Python, so that it can be refreshed in place."""
    if not interpreter.exists():
        return False
    program = "import sys; print(sys.version)"
    answer = subprocess.run([str(interpreter), "-c", program], check=False, capture_output=True, text=True)  # noqa: S603
    return answer.returncode == 0 and answer.stdout.strip() == sys.version.strip()


def installer() -> list[str]:
    """The pip to run: this Python's, when it is recent enough, else the wheel in tools/."""
    options = ["--python", str(python()), "--disable-pip-version-check", "--quiet"]
    if pip_version() >= PIP_MIN:
        return [sys.executable, "-m", "pip", *options]
    for wheel in sorted(Path(__file__).parent.glob("pip-*.whl")):
        if f"--hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}" in LOCK.read_text():
            return [sys.executable, f"{wheel}/pip", *options]
    return []


def pip_version() -> tuple[int, ...]:
    """The version of this Python's pip; empty without one."""
    try:
        import pip
    except ImportError:
        return ()
    return tuple(int(part) for part in re.findall(r"\d+", getattr(pip, "__version__", ""))[:2])


def say(text: str) -> None:
    """One line of talk."""
    print(f"footfall: {text}", file=sys.stderr, flush=True)


def fail(sentence: str, hint: str) -> int:
    """One sentence and a hint; the exit status."""
    print(f"error: {sentence}\nhint: {hint}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
