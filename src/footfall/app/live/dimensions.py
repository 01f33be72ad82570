"""The dimensions of a project: rows of files and databases, for questions and for the live path, loaded again when their source changes."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from footfall.connectors.dimensions.watching import Dimensions, Watched
from footfall.errors import InvalidConfig

if TYPE_CHECKING:
    from footfall.app.project import Project
    from footfall.connectors.dimensions.contract import DimensionSource
    from footfall.connectors.dimensions.settings import Dimension
    from footfall.stream.dimensions import DimensionTable

_logger = logging.getLogger("footfall.dimensions")


def watched_dimensions(project: Project) -> Dimensions:
    """The dimensions that footfall.toml declares; nothing is loaded yet.

    Raises:
        InvalidConfig: a URL is wrong, or the variable of a password is not there.
    """
    declared = project.config.dimensions
    watched = {name: Watched(_source(project, name, one), one.key, one.column, one.reload_us) for name, one in declared.items()}
    return Dimensions(watched, tell=_logger.warning)


def _source(project: Project, name: str, declared: Dimension) -> DimensionSource:
    if declared.path is not None:
        from footfall.connectors.dimensions.file import FileSource
        from footfall.engines.dimensions import read_dimension

        return FileSource(name, (project.path / declared.path).resolve(), declared.key, read_dimension)
    from footfall.connectors.dimensions.database import DatabaseSource
    from footfall.connectors.dimensions.drivers import place_of

    password = None if declared.password_env is None else os.environ.get(declared.password_env)
    if declared.password_env is not None and password is None:
        raise InvalidConfig(
            f"dimension {name!r} finds no password: the variable {declared.password_env} is not set",
            field=f"dimensions.{name}.password_env",
            got=declared.password_env,
            hint=f"set {declared.password_env} in the environment of footfall",
        )
    return DatabaseSource(name, place_of(name, str(declared.url), project.path, password), str(declared.query))


class ProjectDimensions:
    """The dimensions of a project as the live path looks things up in them."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._dimensions = watched_dimensions(project)

    def tables(self) -> Mapping[str, DimensionTable]:
        """Every table as it is now."""
        return self._dimensions.tables

    def look(self, sequence: int) -> None:
        """Take over what changed, and ask the sources whose time has come; called between micro-batches."""
        if self._dimensions.look():
            _logger.info("dimensions changed after micro-batch %d", sequence)

    def unknown(self) -> Mapping[str, int]:
        """How many look-ups found no row, by dimension."""
        return self._dimensions.unknown()
