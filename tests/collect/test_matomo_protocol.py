"""Matomo's hits: times, tokens, visitors, and answers that trackers look at."""

from __future__ import annotations

import json

import pytest
from examples_support import get, post

from footfall.collect.protocols.matomo import Matomo
from footfall.collect.wire.contract import BadRequest, Outcome, Problem

MATOMO = Matomo()


def hit(headers=None, **parameters):
    (event,) = MATOMO.read(get("/matomo.php", query={"idsite": "1", "rec": "1", **parameters}, headers=headers)).items
    return event


@pytest.mark.parametrize(
    ("sent", "time"),
    [
        ("2026-11-22 09:59:58", "2026-11-22T09:59:58Z"),
        ("1795341598", 1_795_341_598_000_000),
        ("1795341598000", 1_795_341_598_000_000),
        ("yesterday", "yesterday"),
        ("", None),
        ("1e400", "1e400"),
    ],
)
def test_a_time_is_of_utc_or_unix(sent, time):
    assert hit(cdt=sent).event_time == time


def test_an_address_is_believed_only_with_a_token():
    assert hit(cip="192.0.2.1", country="de").ip is None
    told = hit(cip="192.0.2.1", country="de", token_auth="t")
    assert (told.ip, told.country) == ("192.0.2.1", "DE")


def test_a_visitor_without_an_id_is_the_same_for_a_day_and_its_browser():
    one, same = hit({"User-Agent": "Mozilla/5.0"}), hit({"User-Agent": "other"}, ua="Mozilla/5.0")
    assert one.anonymous_id == same.anonymous_id != hit({"User-Agent": "other"}).anonymous_id
    assert hit(uid="u1").anonymous_id is None  # who is known is not joined to an address
    assert hit(_id="not sixteen hex").anonymous_id == hit().anonymous_id
    assert hit(_id="0123456789abcdef", cid="fedcba9876543210").anonymous_id == "fedcba9876543210"


def test_a_wrong_number_stays_text():
    assert json.loads(bytes(hit(e_c="a", e_a="b", e_v="many").properties)) == {"category": "a", "value": "many"}


@pytest.mark.parametrize("body", [b'{"requests":[]}', b'{"request":[]}', b'{"requests":', b'{"requests":{}}', b"", b"\xff=1"])
def test_a_request_without_hits_is_bad(body):
    with pytest.raises(BadRequest):
        MATOMO.read(post("/matomo.php", body))


def test_answers():
    asked = get("/matomo.php", query={"idsite": "1"})
    answer = MATOMO.answer(asked, Outcome(MATOMO.read(asked)))
    assert (answer.status, answer.body[:3]) == (200, b"GIF")
    busy = MATOMO.refuse(asked, Problem(503, "storage", "the disk is full", None, 5))
    assert (busy.status, busy.body[:3], dict(busy.headers)[b"retry-after"]) == (503, b"GIF", b"5")
    bulk = post("/matomo.php", {"requests": ["?idsite=1", "?x=1"]})
    batch = MATOMO.read(bulk)
    assert json.loads(MATOMO.answer(bulk, Outcome(batch, refused=batch.refused)).body) == {"status": "success", "tracked": 1, "invalid": 1}
    assert json.loads(MATOMO.refuse(bulk, Problem(401, "unknown_key", "no such key")).body)["message"] == "no such key"
