"""The tracking plan: which event names a project expects and which properties are columns of their own.

Declared in `footfall.toml`::

    [events]
    names = ["view", "cart", "purchase"]      # left out: every name is welcome
    [events.columns]
    price = "float64"
    product_id = "int64"

An event that breaks the plan is a dead letter with its DropReason, never a guess and never a silent cast.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec


class TrackingPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Allowed event names (None: any) and promoted columns (name -> type name, in the order of the schema)."""

    names: Annotated[tuple[str, ...] | None, msgspec.Meta(description="the event names the project expects; left out: every name is welcome")] = None
    columns: Annotated[
        dict[str, str],
        msgspec.Meta(description="properties that are columns of their own: string, int64, float64, bool, timestamp or date"),
    ] = {}

    def schema(self) -> Any:
        """The pyarrow schema of this project's events."""
        from footfall.event.schema import event_schema

        return event_schema(self.columns)
