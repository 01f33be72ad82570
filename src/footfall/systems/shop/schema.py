"""The shop's files: their columns, how they map to events, and what the simulator promises about them."""

from __future__ import annotations

FILE_COLUMNS = (
    "event_time",  # 2026-10-05 08:15:02 UTC
    "event_type",  # view, cart, remove_from_cart, purchase
    "product_id",
    "category_id",  # 19 digits: more than a JavaScript number can hold
    "category_code",  # dotted path, often empty
    "brand",  # lower case, may be empty
    "price",  # US dollars
    "user_id",
    "user_session",  # uuid, changes after a long pause, may be empty
)

EVENT_TYPES = ("view", "cart", "remove_from_cart", "purchase")

FUNNEL = ("view", "cart", "purchase")

# event field -> column of the file, as `footfall import --map` takes it.
MAPPING = {"event_time": "event_time", "name": "event_type", "user_id": "user_id", "session_id": "user_session"}

# Promoted columns of the shop's project: name -> type.
EVENT_COLUMNS = {
    "product_id": "int64",
    "category_id": "int64",
    "category_code": "string",
    "brand": "string",
    "price": "float64",
}

# On the campaign day this many times as many people come, and each buys this much more often.
CAMPAIGN_LIFT = 1.6
