"""The battery of every wire protocol."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from protocol_battery import (
    GARBAGE,
    PROTOCOLS,
    ROUTING,
    check_addresses,
    check_answer,
    check_lines,
    check_meaning,
    check_refusals,
    check_survives,
    damaged,
    every_example,
    examples_of,
    is_lines,
    parsed,
    shapes_of,
    title_of,
)

from footfall.collect.protocols import __all__ as names
from footfall.collect.wire.contract import Asked

QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
each_protocol = pytest.mark.parametrize("name", sorted(PROTOCOLS))
each_known = pytest.mark.parametrize("name", sorted(name for name in PROTOCOLS if examples_of(name)))
each_example = pytest.mark.parametrize(("name", "index"), list(every_example()), ids=title_of)


def test_names_are_unique_and_sorted():
    assert len(PROTOCOLS) == len(names)
    assert list(names) == sorted(names)
    assert all(name.isidentifier() and name == name.lower() for name in PROTOCOLS)


@each_protocol
def test_every_protocol_has_examples(name):
    assert examples_of(name), f"write tests/collect/examples/{name}.py"


def test_paths_do_not_clash():
    """Two may share a method and path when at most one of them takes everything that comes."""
    takers: dict[tuple[str, str], list[str]] = {}
    for protocol in PROTOCOLS.values():
        for route in protocol.routes:
            for method in route.methods:
                if route.when is None:
                    takers.setdefault((method, route.path.rstrip("/") or "/"), []).append(protocol.name)
    assert {key: value for key, value in takers.items() if len(value) > 1} == {}


@each_protocol
def test_paths_are_well_formed(name):
    protocol = PROTOCOLS[name]
    assert protocol.routes
    assert protocol.stream in ("events", "logs")
    assert protocol.title
    assert all(route.path.startswith("/") and "*" not in route.path[:-1] and "?" not in route.path for route in protocol.routes)
    assert all(set(route.methods) <= {"GET", "POST", "PUT"} for route in protocol.routes)


@each_protocol
def test_replies_are_fixed_answers_that_parse(name):
    for route in PROTOCOLS[name].routes:
        if route.reply is not None:
            for method in route.methods:
                answer = route.reply(Asked(method, route.path.replace("*", "some-token/config"), b"\xff{not json"))
                assert 200 <= answer.status < 300
                parsed(answer)


@each_example
def test_an_example_reaches_its_protocol(name, index):
    asked = examples_of(name)[index].asked
    first = ROUTING.first(asked.method, asked.path)
    assert first is not None
    assert ROUTING.choose(asked, *first)[0].name == name


@each_example
def test_an_example_means_what_it_says(name, index):
    check_meaning(PROTOCOLS[name], examples_of(name)[index])


@each_example
def test_canonical_lines_say_the_same(name, index):
    check_lines(PROTOCOLS[name], examples_of(name)[index].asked)


@each_example
def test_a_body_with_line_ends_is_one_line_an_event(name, index):
    asked = examples_of(name)[index].asked
    if asked.body[:1] not in (b"{", b"[") or is_lines(asked.body):
        return
    spread = replace(asked, body=json.dumps(json.loads(asked.body), indent=1).replace("\n", "\r\n").encode())
    check_lines(PROTOCOLS[name], spread)


@each_example
def test_no_address_is_left(name, index):
    check_addresses(PROTOCOLS[name], examples_of(name)[index])


@each_example
def test_the_answer_is_a_success(name, index):
    check_answer(PROTOCOLS[name], examples_of(name)[index])


@each_example
def test_refusals_can_be_said(name, index):
    check_refusals(PROTOCOLS[name], examples_of(name)[index])


@each_known
@pytest.mark.parametrize("kind", sorted(GARBAGE))
def test_garbage_is_refused_or_dropped_with_a_reason(name, kind):
    for asked in shapes_of(name):
        check_survives(PROTOCOLS[name], replace(asked, body=GARBAGE[kind]))
        check_survives(PROTOCOLS[name], replace(asked, body=GARBAGE[kind], query_string=b"", headers={}))


@each_known
def test_damaged_examples_are_refused_or_dropped_with_a_reason(name):
    @QUIET
    @given(damaged(name))
    def survives(asked: Asked) -> None:
        check_survives(PROTOCOLS[name], asked)

    survives()


@each_known
def test_any_bytes_are_refused_or_dropped_with_a_reason(name):
    shapes = shapes_of(name)

    @QUIET
    @given(st.sampled_from(shapes), st.binary(max_size=60))
    def survives(asked: Asked, body: bytes) -> None:
        check_survives(PROTOCOLS[name], replace(asked, body=body))

    survives()
