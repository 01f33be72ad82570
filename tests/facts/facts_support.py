"""What the facts' tests share."""

from __future__ import annotations

from typing import Any


def counts(summary: dict[str, Any]) -> tuple[int, int, int, int]:
    """read, stored, duplicate, dead-lettered; they reconcile."""
    total = summary["total"]
    numbers = (total["read"], total["stored"], total["duplicate"], total["dead_lettered"])
    assert numbers[0] == sum(numbers[1:])
    return numbers
