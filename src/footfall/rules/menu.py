"""The menu of rules: every kind, read from the package, and the rule that a table of footfall.toml says."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import msgspec

from footfall.errors import InvalidConfig, InvalidQuery, nearest
from footfall.event.filters import Filter
from footfall.event.span import Span
from footfall.rules.contract import Rule


def every_rule() -> dict[str, type[Rule]]:
    """Kind -> class of every rule, in the order of the package's `__all__`."""
    package = importlib.import_module("footfall.rules")
    menu: dict[str, type[Rule]] = {}
    for exported in package.__all__:
        rule = getattr(package, exported)
        assert issubclass(rule, Rule), f"{exported} in footfall.rules is not a Rule"
        assert rule.kind not in menu, f"two rules are of the kind {rule.kind!r}"
        menu[rule.kind] = rule
    return menu


def rule_of(table: Mapping[str, Any]) -> Rule:
    """The rule of one [[rule]] table.

    Raises:
        InvalidConfig: it is none; `field` is rule.<name>.<key>, the hint has the nearest kind or key.
    """
    name = table.get("name")
    if not isinstance(name, str) or not name:
        raise InvalidConfig("a rule has no name", field="rule.name", got=name, hint='write name = "burst"')
    menu = every_rule()
    kind = table.get("kind")
    if kind is None:
        raise _wrong(name, "does not say what kind it is", "kind", None, menu, 'write kind = "threshold"')
    if kind not in menu:
        raise _wrong(name, f"is of no kind {kind!r}", "kind", kind, menu)
    known = [field.name for field in msgspec.structs.fields(menu[kind])]
    for key in table:
        if key not in (*known, "kind"):
            raise _wrong(name, f"has no {key!r}, being a {kind}", key, key, known)
    try:
        return msgspec.convert(dict(table), menu[kind], strict=False, dec_hook=_decoded)
    except msgspec.ValidationError as problem:
        raise _invalid(name, table, problem) from None


def _wrong(name: str, what: str, field: str, got: object, allowed: Any, hint: str = "") -> InvalidConfig:
    near = nearest(str(got), allowed, limit=1) if got is not None else ()
    hint = hint or (f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(allowed))
    return InvalidConfig(f"rule {name!r} {what}", field=f"rule.{name}.{field}", got=got, allowed=tuple(allowed), hint=hint)


def _invalid(name: str, table: Mapping[str, Any], problem: msgspec.ValidationError) -> InvalidConfig:
    """The error of a value that has another form than its field."""
    sentence, _, path = str(problem).partition(" - at `$.")
    key = path.rstrip("`").split("[")[0].split(".")[0]
    cause = problem.__cause__.__cause__ if problem.__cause__ else None
    hint = cause.hint if isinstance(cause, InvalidQuery) else "see docs/rules.md"
    missing = sentence.removeprefix("Object missing required field ")
    if missing != sentence:
        key = missing.strip("`")
        return InvalidConfig(f"rule {name!r} needs {key!r}", field=f"rule.{name}.{key}", hint=hint)
    what = cause.sentence if isinstance(cause, InvalidQuery) else sentence[:1].lower() + sentence[1:]
    return InvalidConfig(f"rule {name!r}: {key}: {what}", field=f"rule.{name}.{key}", got=table.get(key), hint=hint)


def _decoded(kind: type, value: Any) -> Any:
    """Plain values as what fields hold; msgspec adds the place to a ValueError."""
    if kind in (Span, Filter):
        if isinstance(value, kind):
            return value
        if not isinstance(value, str):
            raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
        try:
            return kind(value)
        except InvalidQuery as problem:
            raise ValueError(problem.sentence) from problem
    raise TypeError(f"no plain form of {kind.__name__} is known")
