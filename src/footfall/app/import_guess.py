"""A mapping for a file nobody described: by the names of its columns, checked against what they hold.

With nothing said every field may be guessed.  With a mapping given, only what an event cannot do without is added, and columns
that are called exactly like a field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from footfall.app.import_sample import Sample
from footfall.app.import_times import looks_like_times
from footfall.errors import InvalidFile
from footfall.event.mapping import EventMapping
from footfall.event.plan import TrackingPlan
from footfall.event.schema import MAPPABLE

# Names that columns go by, best first, without case and punctuation.
_NAMES: dict[str, tuple[str, ...]] = {
    "user_id": ("userid", "uid", "user", "distinctid", "visitorid", "visitor", "customerid", "custid", "customer", "clientid", "accountid", "memberid", "subscriberid",
                "playerid", "personid", "householdid", "household", "actor", "actorid", "caseid", "caseconceptname", "case", "login", "username", "email"),
    "anonymous_id": ("anonymousid", "anonid", "deviceid", "cookieid", "ip", "ipaddress", "clientip", "remoteaddr", "remotehost"),
    "name": ("eventname", "event", "action", "activity", "eventtype", "conceptname", "page", "verb", "behaviortype", "behaviourtype", "name", "type"),
    "event_time": ("eventtime", "timestamp", "timetimestamp", "time", "ts", "datetime", "eventtimestamp", "occurredat", "occurred", "createdat", "eventdatetime", "eventdate",
                   "date", "transactiontimestamp", "servertime", "clienttime", "receivedat", "when"),
    "session_id": ("sessionid", "session", "usersession", "visitid", "gasessionid"),
    "event_id": ("eventid", "messageid", "insertid", "eventuuid", "uuid"),
    "sent_time": ("senttime", "sentat"),
    "url": ("url", "pageurl", "currenturl", "path"),
    "page": ("page", "pagename", "pagetitle"),
    "referrer": ("referrer", "referer"),
}  # fmt: skip
_ESSENTIAL = ("event_time", "name", "user_id")
_WHAT = {"event_time": "the time of an event", "name": "what happened", "user_id": "who did it"}
_LOG_MAPPING = {"anonymous_id": "ip", "name": "method", "event_time": "time", "url": "path", "referrer": "referrer"}


@dataclass(frozen=True, slots=True)
class Guess:
    """A full mapping, and for each field where it comes from."""

    mapping: EventMapping
    reasons: dict[str, str]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def guess_mapping(sample: Sample, given: EventMapping, plan: TrackingPlan) -> Guess:
    """The given mapping, completed; InvalidFile when something essential cannot be found."""
    reasons = dict.fromkeys((*given.columns, *given.constants), "given")
    columns = dict(given.columns)
    asked = bool(reasons)
    if sample.format.kind == "log" and not asked:
        columns.update(_LOG_MAPPING)
        reasons.update(dict.fromkeys(_LOG_MAPPING, "the usual field of an access log"))
    elif sample.format.kind == "records":
        columns.update({column: column for column in sample.columns if column not in given.constants})
        reasons.update(dict.fromkeys(sample.columns, "a rule for records"))
    else:
        for target in ("event_time", "name", "user_id", "anonymous_id", *(target for target in MAPPABLE if target not in _ESSENTIAL)):
            _guess_one(target, sample, columns, reasons, asked=asked)
    mapping = msgspec.structs.replace(given, columns=columns)
    _refuse_gaps(sample, mapping)
    return Guess(
        mapping, {**reasons, **{name: "declared in [events.columns]" for name in plan.columns if name in sample.columns and name not in reasons}}
    )


def _guess_one(target: str, sample: Sample, columns: dict[str, str], reasons: dict[str, str], *, asked: bool) -> None:
    if target in reasons or (target == "anonymous_id" and asked and "user_id" in reasons):
        return
    if target == "user_id" and asked and "anonymous_id" in reasons:
        return
    taken = {column for mapped, column in columns.items() if mapped != "page"}
    free = [column for column in sample.columns if column not in taken]
    exact = [column for column in free if column == target]
    known = [column for name in _NAMES.get(target, ()) for column in free if _plain(column) == name]
    candidates = exact + (known if not asked or target in _ESSENTIAL else [])
    for column in candidates:
        if _fits(target, sample.present(column), sample.options.time_format):
            columns[target] = column
            reasons[target] = f"the column is called {column!r}" + (" and holds times" if target in ("event_time", "sent_time") else "")
            return
    if target == "event_time":
        timed = [column for column in free if looks_like_times(sample.present(column)) and not _all_digits(sample.present(column))]
        if len(timed) == 1:
            columns[target] = timed[0]
            reasons[target] = "it is the only column that holds times"


def _all_digits(values: list[str]) -> bool:
    return all(value.replace(".", "", 1).isdigit() for value in values[:200])


def _fits(target: str, values: list[str], time_format: str | None) -> bool:
    """Whether a column holds what its name promises."""
    if target in ("event_time", "sent_time"):
        return looks_like_times(values, 0.5, time_format if target == "event_time" else None)  # the name speaks for it already
    if target == "event_id":  # an id that repeats is none, and would make events look like duplicates
        return len(values) > 1 and len(set(values)) * 100 >= len(values) * 99
    if target == "is_bot":
        return {value.casefold() for value in values} <= {"true", "false", "0", "1", "t", "f", "yes", "no", "y", "n"}
    return bool(values)


def _refuse_gaps(sample: Sample, mapping: EventMapping) -> None:
    mapped = {*mapping.columns, *mapping.constants}
    gaps = [target for target in _ESSENTIAL if target not in mapped and not (target == "user_id" and "anonymous_id" in mapped)]
    if not gaps:
        return
    seen = ", ".join(sample.columns[:30]) + (" …" if len(sample.columns) > 30 else "")
    flags = " ".join(f"--map {target}=COLUMN" for target in gaps)
    constant = "; a constant is written with two signs, e.g. --map name==purchase" if "name" in gaps else ""
    raise InvalidFile(
        f"{sample.file.name} does not show {_and([_WHAT[target] for target in gaps])}",
        field="map",
        got=sample.file.name,
        allowed=sample.columns,
        hint=f"say it with {flags}{constant}; its columns: {seen}",
    )


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
