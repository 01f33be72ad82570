"""Plausible's published tracker in a browser, unchanged but for its endpoint."""

from __future__ import annotations

IN_BROWSER = """
window.__plausible = true;  // the tracker leaves out browsers that a program drives, unless it is told to stay
const answers = [];
const callback = (answer) => answers.push(answer.status ?? String(answer.error));
tracker.init({domain: 'shop.example', endpoint: HOST + '/api/event', captureOnLocalhost: true, logging: true});
tracker.track('Signup', {props: {plan: 'pro', seats: 3}, callback});
tracker.track('Purchase', {revenue: {currency: 'EUR', amount: 12.5}, interactive: false, callback});
history.pushState({}, '', '/thanks');
while (answers.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
return answers;
"""


def test_every_call_arrives_from_another_origin(door, run_node, browser_page):
    bundle = run_node.bundle("import * as plausible from '@plausible-analytics/tracker'; window.tracker = plausible;")
    page = browser_page(bundle, path="/cart?utm_source=mail")
    assert page.run(IN_BROWSER.replace("HOST", repr(door.url))) == [202, 202]
    named = "name <> 'engagement'"
    events = door.events(4, named)
    by_page = {(event["name"], event["page"]) for event in events}
    assert by_page == {("pageview", "/cart"), ("pageview", "/thanks"), ("Signup", "/cart"), ("Purchase", "/cart")}
    assert {event["source"] for event in events} == {"shop.example"}
    assert len({event["anonymous_id"] for event in events}) == 1
    assert {event["user_id"] for event in events} == {None}
    by_name = {event["name"]: event for event in events}
    assert {name: by_name["Signup"]["properties"][name] for name in ("plan", "seats")} == {"plan": "pro", "seats": 3}
    assert by_name["Purchase"]["properties"]["revenue"] == {"currency": "EUR", "amount": 12.5}
    assert by_name["Purchase"]["properties"]["interactive"] is False
    assert by_name["Signup"]["utm_source"] == "mail"
    assert page.errors == []
    assert door.letters() == []


def test_what_is_refused_is_told(door):
    status, body = door.post("/api/event", b'{"n":"pageview"}', {"Content-Type": "text/plain"})
    assert (status, body) == (400, b'{"errors":{"url":["url is required"]}}')
    assert [letter["reason"] for letter in door.letters(1)] == ["invalid_field"]
