"""Fixtures of the tests against other systems, started here and ended with the test run; every test is marked `server`.

redis    a Redis server, empty for each test
kafka    a Kafka broker
aws      the address of a double of AWS
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from service_packages import find_redis, install_kafka, install_moto
from service_servers import Server, kafka_broker, moto_server, redis_server

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("server")


@pytest.fixture(scope="session")
def redis_binary() -> str:
    """The path of a redis-server."""
    return find_redis()


@pytest.fixture
def redis(redis_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Redis server."""
    with redis_server(redis_binary, tmp_path_factory.mktemp("redis")).running() as server:
        yield server


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Kafka broker."""
    with kafka_broker(install_kafka(), tmp_path_factory.mktemp("kafka")).running() as server:
        yield server


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A double of AWS for the whole run."""
    with moto_server(install_moto(), tmp_path_factory.mktemp("moto")).running() as server:
        yield server


@pytest.fixture
def aws(moto: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The address of a double of AWS, with credentials that it takes."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    return f"http://127.0.0.1:{moto.port}"
