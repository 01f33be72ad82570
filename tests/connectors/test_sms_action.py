"""SMS: the spool and the program that empties it, and a gateway that knows ids."""

from __future__ import annotations

import json
import sqlite3

import pytest

from actions_support import Hook, Taken, message, numbered
from footfall.connectors.actions.sms import GatewayAction, Sms, Spool, SpoolAction, sms_of
from footfall.errors import DeliveryFailed

TO = ("+4930123456", "+15551234567")


class Gateway(Hook):
    """A simulator of an SMS gateway: takes POST {to, text, id}, sends each id once, and refuses numbers that do not exist."""

    def __init__(self, *, token: str | None = None, unknown: tuple[str, ...] = (), failing: int = 0) -> None:
        super().__init__(self._decide)
        self.sent: dict[str, tuple[str, str]] = {}
        self._token = token
        self._unknown = unknown
        self._failing = failing

    def _decide(self, taken: Taken):
        if self._token is not None and taken.headers.get("Authorization") != f"Bearer {self._token}":
            return 401, {}, b"who are you?"
        asked = json.loads(taken.body)
        assert set(asked) == {"to", "text", "id"}
        if self._failing:
            self._failing -= 1
            return 503
        if asked["to"] in self._unknown:
            return 400, {}, b"no such number"
        known = self.sent.setdefault(asked["id"], (asked["to"], asked["text"]))
        assert known == (asked["to"], asked["text"]), "an id never comes with another content"
        return 202


def test_an_alert_becomes_a_text_for_each_recipient():
    assert sms_of(message(), TO, 30) == [
        Sms("5f0c:+4930123456", "+4930123456", "burst: user_id 101 has 11 (co…"),
        Sms("5f0c:+15551234567", "+15551234567", "burst: user_id 101 has 11 (co…"),
    ]


def test_the_spool_keeps_each_once_and_in_order(tmp_path):
    spool = Spool(tmp_path / "deep" / "sms.db")
    action = SpoolAction(spool, to=TO[:1], characters_max=160)
    action.deliver(numbered(3))
    action.deliver(numbered(5))  # after a crash: the first three again
    assert [sms.id for sms in spool.waiting()] == [f"a{number}:{TO[0]}" for number in range(5)]
    action.close()


def test_a_server_empties_the_spool(tmp_path):
    """As any program would, by the columns that the docs name."""
    spool = Spool(tmp_path / "sms.db")
    action = SpoolAction(spool, to=TO, characters_max=160)
    action.deliver([message()])
    with sqlite3.connect(tmp_path / "sms.db") as server:
        rows = server.execute("SELECT id, recipient, text, time FROM sms WHERE sent_us IS NULL ORDER BY number").fetchall()
        server.execute("UPDATE sms SET sent_us = 1 WHERE id = ?", (rows[0][0],))
    server.close()
    assert [row[1] for row in rows] == list(TO)
    assert rows[0][3] == "2026-11-01T00:00:04Z"
    assert [sms.to for sms in spool.waiting()] == [TO[1]]
    spool.sent(spool.waiting()[0].id, 2)
    assert spool.waiting() == []
    action.deliver([message()])
    assert spool.waiting() == [], "what was sent is not sent again"


def test_a_spool_that_cannot_be_written(tmp_path):
    (tmp_path / "taken").write_text("a file where the folder should be")
    with pytest.raises(DeliveryFailed, match=r"the spool .* cannot be written") as problem:
        SpoolAction(Spool(tmp_path / "taken" / "sms.db"), to=TO, characters_max=160).deliver([message()])
    assert problem.value.retryable


def test_the_gateway_gets_each_recipient():
    with Gateway(token="t0k3n") as gateway:
        action = GatewayAction(gateway.url, to=TO, characters_max=160, token="t0k3n", timeout_s=5)
        action.deliver([message()])
        action.close()
    assert gateway.sent == {f"5f0c:{number}": (number, message().text) for number in TO}


def test_a_gateway_that_fails_gets_the_same_again():
    with Gateway(failing=1) as gateway:
        action = GatewayAction(gateway.url, to=TO, characters_max=160, timeout_s=5)
        with pytest.raises(DeliveryFailed) as problem:
            action.deliver([message()])
        assert problem.value.retryable
        action.deliver([message()])
        action.close()
    assert len(gateway.bodies) == 4
    assert len(gateway.sent) == 2


def test_a_number_that_does_not_exist_keeps_nobody_from_their_text():
    with Gateway(unknown=TO[:1]) as gateway:
        action = GatewayAction(gateway.url, to=TO, characters_max=160, timeout_s=5)
        with pytest.raises(DeliveryFailed, match="answers 400: no such number") as problem:
            action.deliver([message()])
        action.close()
    assert not problem.value.retryable
    assert [to for to, _ in gateway.sent.values()] == [TO[1]]


def test_a_gateway_that_is_away_is_asked_once():
    with Hook(["drop"]) as hook:
        action = GatewayAction(hook.url, to=TO, characters_max=160, timeout_s=5)
        with pytest.raises(DeliveryFailed, match="does not answer"):
            action.deliver([message()])
        action.close()
    assert len(hook.bodies) == 1
