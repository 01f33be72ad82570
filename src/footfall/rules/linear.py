"""Saved linear models, `footfall.linear/1`: a weighted sum of columns as a score, read from JSON that nothing is executed of.

{"format": "footfall.linear/1", "name": "churn", "intercept": -2.1, "link": "logistic", "features": [
    {"column": "properties.visits", "weight": -0.8, "mean": 4.2, "scale": 3.1},
    {"column": "country", "equals": "DE", "weight": 0.3}]}

score = link(intercept + sum of weight * (x - mean) / scale), where x is the column's number, or 1 and 0 for whether its text equals `equals`.  A
value that is null, or no number, counts as `missing`; without it as the mean, or as not equal.  `link` is logistic, 1 / (1 + exp(-z)), or identity.
Further members of the object, such as when it was trained, are left alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
import pyarrow.compute as pc

from footfall.errors import InvalidConfig
from footfall.stream.reading.cell_text import sql_text, valid_of

if TYPE_CHECKING:
    from footfall.stream.columns import Columns

FORMAT = "footfall.linear/1"
BYTES_MAX = 4 << 20


class Feature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One column and its weight."""

    column: str
    weight: float
    mean: float = 0.0
    scale: float = 1.0
    missing: float | None = None
    equals: str | None = None

    def values(self, columns: Columns) -> Any:
        """(n,) x of each record."""
        if self.equals is None:
            numbers = columns.numbers(self.column)
            return np.where(np.isnan(numbers), self.mean if self.missing is None else self.missing, numbers)
        texts = sql_text(columns.array(self.column))
        equal = pc.fill_null(pc.equal(texts, self.equals), fill_value=False).to_numpy(zero_copy_only=False).astype(np.float64)
        return equal if self.missing is None else np.where(valid_of(texts), equal, self.missing)


class LinearModel(msgspec.Struct, frozen=True):
    """A weighted sum of columns."""

    format: Literal["footfall.linear/1"]
    intercept: float
    features: tuple[Feature, ...]
    link: Literal["logistic", "identity"] = "logistic"
    name: str = ""

    def scores(self, columns: Columns) -> Any:
        """(n,) score of each record, the same for the same record in any batch."""
        columns.prepare([feature.column for feature in self.features])
        total = np.full(len(columns), self.intercept)
        for feature in self.features:
            total += feature.weight * (feature.values(columns) - feature.mean) / feature.scale
        if self.link == "identity":
            return total
        small = np.exp(-np.abs(total))  # never overflows
        return np.where(total >= 0, 1.0, small) / (1.0 + small)


def read_linear(content: bytes, path: str, *, field: str) -> LinearModel:
    """The model in a file's content.

    Raises:
        InvalidConfig: it is none; the sentence names the file and the member.
    """

    def wrong(what: str, hint: str) -> InvalidConfig:
        return InvalidConfig(f"the model {path} {what}", field=field, got=path, hint=hint)

    if len(content) > BYTES_MAX:
        raise wrong(f"has more than {BYTES_MAX >> 20} MiB", "leave out features of little weight")
    try:
        head = msgspec.json.decode(content, type=dict[str, Any])
        if head.get("format") != FORMAT:
            raise wrong(f"is of the format {head.get('format')!r}", f'a model begins with "format": "{FORMAT}"')
        model = msgspec.convert(head, LinearModel)
    except (msgspec.DecodeError, RecursionError) as problem:
        sentence, _, place = str(problem).partition(" - at `$")
        where = place.rstrip("`").lstrip(".")
        raise wrong(f"cannot be read: {f'{where}: ' if where else ''}{sentence}", f"save it as {FORMAT}: docs/rules.md") from None
    for number, feature in enumerate(model.features):
        numbers = {"weight": feature.weight, "mean": feature.mean, "scale": feature.scale, "missing": feature.missing or 0.0}
        unreal = next((name for name, value in numbers.items() if not math.isfinite(value)), None)
        if unreal is not None or feature.scale == 0:
            raise wrong(
                f"cannot be used: features[{number}].{unreal or 'scale'} is {numbers[unreal or 'scale']:g}", "write a finite number, no scale of 0"
            )
    if not model.features or not math.isfinite(model.intercept):
        raise wrong("cannot be used: " + ("intercept is not finite" if model.features else "features is empty"), "save it again")
    return model
