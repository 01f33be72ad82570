"""Files that a compaction replaced: kept for an hour, since a reader in another process may be in the middle of them.

Erasure and expiry do not wait: what they replace is deleted at once.  Cost: one line a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from footfall import clock

GRACE_US = 3_600_000_000


def retire(ledger: Path, names: Iterable[str]) -> None:
    """Note the files as replaced now."""
    now_us = clock.now_us()
    with ledger.open("a", encoding="utf-8") as lines:
        lines.writelines(json.dumps({"file": name, "retired_us": now_us}) + "\n" for name in names)


def sweep(ledger: Path, folder: Path) -> int:
    """Delete the files whose hour is over; how many those were."""
    if not ledger.exists():
        return 0
    due = clock.now_us() - GRACE_US
    kept: list[str] = []
    swept = 0
    for line in ledger.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["retired_us"] > due:
            kept.append(line)
        else:
            (folder / entry["file"]).unlink(missing_ok=True)
            swept += 1
    partial = ledger.with_suffix(".partial")
    partial.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    partial.replace(ledger)
    return swept
