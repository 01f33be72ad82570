"""Real database servers for tests, each in a folder of its own, on a free port, gone with the test."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from up_support import wait_until

PASSWORD = "a secret: of footfall"


@dataclass
class Server:
    """A server that runs: its port on 127.0.0.1, the folder of its socket, and a way to run statements."""

    port: int
    folder: Path
    connect: Any

    def execute(self, *statements: str) -> None:
        connection = self.connect(self)
        try:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            connection.commit()
        finally:
            connection.close()


def _program(*names: str) -> str:
    for name in names:
        found = shutil.which(name) or next(iter(sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), reverse=True)), None)
        if found is not None:
            return found
    pytest.skip(f"needs {names[0]}, which is not installed")


def _nobody() -> dict[str, Any]:
    """Servers refuse to run as root."""
    return {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []} if os.getuid() == 0 else {}


@contextmanager
def _folder() -> Iterator[Path]:
    """A short path, for sockets, that the server's user can reach."""
    with tempfile.TemporaryDirectory(prefix="ff-", ignore_cleanup_errors=True) as name:
        if os.getuid() == 0:
            os.chown(name, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
        yield Path(name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def _running(command: list[str], folder: Path, server: Server, errors: tuple[type[Exception], ...]) -> Iterator[Server]:
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, **_nobody())
    try:

        def answers() -> bool:
            assert process.poll() is None, (folder / "output").read_text()
            with suppress(*errors):
                server.connect(server).close()
                return True
            return False

        wait_until(answers, 60)
        yield server
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server with the user and the database `footfall`, which asks for PASSWORD."""
    pg8000 = pytest.importorskip("pg8000.dbapi")
    initdb, postgres = _program("initdb"), _program("postgres")
    with _folder() as folder:
        (folder / "password").write_text(PASSWORD)
        data = folder / "data"
        made = subprocess.run(
            [initdb, "-D", data, "-U", "footfall", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "-E", "UTF8", "--no-sync", "--locale=C"],
            capture_output=True, text=True, check=False, cwd=folder, **_nobody(),
        )  # fmt: skip
        assert made.returncode == 0, made.stderr

        def connect(server: Server) -> Any:
            return pg8000.connect(user="footfall", password=PASSWORD, host="127.0.0.1", port=server.port, database="postgres", timeout=10)

        server = Server(_free_port(), folder, connect)
        command = [postgres, "-D", str(data), "-p", str(server.port), "-k", str(folder), "-h", "127.0.0.1", "-c", "fsync=off"]
        with _running(command, folder, server, (pg8000.Error, OSError)):
            yield server


@contextmanager
def mysql() -> Iterator[Server]:
    """A MariaDB or MySQL server with the user `footfall`, who needs PASSWORD, and the database `shop`."""
    pymysql = pytest.importorskip("pymysql")
    mysqld, install = _program("mariadbd", "mysqld"), _program("mariadb-install-db", "mysql_install_db")
    with _folder() as folder:
        made = subprocess.run(
            [install, "--no-defaults", f"--datadir={folder / 'data'}", "--auth-root-authentication-method=normal", "--skip-test-db"],
            capture_output=True, text=True, check=False, cwd=folder, **_nobody(),
        )  # fmt: skip
        assert made.returncode == 0, made.stdout + made.stderr

        def connect(_: Server) -> Any:
            if not (folder / "s").exists():
                raise OSError("no socket yet")  # the driver would leave its own open
            return pymysql.connect(unix_socket=str(folder / "s"), user="root", connect_timeout=10)

        server = Server(_free_port(), folder, connect)
        command = [
            mysqld,
            "--no-defaults",
            f"--datadir={folder / 'data'}",
            f"--socket={folder / 's'}",
            f"--port={server.port}",
            "--bind-address=127.0.0.1",
        ]
        with _running(command, folder, server, (pymysql.err.Error, OSError)):
            server.execute(
                "CREATE DATABASE shop CHARACTER SET utf8mb4",
                f"CREATE USER 'footfall'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
                f"CREATE USER 'footfall'@'localhost' IDENTIFIED BY '{PASSWORD}'",
                "GRANT ALL ON shop.* TO 'footfall'@'127.0.0.1'",
                "GRANT ALL ON shop.* TO 'footfall'@'localhost'",
            )
            yield server
