"""What may be asked of the live path, the same on every face, and what is wrong with a question that cannot be answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from footfall import clock
from footfall.errors import InvalidQuery, nearest
from footfall.event.span import Moment, Span
from footfall.stream.store.contract import RowsWanted

if TYPE_CHECKING:
    from footfall.stream.contract import ViewSchema

ROWS, ROWS_MAX = 1_000, 10_000
ALERTS, ALERTS_MAX = 100, 10_000
LARGEST = (1 << 63) - 1
_YES, _NO = ("1", "true", "yes", ""), ("0", "false", "no")

Asked = TypeVar("Asked", bound=msgspec.Struct)
Pairs = Sequence[tuple[str, str]]


class ViewAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of a view.

    `since` and `until` bound the windows by a date, a time, or a span back from now such as 10m: those that end after the one and begin before the
    other.  `where` are columns with the value that rows must have, "" for null; `order` is the column whose largest values come first
    within a window, with a minus before it the smallest; `latest` means the newest window only.
    """

    since: str | date | None = None
    until: str | date | None = None
    where: Mapping[str, str] = {}
    order: str | None = None
    latest: bool = False
    limit: int = ROWS

    def wanted(self, view: ViewSchema, time_zone: str) -> RowsWanted:
        """The question as the store takes it.

        Raises:
            InvalidQuery: a time cannot be read, a number is out of range, or the view has no such column.
        """
        columns = {column.name: column for column in view.columns}
        where = {}
        for name, value in self.where.items():
            if name not in columns:
                raise _unknown("column", name, columns, field="where")
            where[name] = {"true": "1", "false": "0"}.get(value, value) if columns[name].kind == "boolean" else _plain(value, name)
        if self.order is not None and self.order.lstrip("-") not in columns:
            raise _unknown("column", self.order.lstrip("-"), columns, field="order")
        between(self.limit, "limit", 1, ROWS_MAX)
        since_us, until_us = _us(self.since, "since", time_zone), _us(self.until, "until", time_zone)
        return RowsWanted(since_us=since_us, until_us=until_us, where=where, order=self.order, latest=self.latest, limit=self.limit)


class AlertsAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts: of one rule, behind a number in the order they were raised or else the newest first, and how many at most."""

    rule: str | None = None
    after: int | None = None
    limit: int = ALERTS

    def __post_init__(self) -> None:
        between(self.limit, "limit", 1, ALERTS_MAX)
        if self.after is not None:
            between(self.after, "after", 0, LARGEST)
        if self.rule is not None:
            _plain(self.rule, "rule")


def asked_of(kind: type[Asked], members: Mapping[str, Any]) -> Asked:
    """A question from its members; one that does not exist is refused with the nearest."""
    known = [field.name for field in msgspec.structs.fields(kind)]
    for name in members:
        if name not in known:
            raise _unknown("parameter", name, known, field=name)
    return kind(**{name: value for name, value in members.items() if value is not None})


# --- from the texts of a query string ------------------------------------------------------------------------------------


def view_question(pairs: Pairs, view: ViewSchema, *, limit: int = ROWS, also: Sequence[str] = ()) -> tuple[ViewAsked, dict[str, str]]:
    """The question that the parameters of a request ask, and those of `also`; a parameter called like a key is a condition on it."""
    keys = [column.name for column in view.keys]
    known = [*(field.name for field in msgspec.structs.fields(ViewAsked)), *also]
    given: dict[str, str] = {}
    where: dict[str, str] = {}
    for name, value in pairs:
        if name == "where":
            column, value = condition(value)  # noqa: PLW2901 - it is the rest of it
            _once(where, column, value)
        elif name in known:
            _once(given, name, value)
        elif name in keys:
            _once(where, name, value)
        else:
            raise _unknown("parameter", name, [*known, *keys], field=name)
    asked = ViewAsked(
        since=given.get("since"),
        until=given.get("until"),
        where=where,
        order=given.get("order"),
        latest=_flag(given.get("latest", "0"), "latest"),
        limit=whole(given.get("limit", str(limit)), "limit"),
    )
    return asked, {name: given[name] for name in also if name in given}


def alerts_question(pairs: Pairs, *, limit: int = ALERTS, also: Sequence[str] = ()) -> tuple[AlertsAsked, dict[str, str]]:
    """The question about alerts that the parameters of a request ask, and those of `also`."""
    known = [*(field.name for field in msgspec.structs.fields(AlertsAsked)), *also]
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise _unknown("parameter", name, known, field=name)
        _once(given, name, value)
    after = whole(given["after"], "after") if "after" in given else None
    asked = AlertsAsked(rule=given.get("rule"), after=after, limit=whole(given.get("limit", str(limit)), "limit"))
    return asked, {name: given[name] for name in also if name in given}


def no_question(pairs: Pairs) -> None:
    """Refuse every parameter."""
    for name, _ in pairs:
        raise InvalidQuery(f"there is no parameter {name!r}", field=name, got=name, hint="this path takes none")


def condition(text: str) -> tuple[str, str]:
    """`column=value` taken apart."""
    column, equals, value = text.partition("=")
    if not equals or not column:
        raise InvalidQuery(f"{text!r} is not a condition", field="where", got=text, hint="write column=value, such as page=/cart")
    return column, value


def conditions_of(texts: Sequence[str]) -> dict[str, str]:
    """Several `column=value`, each column once."""
    where: dict[str, str] = {}
    for text in texts:
        _once(where, *condition(text))
    return where


def between(value: int, name: str, least: int, most: int) -> None:
    """Refuse a number out of range."""
    if not isinstance(value, int) or not least <= value <= most:
        hint = f"write a number from {least} to {most:,}" if most < LARGEST else f"write a number of {least} or more"
        raise InvalidQuery(f"{name} cannot be {value!r}", field=name, got=value, hint=hint)


def _once(given: dict[str, str], name: str, value: str) -> None:
    if name in given:
        raise InvalidQuery(f"{name!r} is given twice", field=name, got=value, hint="give it once")
    given[name] = value


def _flag(text: str, name: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise InvalidQuery(f"{name} is 1 or 0, not {text!r}", field=name, got=text, allowed=("1", "0"), hint=f"write {name}=1")
    return text.lower() in _YES


def whole(text: str, name: str) -> int:
    """A text as a whole number that is not negative."""
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise InvalidQuery(f"{name} is a whole number, not {text!r}", field=name, got=text, hint=f"write {name}=100")
    return int(text)


def _us(value: str | date | None, name: str, time_zone: str) -> int | None:
    if value is None:
        return None
    try:
        if isinstance(value, str):
            try:
                return clock.now_us() - Span(value).us
            except InvalidQuery:
                pass
        return Moment(value).us(time_zone)
    except (InvalidQuery, OverflowError):
        hint = "write 2026-11-01, 2026-11-01T08:00:00Z, or a span back from now such as 10m"
        raise InvalidQuery(f"{value!r} is neither a time nor a span", field=name, got=value, hint=hint) from None


def _plain(text: str, name: str) -> str:
    if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidQuery(f"{name} is no text: {text!r}", field=name, got=repr(text), hint="write it in UTF-8")
    return text


def _unknown(what: str, name: str, known: Mapping[str, object] | Sequence[str], *, field: str) -> InvalidQuery:
    near = nearest(name, known, limit=1)
    hint = f"did you mean {near[0]!r}?" if near else f"{what}s: " + ", ".join(known)
    return InvalidQuery(f"there is no {what} {name!r}", field=field, got=name, allowed=tuple(known), hint=hint)
