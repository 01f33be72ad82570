"""Other systems for these tests, found or installed once: a Redis server, a Kafka broker, a double of AWS.

`tests/services/.venv` and `tests/services/.kafka` are made by the first test that needs them and kept; nothing is installed by hand.  What cannot be had
skips the tests that need it, with the installer's last words.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
KAFKA = HERE / ".kafka"
INSTALL_SECONDS = 600


def find_redis() -> str:
    """A redis-server: on PATH, else the system's package."""
    if shutil.which("redis-server") is None and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        with one_at_a_time():
            _tell(["apt-get", "update", "-qq"])
            _install(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "redis-server"], "redis-server")
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("no redis-server: put one on PATH")
    return found


def install_moto() -> Path:
    """The Python of an environment with the double of AWS."""
    with one_at_a_time():
        stamp = ENVIRONMENT / "footfall.stamp"
        wanted = sys.version + hashlib.sha256((HERE / "requirements.txt").read_bytes()).hexdigest()
        if not (stamp.exists() and stamp.read_text() == wanted):
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", str(ENVIRONMENT)], check=True)
            pip = [sys.executable, "-m", "pip", "--python", str(PYTHON), "--disable-pip-version-check", "install", "--quiet"]
            _install([*pip, "--requirement", str(HERE / "requirements.txt")], "moto")
            stamp.write_text(wanted)
    return PYTHON


def install_kafka() -> Path:
    """A folder with the broker's jars, which Maven brings; Java runs it."""
    if shutil.which("java") is None or shutil.which("mvn") is None:
        pytest.skip("no Kafka broker: needs java and mvn on PATH")
    with one_at_a_time():
        pom = HERE / "kafka" / "pom.xml"
        stamp = KAFKA / "footfall.stamp"
        wanted = hashlib.sha256(pom.read_bytes()).hexdigest()
        if not (stamp.exists() and stamp.read_text() == wanted):
            shutil.rmtree(KAFKA, ignore_errors=True)
            command = [
                "mvn",
                "-q",
                "-B",
                "-f",
                str(pom),
                "dependency:copy-dependencies",
                f"-DoutputDirectory={KAFKA / 'lib'}",
                "-DincludeScope=runtime",
            ]
            _install(command, "the Kafka broker")
            stamp.write_text(wanted)
    return KAFKA / "lib"


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two test runs at once install one after the other."""
    with (HERE / ".install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _tell(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONWARNINGS")}
    return subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)


def _install(command: Sequence[str], what: str) -> None:
    try:
        done = _tell(command)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{what} could not be installed within {INSTALL_SECONDS} s")
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()
        pytest.skip(f"{what} could not be installed: {' / '.join(words[-3:])[:400]}")
