"""What a user may say about a file instead of leaving it to be found out."""

from __future__ import annotations

import msgspec

from footfall.connectors.files.window import BLOCK_BYTES

FORMATS = ("csv", "ndjson", "json", "parquet", "log", "records")


class FileOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to read files; None means: find out.

    `format` is one of FORMATS; `delimiter` one character; `header` says whether the first row names the columns; `encoding` is a
    Python codec name; `time_zone` is where times without a zone were taken; `time_format` is a strptime pattern, a unit of epoch
    numbers (s, ms, us, ns) or an order of dates (ymd, dmy, mdy); `nulls` are texts that mean null in the ids, or `column:text` in
    one column; `empties` say `column:text` what an empty cell of a column stands for; `records` are rules of nested records such as `C:user_id=1` and `V:name=1`; `block_bytes` is how much is read at once.
    """

    format: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    encoding: str | None = None
    time_zone: str | None = None
    time_format: str | None = None
    nulls: tuple[str, ...] = ()
    empties: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    block_bytes: int = BLOCK_BYTES
