"""The servers themselves, each on free ports, in a folder of its own, and ended with the test run."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from up_support import wait_until

UP_SECONDS = 60


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Server:
    """A server of somebody else's.  It can be killed, hung and started again on the same port."""

    def __init__(self, command: Sequence[str], folder: Path, port: int, **environment: str) -> None:
        self.port = port
        self._command = command
        self._folder = folder
        self._environment = {
            name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONWARNINGS")
        } | environment
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(lambda: listens(self.port) or self._process.poll() is not None, UP_SECONDS)
        assert self._process.poll() is None, (self._folder / "server.log").read_text()[-2_000:]

    def kill(self) -> None:
        """kill -9."""
        self.go_on()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        if self._process is not None:
            self._process.wait(30)

    def hang(self) -> None:
        """It answers nothing until `go_on`."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        self.start()
        try:
            yield self
        finally:
            self.kill()


def redis_server(binary: str, folder: Path, *options: str) -> Server:
    """A Redis that keeps nothing beyond its life, or what `options` say."""
    port = free_port()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *options]
    return Server(command, folder, port)


def moto_server(python: Path, folder: Path) -> Server:
    """A double of AWS."""
    port = free_port()
    return Server([str(python), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], folder, port)


def kafka_broker(jars: Path, folder: Path) -> Server:
    """One broker in KRaft mode, its topics made by whoever writes to them."""
    port, control = free_port(), free_port()
    settings = folder / "server.properties"
    settings.write_text(
        f"process.roles=broker,controller\nnode.id=1\nlisteners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{control}\n"
        f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n"
        f"controller.quorum.bootstrap.servers=127.0.0.1:{control}\nlog.dirs={folder / 'log'}\noffsets.topic.replication.factor=1\n"
        "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\ngroup.initial.rebalance.delay.ms=0\n"
        "message.max.bytes=200000\n"
    )
    java = ["java", "-Xmx512m", "-cp", f"{jars}/*"]
    identity = "AAAAAAAAQACAAAAAAAAAAA"
    command = [*java, "kafka.tools.StorageTool", "format", "--standalone", "-t", identity, "-c", str(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Server([*java, "kafka.Kafka", str(settings)], folder, port)
