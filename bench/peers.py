"""The peers' own environment: chDB, DuckDB and Polars as bench/requirements.txt pins them, never in footfall's."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOME = HERE / ".venv"
PYTHON = HOME / "bin" / "python"
REQUIREMENTS = HERE / "requirements.txt"


def install() -> str | None:
    """Make or renew the environment; why it could not be made, or None."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    stamp = HOME / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return None
    uv = Path(sys.executable).with_name("uv")
    steps = (
        [[uv, "venv", "-q", "--clear", "--python", sys.executable, HOME], [uv, "pip", "install", "-q", "--python", PYTHON, "-r", REQUIREMENTS]]
        if uv.exists()
        else [[sys.executable, "-m", "venv", "--clear", HOME], [PYTHON, "-m", "pip", "install", "-q", "-r", REQUIREMENTS]]
    )
    for step in steps:
        done = subprocess.run([str(part) for part in step], capture_output=True, text=True, check=False)
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    stamp.write_text(wanted)
    return None
