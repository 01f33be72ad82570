"""What every engine must agree on: one log with everything that goes wrong in real ones, and questions from every analysis.

A new engine adds one entry to `ENGINES` in test_conformance.py: a function from a lake to an Engine.  What it cannot do it refuses
by name, and the case is then marked there as notimpl, notyet or never.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 11, 1, tzinfo=UTC)
START_US = 1_790_000_000_000_000
HOUR_US = 3_600_000_000

CASES: list[tuple[str, dict[str, Any]]] = [
    ("trends", {}),
    ("trends", {"events": ["view", "buy"], "measure": "people", "formula": "B / A * 100"}),
    ("trends", {"measure": "sum:price", "interval": "week", "breakdown": "country", "where": ["price>=2"]}),
    ("trends", {"events": ["cart"], "interval": "hour", "since": "2026-09-22", "until": "2026-09-24"}),
    ("active", {}),
    ("active", {"mode": "calendar", "where": ["country!=DE"]}),
    ("sessions", {}),
    ("sessions", {"gap": "5m", "breakdown": "country"}),
    ("sessions", {"gap": "none", "max_length": "12h", "cut_at_midnight": True, "exclude_events": ["ping"]}),
    ("funnel", {"steps": ["view", "cart", "buy"]}),
    ("funnel", {"steps": ["view", "view", "buy"], "window": "none"}),
    ("funnel", {"steps": ["view", "buy"], "window": "1h", "breakdown": "country", "where": ["price<9"]}),
    ("funnel", {"steps": ["view", "cart"], "window": "2d", "since": "2026-09-23", "until": "2026-09-26"}),
    ("funnel", {"steps": ["view", "buy"], "where": ["properties.plan=pro"], "breakdown": "properties.plan"}),
    ("retention", {}),
    ("retention", {"interval": "week", "returning": "on_or_after", "start_event": "view", "return_event": "buy", "periods": 3}),
    ("retention", {"mode": "rolling", "breakdown": "country", "periods": 5, "first": "in_range", "since": "2026-09-23"}),
    ("transitions", {}),
    ("transitions", {"gap": "none", "collapse": True, "where": ["name!=ping"]}),
    ("paths", {"limit": 0}),
    ("paths", {"gap": "none", "start": "view", "end": "buy", "max_steps": 4, "collapse": True, "limit": 5}),
    ("movers", {"by": "name", "interval": "day"}),
    ("movers", {"by": "country", "measure": "sum:price", "interval": "week", "periods": 2}),
    ("profile", {}),
    ("abandonment", {"start": "cart", "finish": "buy", "item": "product"}),
    ("abandonment", {"start": "cart", "finish": "buy", "within": "2h", "interval": "week"}),
]


def log(seed: int, count: int = 400) -> list[dict[str, Any]]:
    """Ties, silent people, one very busy person, nulls, quotes in names, late rows, a value that is no JSON key."""
    rng = random.Random(seed)
    events = []
    for _ in range(count):
        busy = rng.random() < 0.2
        at = START_US + int(rng.random() ** 2 * 12 * 24) * HOUR_US + rng.choice([0, 0, 1, 59_999_999, 1_800_000_000, 1_800_000_001])
        events.append(
            {
                "user_id": "busy" if busy else f"o'{rng.randrange(25)}",
                "name": rng.choices(["view", "cart", "buy", "ping", 'odd "name"'], [5, 2, 1, 2, 1])[0],
                "event_time": at,
                "price": rng.choice([None, 0.0, 1.5, 2.0, 9.99]),
                "product": rng.choice([None, 1, 2, 3]),
                "country": rng.choice([None, "DE", "FR", "d'Ivoire"]),
                "session_id": rng.choice([None, "s1", "s2"]),
                "properties": rng.choice([None, '{"plan":"pro"}', '{"plan":"free","n":1}', "{}"]),
            }
        )
    return events
