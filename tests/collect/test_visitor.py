"""Ids of visitors without a cookie: the same for a day, a site, an address and an agent, and for nothing else."""

from __future__ import annotations

from uuid import UUID

import pytest

from footfall.collect.wire import visitor
from footfall.collect.wire.contract import Asked

DAY = 86_400_000_000


@pytest.fixture(autouse=True)
def _same_salt_afterwards():
    before = visitor._Salt.value
    yield
    visitor.set_salt(before)


def asked(received_us=5 * DAY, address="203.0.113.9", agent="Mozilla/5.0"):
    return Asked("POST", "/", b"", headers={b"user-agent": agent.encode()}, received_us=received_us, address=address)


def test_one_visitor_is_one_id_for_a_day():
    first = visitor.anonymous_visitor(asked(), "site")
    assert first == visitor.anonymous_visitor(asked(received_us=6 * DAY - 1), "site")
    assert str(UUID(first)) == first


def test_everything_that_tells_visitors_apart_counts():
    told = [
        visitor.anonymous_visitor(asked(), "site"),
        visitor.anonymous_visitor(asked(received_us=6 * DAY), "site"),
        visitor.anonymous_visitor(asked(), "other"),
        visitor.anonymous_visitor(asked(address="203.0.113.10"), "site"),
        visitor.anonymous_visitor(asked(agent="curl"), "site"),
    ]
    assert len(set(told)) == len(told)


def test_a_server_may_say_whose_request_it_passes_on():
    passed_on = visitor.anonymous_visitor(asked(address="10.0.0.1", agent="python"), "site", address="203.0.113.9", agent="Mozilla/5.0")
    assert passed_on == visitor.anonymous_visitor(asked(), "site")


def test_another_salt_is_another_id():
    first = visitor.anonymous_visitor(asked(), "site")
    visitor.set_salt(b"x" * 100)
    second = visitor.anonymous_visitor(asked(), "site")
    visitor.set_salt(b"x" * 64)
    assert first != second == visitor.anonymous_visitor(asked(), "site")


def test_parts_cannot_run_into_each_other():
    assert visitor.visitor_id("a", "bc") != visitor.visitor_id("ab", "c")
    assert visitor.visitor_id("a\0b", "c") != visitor.visitor_id("a", "b\0c")
