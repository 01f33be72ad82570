"""Where an analysis runs."""

from footfall.engines.dimensions import Dimension
from footfall.engines.duckdb import DuckDBEngine

__all__ = ["Dimension", "DuckDBEngine"]
