"""Where an analysis runs."""

from footfall.engines.duckdb import DuckDBEngine
from footfall.engines.relation import Dimension

__all__ = ["Dimension", "DuckDBEngine"]
