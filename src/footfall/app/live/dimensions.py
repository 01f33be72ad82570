"""The dimension tables of a project as the live path looks things up in them: loaded once, and again when their source changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from footfall.app.project import Project
    from footfall.stream.dimensions import DimensionTable


class ProjectDimensions:
    """The tables by name."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._tables: dict[str, DimensionTable] = {}

    def tables(self) -> Mapping[str, DimensionTable]:
        """Every table as it is now."""
        return self._tables

    def look(self, sequence: int) -> None:
        """Load again what has changed; called between micro-batches."""
        del sequence
