"""Exact quantiles and the interval of a share."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

Z_95 = 1.959963984540054  # the standard normal's 97.5 % quantile


def wilson(successes: int, trials: int) -> tuple[float, float] | tuple[None, None]:
    """The 95 % interval of a share by Wilson's score method; none without trials.

    Unlike the normal approximation it stays inside 0 to 1 and is honest about 0 of n.  Source: E. B. Wilson, "Probable inference, the law
    of succession, and statistical inference", 1927.
    """
    if not trials:
        return None, None
    share = successes / trials
    scale = 1 + Z_95**2 / trials
    centre = (share + Z_95**2 / (2 * trials)) / scale
    half = Z_95 * sqrt(share * (1 - share) / trials + Z_95**2 / (4 * trials**2)) / scale
    return max(0.0, centre - half), min(1.0, centre + half)


def quantiles_s(durations_us: Any, shares: Sequence[float]) -> list[float | None]:
    """(n,) int64 microseconds -> exact quantiles in seconds, between two values by their distance; none of nothing.

    The same numbers as SQL's percentile_cont.  Cost: one selection a quantile, linear in n.
    """
    import numpy as np

    found: list[float | None] = []
    for share in shares:
        if not len(durations_us):
            found.append(None)
            continue
        place = (len(durations_us) - 1) * share
        below = int(place)
        selected = np.partition(durations_us, below)
        low = int(selected[below])
        high = int(selected[below + 1 :].min()) if place > below else low
        found.append((low + (high - low) * (place - below)) / 1e6)
    return found


def ratio(part: float, whole: float) -> float | None:
    """The share of a part, none when there is nothing to divide by."""
    return part / whole if whole else None
