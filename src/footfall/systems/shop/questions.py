"""What a shopkeeper asks first: the analyses of the shop, with their parameters as plain values."""

from __future__ import annotations

from typing import Any

from footfall.systems.shop.schema import FUNNEL

# (analysis, parameters, heading)
QUESTIONS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("active", {}, "Visitors a day"),
    ("funnel", {"steps": FUNNEL, "window": "7d"}, "From look to purchase"),
    ("retention", {"interval": "day", "periods": 14}, "Who comes back"),
    (
        "movers",
        {"by": "category_code", "interval": "week", "periods": 4, "where": ["category_code!="], "minimum": 200, "limit": 8},
        "What rose and what fell, week on week",
    ),
    ("abandonment", {"start": "cart", "finish": "purchase", "item": "product_id", "within": "session"}, "Carts left behind"),
    ("sessions", {}, "Sessions"),
    ("transitions", {}, "What people do next"),
)
