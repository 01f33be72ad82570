"""A multi-category shop: its event schema, and a seeded simulator of its history."""

from footfall.systems.shop.history import ShopHistory, WrittenFile, write_history
from footfall.systems.shop.questions import QUESTIONS
from footfall.systems.shop.schema import CAMPAIGN_LIFT, EVENT_COLUMNS, FILE_COLUMNS, FUNNEL, MAPPING

__all__ = [
    "CAMPAIGN_LIFT",
    "EVENT_COLUMNS",
    "FILE_COLUMNS",
    "FUNNEL",
    "MAPPING",
    "QUESTIONS",
    "ShopHistory",
    "WrittenFile",
    "write_history",
]
