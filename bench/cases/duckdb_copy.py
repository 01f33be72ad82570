"""DuckDB's plain COPY of one file to Parquet: types sniffed, nothing checked, no order kept, no identity, no commit."""

import os
import tempfile

import duckdb


def prepare(context):
    """A connection with as many threads as everybody."""
    con = duckdb.connect()
    con.execute(f"SET threads = {context['threads']}")
    con.execute("SET preserve_insertion_order = false")
    return con, context, tempfile.mkdtemp(prefix="copy-", dir=context["scratch"])


def _copy(prepared):
    con, context, folder = prepared
    reader = "read_csv" if context["file"].endswith(".csv") else "read_json"
    shape = "" if reader == "read_csv" else ", format = 'newline_delimited'"
    target = os.path.join(folder, "out.parquet")
    con.execute(f"COPY (SELECT * FROM {reader}('{context['file']}'{shape})) TO '{target}' (FORMAT parquet)")
    rows = con.execute(f"SELECT count(*) FROM read_parquet('{target}')").fetchone()[0]
    os.remove(target)
    return [rows, rows]


def close(prepared):
    """Drop the folder."""
    os.rmdir(prepared[2])


CASES = {"copy": _copy}
