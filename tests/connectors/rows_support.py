"""Readers over bytes in memory, and their rows as plain Python."""

from __future__ import annotations

import io
import json

from footfall.connectors.files.contract import Place
from footfall.connectors.files.delimited import DelimitedReader
from footfall.connectors.files.json_rows import JsonReader
from footfall.connectors.files.window import Window
from footfall.event.cells.text import texts
from footfall.event.raw import FALSE, FINE, NESTED, NULL, NUMBER, TRUE


def delimited(text: bytes, columns, *, delimiter=",", line_end=10, block_bytes=1 << 20, ragged=False):
    return DelimitedReader(Window(io.BytesIO(text), line_end, block_bytes), delimiter, tuple(columns), place=Place(), ragged=ragged)


def json_rows(text: bytes, columns, *, elements=False, block_bytes=1 << 20, line_end=10):
    return JsonReader(Window(io.BytesIO(text), line_end, block_bytes), tuple(columns), place=Place(), elements=elements)


def rows_of(reader):
    """Every row: (line, fault, values).  Checks that rows and places run on."""
    rows = []
    while (raw := reader.read()) is not None:
        assert raw.first_row == len(rows)
        columns = [texts(raw.octets, raw.column(place))[0].to_pylist() for place in range(len(raw.columns))]
        rows += [(raw.line(row), int(raw.rows[row, 3]), [column[row] for column in columns]) for row in range(len(raw))]
        assert reader.place.row == len(rows)
    return rows


def objects_of(reader):
    """Every row of JSON: (line, fault, wanted members, the other members)."""
    rows = []
    while (raw := reader.read()) is not None:
        for row in range(len(raw)):
            wanted = {}
            for place, name in enumerate(raw.columns):
                what = int(raw.cells[place, row, 2])
                if what != NULL:
                    (value,) = texts(raw.octets, raw.cells[place, row : row + 1])[0].to_pylist()
                    wanted[name] = json.loads(value) if what in (NUMBER, TRUE, FALSE, NESTED) else value
            spans = raw.spans[raw.span_of[row] : raw.span_of[row + 1]]
            rest = "{" + ",".join(bytes(raw.octets[start:stop]).decode() for start, stop in spans) + "}"
            fault = int(raw.rows[row, 3])
            rows.append((raw.line(row), fault, wanted, json.loads(rest) if fault == FINE else None))
    return rows
