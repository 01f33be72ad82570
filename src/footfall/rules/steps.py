"""Steps as people write them: a condition, or a list of conditions that a record meets together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from footfall.errors import InvalidConfig, InvalidQuery
from footfall.event.filters import Filter

if TYPE_CHECKING:
    from footfall.rules.contract import Rule

Conditions = tuple[Filter, ...]
Written = str | tuple[str, ...]


def conditions(rule: Rule, written: Written, field: str) -> Conditions:
    """The conditions of a step.

    Raises:
        InvalidConfig: there are none, or one is no condition.
    """
    texts = (written,) if isinstance(written, str) else written
    if not texts:
        raise rule.wrong("has a step without a condition", field, list(texts), 'write a condition, such as "name=cart"')
    try:
        return tuple(Filter(text) for text in texts)
    except InvalidQuery as problem:
        raise InvalidConfig(
            f"rule {rule.name!r}: {problem.sentence}", field=f"rule.{rule.name}.{field}", got=problem.got, hint=problem.hint
        ) from None
