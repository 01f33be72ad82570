"""The peers' own environments, as bench/requirements*.txt pin them, never footfall's: DuckDB, Polars and chDB share one, each stream engine has its own."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Environment:
    """One environment: where it is, what is in it, and whether that needs Java."""

    home: Path
    requirements: Path
    java: bool = False

    @property
    def python(self) -> Path:
        return self.home / "bin" / "python"

    def install(self) -> str | None:
        """Make or renew the environment; why it could not be made, or None."""
        if self.java and shutil.which("java") is None:
            return "no Java"
        wanted = hashlib.sha256(self.requirements.read_bytes()).hexdigest()
        stamp = self.home / "installed"
        if stamp.exists() and stamp.read_text() == wanted:
            return None
        uv = Path(sys.executable).with_name("uv")
        steps = (
            [[uv, "venv", "-q", "--clear", "--python", sys.executable, self.home], [uv, "pip", "install", "-q", "--python", self.python]]
            if uv.exists()
            else [[sys.executable, "-m", "venv", "--clear", self.home], [self.python, "-m", "pip", "install", "-q"]]
        )
        for step in [steps[0], [*steps[1], "-r", self.requirements]]:
            done = subprocess.run([str(part) for part in step], capture_output=True, text=True, check=False)
            if done.returncode:
                return (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        stamp.write_text(wanted)
        return None


QUERIES = Environment(HERE / ".venv", HERE / "requirements.txt")
STREAMS = {
    name: Environment(HERE / "results" / "peers" / name, HERE / f"requirements-{name}.txt", java=name != "bytewax")
    for name in ("bytewax", "flink", "spark")
}
