"""What settling must do, record by record in plain Python: json.loads, datetime arithmetic, sets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from footfall.collect.settle.agents import read_agent
from footfall.collect.settle.channel import channel_of
from footfall.event.person import person_key
from footfall.eventlog.contract import Block, Frame

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END_US = 7_258_118_400_000_000
TEXTS = ("user_id", "anonymous_id", "session_id", "url", "page", "referrer", "country", "region", "city", "platform", "os", "browser", "device")
CAMPAIGN = ("utm_source", "utm_medium", "utm_campaign")


def micros(value: Any) -> int | None:
    """A time of a client in microseconds; -1 when it is none."""
    if value is None or value == "":
        return None
    if isinstance(value, int):
        return value if 0 <= value < END_US else -1
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return -1
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    us = (moment - EPOCH) // timedelta(microseconds=1)
    return us if 0 <= us < END_US else -1


def text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def cut(url: str | None) -> tuple[str, str | None, dict[str, str], bool]:
    """Host, path, campaign parameters and whether there is a click id."""
    if not url:
        return "", None, {}, False
    rest, _, _ = url.partition("#")
    address, _, query = rest.partition("?")
    host, path = "", address
    if "://" in address:
        _, _, behind = address.partition("://")
        place, slash, path = behind.partition("/")
        host = place.rpartition("@")[2].partition(":")[0]
        path = slash + path or "/"
    found: dict[str, str] = {}
    clicked = False
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if value and name in ("gclid", "gbraid", "wbraid", "msclkid", "dclid"):
            clicked = True
        if value and name in CAMPAIGN:
            found.setdefault(name, unquote_plus(value))
    return host, path or None, found, clicked


class Twin:
    """Settles blocks of lines; `promoted` are (name, type) of the plan."""

    def __init__(self, log_name: str, promoted: Mapping[str, str]) -> None:
        self.log_name = log_name
        self.promoted = promoted
        self.events: list[dict[str, Any]] = []
        self.letters: list[tuple[int, str]] = []
        self.edges: list[tuple[int, str, str, str]] = []
        self._seen: set[tuple[str, str]] = set()
        self._identified: set[tuple[str, str]] = set()

    def settle(self, blocks: Iterable[tuple[Block, list[list[str]]]]) -> None:
        """Blocks with the text of every record of every frame."""
        for block, texts in blocks:
            position = block.position
            for frame, records in zip(block.frames, texts, strict=True):
                for record in records:
                    self._record(position, frame, record)
                    position += 1

    def _record(self, position: int, frame: Frame, record: str) -> None:
        event = json.loads(record)
        client, sent = micros(event.get("event_time")), micros(event.get("sent_time"))
        if sent in (None, -1):
            sent = micros(frame.sent)
        moment = frame.received_us if client is None else client
        if client not in (None, -1) and sent not in (None, -1) and not event.get("true_time"):
            moment = frame.received_us - (sent - client)
        reason = self._wrong(event, client, moment)
        if reason is not None:
            self.letters.append((position, reason))
            return
        row = {name: text(event.get(name)) for name in (*TEXTS, *CAMPAIGN)}
        row |= {
            "position": position,
            "name": str(event["name"]),
            "event_id": text(event.get("event_id")) or f"{self.log_name}-{position}",
            "event_time": moment,
            "received_time": frame.received_us,
            "sent_time": sent if sent != -1 else None,
            "client_time": client,
            "source": frame.source,
            "is_bot": event.get("is_bot"),
        }
        row["person_id"] = row["user_id"] or row["anonymous_id"]
        row["person_key"] = person_key(row["person_id"])
        for name in ("country", "region", "city"):
            row[name] = row[name] or getattr(frame, name)
        agent = text(event.get("agent")) or frame.agent
        if agent:
            said = read_agent(agent)
            for name in ("platform", "os", "browser", "device", "is_bot"):
                row[name] = getattr(said, name) if row[name] is None else row[name]
        self._addresses(row)
        self._properties(row, event)
        self.events.append(row)
        self._edge(row, event)

    def _wrong(self, event: dict[str, Any], client: int | None, moment: int) -> str | None:
        if client == -1 or not 0 <= moment < END_US:
            return "invalid_time"
        if not text(event.get("name")):
            return "missing_name"
        if not text(event.get("user_id")) and not text(event.get("anonymous_id")):
            return "missing_person"
        properties = event.get("properties")
        value = properties.get("price") if isinstance(properties, dict) else None
        if value not in (None, "") and not isinstance(value, int | float):
            return "invalid_value"
        return None

    def _addresses(self, row: dict[str, Any]) -> None:
        host, path, found, clicked = cut(row["url"])
        row["page"] = row["page"] or path
        for name in CAMPAIGN:
            row[name] = row[name] or found.get(name)
        site = cut(row["referrer"])[0]
        inside = bool(host) and host.lower() == site.lower()
        campaign = row["utm_source"] is not None or row["utm_medium"] is not None
        row["channel"] = None
        if any(row[name] is not None for name in ("url", "referrer", *CAMPAIGN)) and (not inside or clicked or campaign):
            row["channel"] = channel_of(site, *(row[name] or "" for name in CAMPAIGN), clicked)

    def _properties(self, row: dict[str, Any], event: dict[str, Any]) -> None:
        properties = event.get("properties")
        kept: dict[str, Any] = {}
        if isinstance(properties, dict):
            kept |= {name: value for name, value in properties.items() if name not in self.promoted}
            for name in self.promoted:
                row[name] = text(properties.get(name)) if self.promoted[name] == "string" else properties.get(name)
                row[name] = None if row[name] == "" else row[name]
        else:
            row |= dict.fromkeys(self.promoted)
            if properties not in (None, ""):
                kept["$properties"] = properties
        for name in ("context", "ip"):
            if event.get(name) not in (None, ""):
                kept[f"${name}"] = event[name]
        kept |= {name: value for name, value in event.items() if name == "unheard"}
        row["properties"] = kept or None

    def _edge(self, row: dict[str, Any], event: dict[str, Any]) -> None:
        kind, user = event.get("identity"), row["user_id"]
        joined = text(event.get("previous_id")) or row["anonymous_id"]
        if kind in ("identify", "alias", "merge") and user and joined and user != joined:
            pair = (joined, user)
            if kind != "identify" or pair not in self._identified:
                self.edges.append((row["position"], kind, *pair))
            self._identified.add(pair)
            self._seen.add(pair)
            return
        pair = (row["anonymous_id"], user)
        if all(pair) and pair not in self._seen:
            self._seen.add(pair)
            if pair[0] != pair[1]:
                self.edges.append((row["position"], "seen", *pair))
