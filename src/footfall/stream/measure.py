"""Measures as people write them, such as `count`, `count(status>=500)`, `sum(price)`, `share(status>=500)`, `distinct(person_id)`, `p95(duration_ms)`, `path(page, 20)`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from footfall.errors import InvalidConfig, InvalidQuery, nearest
from footfall.event.filters import Filter
from footfall.kernels.live import measures as kinds

PATH_STEPS = 20
PATH_STEPS_MAX = 100
_CALL = re.compile(r"^\s*(?P<what>[a-z]+[0-9.]*)\s*(?:\(\s*(?P<of>.*?)\s*\))?\s*$", re.DOTALL)
_KINDS = {
    "count": kinds.COUNT_ALL, "sum": kinds.SUM, "mean": kinds.MEAN, "min": kinds.MIN, "max": kinds.MAX, "share": kinds.SHARE,
    "distinct": kinds.DISTINCT, "path": kinds.PATH, "recent": kinds.PATH,
}  # fmt: skip
_WORDS = {"avg": "mean", "median": "p50", "unique": "distinct", "quantile": "p95"}


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure.  `reference` is the column it looks at, `condition` that of a share, `size` the steps of a path."""

    text: str
    name: str
    kind: int
    reference: str | None = None
    condition: Filter | None = None
    quantile: float = 0.0
    size: int = 0

    @property
    def counts(self) -> bool:
        """Whether its values are whole numbers."""
        return self.kind in (kinds.COUNT_ALL, kinds.COUNT_IF, kinds.DISTINCT)

    @property
    def needs_numbers(self) -> bool:
        """Whether its column must hold numbers."""
        return self.kind in (kinds.SUM, kinds.MEAN, kinds.MIN, kinds.MAX, kinds.QUANTILE)


def measure(text: str, *, field: str, name: str | None = None) -> Measure:
    """The measure of a text.

    Raises:
        InvalidConfig: it is none.
    """
    match = _CALL.match(text)
    what = match["what"] if match is not None else ""
    of = (match["of"] or "") if match is not None else ""
    what = _WORDS.get(what, what)
    quantile = re.fullmatch(r"p(\d{1,2}(?:\.\d+)?)", what)
    if match is None or not (quantile or what in _KINDS):
        near = nearest(text.partition("(")[0], [*_KINDS, "p50", "p95", "p99"], limit=1)
        hint = f"did you mean {near[0]!r}?" if near else "write count, sum(price), mean(x), min(x), max(x), share(x>1), distinct(x), p95(x), path(x)"
        raise InvalidConfig(f"{text!r} is not a measure", field=field, got=text, hint=hint)
    if not of and what != "count":
        raise InvalidConfig(f"{text!r} is not a measure: of what?", field=field, got=text, hint=f"write {what}(column)")
    called = name or re.sub(r"\W+", "_", text).strip("_")
    if quantile:
        return Measure(text, called, kinds.QUANTILE, of, quantile=float(quantile[1]) / 100)
    if what == "share" or (what == "count" and of):
        return Measure(text, name or what, kinds.SHARE if what == "share" else kinds.COUNT_IF, condition=_condition(of, text, field))
    if what in ("path", "recent"):
        column, _, size = of.partition(",")
        return Measure(text, name or what, kinds.PATH, column.strip(), size=_steps(size.strip() or str(PATH_STEPS), text, field))
    return Measure(text, called, _KINDS[what], of or None)


def _condition(of: str, text: str, field: str) -> Filter:
    try:
        return Filter(of)
    except InvalidQuery as problem:
        raise InvalidConfig(f"{text!r}: {problem.sentence}", field=field, got=text, hint=problem.hint) from None


def _steps(size: str, text: str, field: str) -> int:
    if not size.isdigit() or not 1 <= int(size) <= PATH_STEPS_MAX:
        raise InvalidConfig(
            f"{text!r}: how many steps?", field=field, got=size, hint=f"write a number from 1 to {PATH_STEPS_MAX}, as in path(page, 20)"
        )
    return int(size)
