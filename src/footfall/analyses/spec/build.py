"""From words to a spec: the one place where every face (CLI, Python, HTTP, MCP) turns plain values into an analysis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from footfall.analyses.spec.contract import Analysis
from footfall.errors import InvalidQuery, nearest
from footfall.event.filters import Filter
from footfall.event.span import Moment, Span

Spec = TypeVar("Spec", bound=Analysis)


def build(kind: type[Spec], values: Mapping[str, Any]) -> Spec:
    """The spec of `kind` with these plain values; InvalidQuery names the field that is wrong."""
    known = [field.name for field in msgspec.structs.fields(kind)]
    for name in values:
        if name not in known:
            near = nearest(name, known, limit=1)
            hint = f"did you mean {near[0]!r}?" if near else "parameters: " + ", ".join(known)
            raise InvalidQuery(f"{kind.name} has no parameter {name!r}", field=name, allowed=known, hint=hint)
    try:
        return msgspec.convert(dict(values), kind, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as problem:
        sentence, _, path = str(problem).partition(" - at `$.")
        name = path.rstrip("`").split("[")[0]
        cause = problem.__cause__.__cause__ if problem.__cause__ else None
        if isinstance(cause, InvalidQuery):
            raise InvalidQuery(cause.sentence, field=cause.field or name or None, got=cause.got, allowed=cause.allowed, hint=cause.hint) from None
        raise InvalidQuery(
            f"{name}: {sentence[:1].lower()}{sentence[1:]}" if name else sentence,
            field=name or None,
            got=values.get(name),
            hint=f"see footfall {kind.name} --help",
        ) from None


def _decode(kind: type, value: Any) -> Any:
    if kind in (Span, Moment, Filter):
        try:
            return kind(value)
        except InvalidQuery as problem:
            raise ValueError(problem.sentence) from problem
    raise TypeError(f"no plain form of {kind.__name__} is known")
