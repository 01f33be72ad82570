"""Parquet rows: every type as the text that JSON would hold, in batches of any size, from any row on."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from footfall.connectors.files.contract import Place
from footfall.connectors.files.parquet_rows import ParquetReader
from footfall.event.raw import FALSE, NESTED, NULL, NUMBER, TEXT, TRUE

TABLE = pa.table(
    {
        "text": pa.array(["a", None, "", "ü", "e"]),
        "float": pa.array([1.5, float("nan"), None, 1e300, -0.1]),
        "int": pa.array([1, None, 3, 2**60, -5]),
        "zoned": pa.array([datetime(2026, 1, 1, 12, 0, 0, 7, tzinfo=UTC)] * 5),
        "naive": pa.array([datetime(2026, 1, 1, 12)] * 5, pa.timestamp("ms")),
        "truth": pa.array([True, None, False, True, False]),
        "list": pa.array([[1, 2], None, [], [3], [4]]),
        "struct": pa.array([{"x": 1, "y": 'q"'}, None, {"x": 2, "y": "z"}, None, {"x": None, "y": "é"}]),
        "coded": pa.array(["x", "y", "x", None, ""]).dictionary_encode(),
        "day": pa.array([date(2026, 1, 2)] * 5),
    }
)
EXPECTED = [
    [("a", TEXT), ("1.5", NUMBER), ("1", NUMBER), ("true", TRUE), ([1, 2], NESTED), ({"x": 1, "y": 'q"'}, NESTED), ("x", TEXT)],
    [("", NULL), ("", NULL), ("", NULL), ("", NULL), ("", NULL), ("", NULL), ("y", TEXT)],
    [("", NULL), ("", NULL), ("3", NUMBER), ("false", FALSE), ([], NESTED), ({"x": 2, "y": "z"}, NESTED), ("x", TEXT)],
    [("ü", TEXT), ("1e+300", NUMBER), (str(2**60), NUMBER), ("true", TRUE), ([3], NESTED), ("", NULL), ("", NULL)],
    [("e", TEXT), ("-0.1", NUMBER), ("-5", NUMBER), ("false", FALSE), ([4], NESTED), ({"x": None, "y": "é"}, NESTED), ("", NULL)],
]


@pytest.mark.parametrize("batch_rows", [1, 2, 100])
@pytest.mark.parametrize("start", [0, 1, 4, 5])
def test_values_of_every_type(tmp_path, batch_rows, start):
    path = tmp_path / "x.parquet"
    pq.write_table(TABLE, path, row_group_size=3)
    reader = ParquetReader(path, place=Place(start, start, start), batch_rows=batch_rows)
    assert reader.rows == 5
    got = []
    while (raw := reader.read()) is not None:
        assert raw.first_row == start + len(got)
        for row in range(len(raw)):
            cells = [(raw.value(column, row), int(raw.cells[column, row, 2])) for column in range(len(raw.columns))]
            assert cells[3] == ("2026-01-01 12:00:00.000007Z", TEXT)
            assert cells[4] == ("2026-01-01 12:00:00.000", TEXT)
            assert cells[9] == ("2026-01-02", TEXT)
            assert json.loads(raw.text(row))["day"] == "2026-01-02"
            got.append([(json.loads(value) if kind == NESTED else value, kind) for value, kind in cells[:3] + cells[5:9]])
    assert got == EXPECTED[start:]
    assert reader.place.row == 5
    reader.close()
