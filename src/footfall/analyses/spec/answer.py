"""The answer of an analysis: typed rows with their definition, parameters, engine and as-of time beside them."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from footfall.errors import MissingExtra

if TYPE_CHECKING:
    import pyarrow as pa

    from footfall.analyses.spec.contract import Analysis, Engine


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows and everything needed to believe them.  `plan` is the SQL or the walk that produced them."""

    analysis: Analysis
    table: pa.Table
    engine: str
    as_of: datetime | None
    plan: str
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, analysis: Analysis, engine: Engine, table: pa.Table, *, plan: str, notes: Sequence[str] = ()) -> Answer:
        """An answer as of the engine's snapshot."""
        as_of = None
        if engine.span_us() is not None:
            as_of = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=engine.as_of_us())
        return cls(analysis, table, engine.name, as_of, plan, tuple(notes))

    @property
    def definition(self) -> str:
        """What the numbers mean, in words."""
        return inspect.cleandoc(type(self.analysis).__doc__ or "")

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as flat dictionaries of plain Python values."""
        rows: list[dict[str, Any]] = self.table.to_pylist()
        return rows

    def to_dict(self) -> dict[str, Any]:
        """One object: definition, parameters, engine, as_of, notes, plan, rows."""
        return {
            "analysis": self.analysis.name,
            "definition": self.definition,
            "parameters": self.analysis.parameters(),
            "engine": self.engine,
            "as_of": None if self.as_of is None else self.as_of.isoformat().replace("+00:00", "Z"),
            "notes": list(self.notes),
            "plan": self.plan,
            "rows": self.rows,
        }

    def to_json(self) -> str:
        """`to_dict` as JSON text; times are ISO 8601, days are dates."""
        import msgspec

        return msgspec.json.encode(self.to_dict()).decode()

    def to_arrow(self) -> pa.Table:
        """The rows as a pyarrow Table."""
        return self.table

    def to_pandas(self) -> Any:
        """The rows as a pandas DataFrame (needs the extra `pandas`)."""
        if importlib.util.find_spec("pandas") is None:
            raise MissingExtra("pandas is not installed", hint="pip install 'footfall[pandas]'")
        return self.table.to_pandas()

    def to_polars(self) -> Any:
        """The rows as a Polars DataFrame (needs the extra `polars`)."""
        try:
            import polars as pl
        except ImportError:
            raise MissingExtra("Polars is not installed", hint="pip install 'footfall[polars]'") from None
        return pl.from_arrow(self.table)

    def plot(self) -> Any:
        """The rows as a Plotly figure."""
        from footfall.analyses.spec.chart import draw

        return draw(self)
