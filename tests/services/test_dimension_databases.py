"""Dimensions from real servers: PostgreSQL, and MariaDB or MySQL, with their types and their failures."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from database_support import PASSWORD, mysql, postgresql

from footfall.connectors.dimensions.database import DatabaseSource
from footfall.connectors.dimensions.drivers import place_of
from footfall.connectors.dimensions.watching import Dimensions, Watched
from footfall.errors import FootfallError, InvalidConfig, StorageFailed

pytestmark = pytest.mark.server


def test_postgresql_gives_its_types_and_its_failures_are_told(tmp_path):
    with postgresql() as server:
        server.execute(
            "CREATE TABLE p (id int8, name text, price numeric(9,2), since timestamptz, born date, vip bool, tags text[], extra jsonb, code uuid, day timestamp)",
            "INSERT INTO p VALUES (1, 'Çay', 1.50, '2026-11-01T08:00+02', '2000-01-01', true, '{a,b}', '{\"k\":1}', "
            "'6f2a8c1e-0000-4000-8000-000000000001', '2026-11-01 08:00:00'), (2, NULL, 20, NULL, NULL, false, NULL, NULL, NULL, NULL)",
        )
        url = f"postgresql://footfall@127.0.0.1:{server.port}/postgres"
        place = place_of("products", url, tmp_path, PASSWORD)
        assert PASSWORD not in repr(place)
        source = DatabaseSource("products", place, "SELECT * FROM p ORDER BY id")
        dimensions = Dimensions({"products": Watched(source, "id", None, 0)}, (told := []).append)
        assert dimensions.rows["products"].to_pylist() == [
            {
                "id": 1, "name": "Çay", "price": 1.5, "since": datetime(2026, 11, 1, 6, tzinfo=UTC), "born": date(2000, 1, 1), "vip": True,
                "tags": '["a", "b"]', "extra": '{"k": 1}', "code": "6f2a8c1e-0000-4000-8000-000000000001", "day": datetime(2026, 11, 1, 8, tzinfo=UTC),
            },
            {"id": 2, "name": None, "price": 20.0, "vip": False} | dict.fromkeys(("since", "born", "tags", "extra", "code", "day")),
        ]  # fmt: skip
        assert not dimensions.update()
        server.execute("UPDATE p SET price = 2 WHERE id = 1")
        assert dimensions.update()
        assert dimensions.rows["products"].column("price").to_pylist() == [2.0, 20.0]
        socket = place_of("products", f"postgresql://footfall@:{server.port}/postgres?host={server.folder}", tmp_path, PASSWORD)
        assert DatabaseSource("products", socket, "SELECT 1 AS id").load().to_pylist() == [{"id": 1}]
        for query, kind, sentence in (
            ("DELETE FROM p", InvalidConfig, "the query of dimension 'products' is refused: cannot execute DELETE in a read-only transaction"),
            ("SELECT missing FROM p", InvalidConfig, "the query of dimension 'products' is refused: column \"missing\" does not exist"),
        ):
            with pytest.raises(kind) as caught:
                DatabaseSource("products", place, query).load()
            assert caught.value.sentence == sentence
        wrong = place_of("products", url, tmp_path, "wrong")
        with pytest.raises(StorageFailed, match=r"the database at 127\.0\.0\.1 cannot be asked: password authentication failed"):
            DatabaseSource("products", wrong, "SELECT 1").load()
        with pytest.raises(StorageFailed, match="cannot be asked"):
            DatabaseSource("products", place_of("products", f"{url}?sslmode=require", tmp_path, PASSWORD), "SELECT 1").load()
    assert not dimensions.update()
    assert not dimensions.update()
    assert len(told) == 1
    assert told[0].startswith("dimension 'products': the database at 127.0.0.1 cannot be asked: ")
    assert dimensions.rows["products"].num_rows == 2


def test_mysql_gives_its_types_and_its_failures_are_told(tmp_path):
    with mysql() as server:
        server.execute(
            "CREATE TABLE shop.p (id bigint, name text, price decimal(9,2), since datetime, born date, vip tinyint(1), extra json)",
            "INSERT INTO shop.p VALUES (1, 'Çay', 1.50, '2026-11-01 08:00:00', '2000-01-01', 1, '{\"k\":1}'), (2, NULL, 20, NULL, NULL, 0, NULL)",
        )
        url = f"mysql://footfall@127.0.0.1:{server.port}/shop"
        place = place_of("products", url, tmp_path, PASSWORD)
        source = DatabaseSource("products", place, "SELECT * FROM p ORDER BY id")
        dimensions = Dimensions({"products": Watched(source, "id", None, 0)}, (told := []).append)
        first, second = dimensions.rows["products"].to_pylist()
        assert first == {
            "id": 1, "name": "Çay", "price": 1.5, "since": datetime(2026, 11, 1, 8, tzinfo=UTC), "born": date(2000, 1, 1), "vip": 1, "extra": '{"k":1}'
        }  # fmt: skip
        assert second == {"id": 2, "name": None, "price": 20.0, "vip": 0} | dict.fromkeys(("since", "born", "extra"))
        assert not dimensions.update()
        server.execute("UPDATE shop.p SET price = 2 WHERE id = 1")
        assert dimensions.update()
        for query, sentence in (
            ("DELETE FROM p", "Cannot execute statement in a READ ONLY transaction"),
            ("SELECT missing FROM p", "Unknown column 'missing' in"),
        ):
            with pytest.raises(FootfallError, match=sentence):
                DatabaseSource("products", place, query).load()
        with pytest.raises(StorageFailed, match=r"the database at 127\.0\.0\.1 cannot be asked: Access denied for user"):
            DatabaseSource("products", place_of("products", url, tmp_path, "wrong"), "SELECT 1").load()
    assert [dimensions.update(), dimensions.update()] == [False, False]
    assert len(told) == 1
    assert dimensions.rows["products"].num_rows == 2
