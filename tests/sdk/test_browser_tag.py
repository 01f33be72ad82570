"""The browser tag in a real Chromium, on a site that is another origin than the door: what a visitor does is in the lake."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sdk_support import wait_for

HEAD = "<!doctype html><html><head><title>Shop</title>{stub}<script {defer} src='{url}/tag.js' data-key='site' {options}></script></head><body>{body}</body></html>"
STUB = "<script>window.footfall = window.footfall || function () { (footfall.queue = footfall.queue || []).push(arguments) }</script>"
BODY = """
<button id='buy' data-footfall-event='add to cart' data-footfall-product-id='p 1' data-footfall-price='9.50'><b id='inside'>Buy</b></button>
<a id='away' href='http://127.0.0.1:9/elsewhere' onclick='event.preventDefault()'>Away</a>
<a id='here' href='/cart' onclick="event.preventDefault(); history.pushState({}, '', '/cart')">Cart</a>
<form id='form' data-footfall-event='search' data-footfall-where='top' onsubmit='event.preventDefault()'><input id='field'><button id='go'>Go</button></form>
"""
KEPT = "JSON.parse(localStorage.getItem('footfall:site'))"
EMPTY = f"({KEPT} || {{queue: []}}).queue.length === 0"


def html(url: str, options: str = "", *, stub: bool = True, defer: str = "defer") -> str:
    return HEAD.format(stub=STUB if stub else "", url=url, options=options, body=BODY, defer=defer)


def own(event):
    return {name: value for name, value in event["properties"].items() if name != "$context"}


def posts(page):
    return [request for request in page.requests if request["method"] == "POST"]


def test_page_views_follow_an_application_of_one_page(door, browser_page):
    page = browser_page(html(door.url), path="/?utm_source=mail&utm_medium=letter&utm_campaign=autumn")
    page.run("history.pushState({}, '', '/products')")
    page.run("document.title = 'Product'; history.replaceState({}, '', '/products?page=2')")
    page.run("history.replaceState({}, '', '/products?page=2#reviews')")  # the same page
    page.run("history.pushState({}, '', '/cart')")
    page.run("history.back(); await new Promise((done) => addEventListener('popstate', () => setTimeout(done, 50), {once: true}))")
    page.wait(EMPTY)
    events = door.events(5)
    assert {event["name"] for event in events} == {"page_view"}
    assert [event["page"] for event in events] == ["/", "/products", "/products", "/cart", "/products"]
    site = page.site.url
    assert [event["url"] for event in events][1:] == [
        f"{site}/products",
        f"{site}/products?page=2",
        f"{site}/cart",
        f"{site}/products?page=2#reviews",
    ]
    assert events[0]["referrer"] is None
    assert events[1]["referrer"] == events[0]["url"]
    assert (events[0]["utm_source"], events[0]["utm_medium"], events[0]["utm_campaign"]) == ("mail", "letter", "autumn")
    assert [event["properties"]["$context"]["title"] for event in events][::2] == ["Shop", "Product", "Product"]
    assert len({event["session_id"] for event in events}) == len({event["anonymous_id"] for event in events}) == 1
    assert {event["source"] for event in events} == {"site"}
    assert {event["os"] for event in events} == {"Linux"}
    assert all(timedelta(0) <= event["received_time"] - event["sent_time"] < timedelta(minutes=1) for event in events)
    assert page.errors == []
    assert page.cookies == []
    assert {request["method"] for request in page.requests} == {"GET", "POST"}  # text needs no preflight
    assert door.letters() == []


def test_a_hash_is_a_page_where_the_site_says_so(door, browser_page):
    page = browser_page(html(door.url, "data-hash"))
    page.run("location.hash = '#/about'")
    page.wait(EMPTY)
    assert [event["url"] for event in door.events(2)] == [f"{page.site.url}/", f"{page.site.url}/#/about"]


def test_marked_elements_forms_and_outbound_links(door, browser_page):
    page = browser_page(html(door.url, "data-outbound data-page-views='false'"))
    page.click("#inside")
    page.click("#away")
    page.click("#here")
    page.click("#field")
    page.click("#go")
    page.wait(EMPTY)
    events = door.events(3)
    assert [(event["name"], own(event)) for event in events] == [
        ("add to cart", {"product_id": "p 1", "price": "9.50"}),
        ("outbound_click", {"url": "http://127.0.0.1:9/elsewhere"}),
        ("search", {"where": "top"}),
    ]
    assert page.errors == []


def test_identify_and_reset(door, browser_page):
    page = browser_page(html(door.url))
    page.run("footfall('track', 'signup', {plan: 'pro', seats: 3, tags: ['ä', null]})")
    page.run("footfall('identify', 7, {name: 'Ada'}); footfall('track', 'login')")
    page.run("footfall('reset'); footfall('track', 'as nobody')")
    page.run("footfall('identify', 'u8'); footfall('identify', 'u9')")
    page.wait(EMPTY)
    events = door.events(7)
    assert [event["name"] for event in events] == ["page_view", "signup", "identify", "login", "as nobody", "identify", "identify"]
    assert [event["user_id"] for event in events] == [None, None, "7", "7", None, "u8", "u9"]
    ids = [event["anonymous_id"] for event in events]
    assert ids[0] == ids[1] == ids[2] == ids[3]
    assert ids[4] == ids[5]
    assert len({ids[0], ids[4], ids[6]}) == 3  # a reset, and another user at the same device, begin anew
    assert own(events[1]) == {"plan": "pro", "seats": 3, "tags": ["ä", None]}
    assert own(events[2]) == {"name": "Ada"}
    assert page.errors == []


def test_a_stub_queues_until_the_tag_is_there(door, browser_page):
    early = html(door.url).replace("</head>", "<script>footfall('identify', 'u1'); footfall('track', 'early', {n: 1})</script></head>")
    page = browser_page(early)
    page.wait(EMPTY)
    assert [(event["name"], event["user_id"]) for event in door.events(3)] == [("page_view", None), ("identify", "u1"), ("early", "u1")]


def test_last_words_are_sent_by_a_beacon_when_the_tab_is_closed(door, browser_page):
    page = browser_page(html(door.url))
    page.wait(EMPTY)
    page.run("footfall('track', 'last words')")
    page.leave()
    assert [event["name"] for event in door.events(2)] == ["page_view", "last words"]


def test_last_words_are_sent_again_by_the_next_page_and_counted_once(door, gate, browser_page):
    way = gate()
    page = browser_page(html(way.url))
    page.wait(EMPTY)
    page.run("footfall('track', 'last words'); setTimeout(() => location.assign('/next'), 0)")
    page.wait("location.pathname === '/next' && document.readyState === 'complete'")
    page.wait(EMPTY)
    assert [event["name"] for event in door.events(3)] == ["page_view", "last words", "page_view"]
    sent = [[event["name"] for event in json.loads(body)["events"]] for body in way.bodies]
    assert sent == [["page_view"], ["last words"], ["last words", "page_view"]]
    assert door.letters() == []


def test_events_wait_in_storage_while_the_door_is_away(door, browser_page):
    page = browser_page(html(door.url))
    page.wait(EMPTY)
    door.kill()
    page.run("footfall('track', 'first', {n: 1}); footfall('track', 'second', {n: 2})")
    wait_for(lambda: True if len(posts(page)) > 1 else None, "a request in vain")
    page.wait(f"{KEPT}.queue.length === 2")
    ids = [event["event_id"] for event in page.run(f"return {KEPT}.queue")]
    door.start()
    page.run("dispatchEvent(new Event('online'))")  # else the tag comes back by itself, a little later each time
    page.wait(EMPTY)
    events = door.events(3)
    assert [event["event_id"] for event in events[1:]] == ids
    assert [own(event) for event in events[1:]] == [{"n": 1}, {"n": 2}]
    assert all(event["client_time"] < event["sent_time"] for event in events)


def test_a_visitor_who_was_offline_is_not_lost(door, browser_page):
    page = browser_page(html(door.url))
    page.wait(EMPTY)
    page.offline(True)
    page.run("footfall('track', 'in the tunnel')")
    page.offline(False)
    page.reopen("/later")
    page.wait(EMPTY)
    assert [event["name"] for event in door.events(3)] == ["page_view", "in the tunnel", "page_view"]


def test_trouble_is_waited_out_and_nothing_counted_twice(door, gate, browser_page):
    way = gate([503, "lose", (429, {"Retry-After": "2"})])
    page = browser_page(html(way.url))
    page.run("footfall('track', 'a'); footfall('track', 'b')")
    way.wait_until_answered(3)
    until = page.run(f"return {KEPT}.until - Date.now()")
    assert 0 < until <= 2000
    page.run("footfall('track', 'c')")
    page.wait(EMPTY)
    assert sorted(event["name"] for event in door.events(4)) == ["a", "b", "c", "page_view"]
    times = [json.loads(body)["sent_time"] for body in way.bodies]
    waited = page.run(f"return Date.parse('{times[3]}') - Date.parse('{times[2]}')")
    assert waited >= 2000
    assert page.cookies == []


def test_a_refusal_for_good_is_not_repeated(door, gate, browser_page):
    way = gate([401])
    page = browser_page(html(way.url))
    page.wait(EMPTY)
    page.run("footfall('track', 'next')")
    page.wait(EMPTY)
    assert [event["name"] for event in door.events(1)] == ["next"]
    assert any("refused 1 events with 401" in error for error in page.errors)


def test_the_queue_is_bounded_and_keeps_the_newest(door, browser_page):
    page = browser_page(html(door.url))
    page.wait(EMPTY)
    door.kill()
    page.run("for (let n = 0; n < 600; n++) footfall('track', 'n', {n})")
    assert page.run(f"return {KEPT}.queue.length") == 500
    door.start()
    page.run("dispatchEvent(new Event('online'))")
    page.wait(EMPTY)
    events = door.events(501)
    assert [event["properties"].get("n") for event in events][1:] == list(range(100, 600))


@pytest.mark.parametrize("signal", ["doNotTrack", "globalPrivacyControl"])
def test_people_who_ask_not_to_be_tracked_are_not(door, browser_page, signal):
    value = "'1'" if signal == "doNotTrack" else "true"
    before = f"Object.defineProperty(Navigator.prototype, '{signal}', {{get: () => {value}}})"
    page = browser_page(html(door.url), before=before)
    page.run("footfall('track', 'nothing'); footfall('identify', 'u1')")
    page.goto("/next")
    assert page.run("return Object.keys(localStorage)") == []
    assert posts(page) == []
    told = browser_page(html(door.url, "data-respect-dnt='false'"), before=before)
    told.wait(EMPTY)
    assert [event["name"] for event in door.events(1)] == ["page_view"]


def test_cookieless_keeps_nothing_at_the_visitor(door, browser_page):
    page = browser_page(html(door.url, "data-cookieless"))
    page.run("footfall('track', 'one')")
    wait_for(lambda: True if posts(page) else None, "a request")
    page.goto("/next")
    other = browser_page(html(door.url, "data-cookieless"))
    events = door.events(4)
    assert sorted(event["name"] for event in events) == ["one", "page_view", "page_view", "page_view"]
    assert {event["session_id"] for event in events} == {None}
    # The same browser at the same address on the same day is one visitor, made at the door.
    assert len({event["anonymous_id"] for event in events}) == 1
    assert events[0]["anonymous_id"]
    for each in (page, other):
        assert each.run("return [document.cookie, Object.keys(localStorage), Object.keys(sessionStorage)]") == ["", [], []]
        assert each.cookies == []
        assert each.errors == []


def test_sessions_end_after_half_an_hour_and_visitors_come_back(door, browser_page):
    page = browser_page(html(door.url))
    page.wait(EMPTY)
    page.reopen("/again")
    page.wait(EMPTY)
    page.run(f"const kept = {KEPT}; kept.seen -= 31 * 60000; localStorage.setItem('footfall:site', JSON.stringify(kept))")
    page.run("footfall('track', 'after lunch')")
    page.wait(EMPTY)
    events = door.events(3)
    assert len({event["anonymous_id"] for event in events}) == 1
    sessions = [event["session_id"] for event in events]
    assert sessions[0] == sessions[1] != sessions[2]


def test_old_events_are_forgotten_before_the_door_forgets_their_ids(door, browser_page):
    event = "{{name: '{0}', event_id: '{0}', anonymous_id: 'a', event_time: new Date(Date.now() - {1} * 864e5).toISOString()}}"
    queue = f"[{event.format('stale', 7)}, {event.format('fresh', 5)}]"
    page = browser_page(html(door.url), before=f"localStorage.setItem('footfall:site', JSON.stringify({{queue: {queue}}}))")
    page.wait(EMPTY)
    assert [event["name"] for event in door.events(2)] == ["fresh", "page_view"]


def test_storage_that_is_closed_to_the_page_does_no_harm(door, browser_page):
    closed = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }})"
    page = browser_page(html(door.url, stub=False, defer=""), before=closed)
    page.run("footfall('track', 'anyway')")
    assert [event["name"] for event in door.events(2)] == ["page_view", "anyway"]
    assert page.errors == []


def test_the_tag_is_kept_by_browsers(door, browser_page):
    page = browser_page(html(door.url))
    told = page.run(
        f"const answer = await fetch('{door.url}/tag.js', {{cache: 'no-store'}}); return [...answer.headers].concat([['n', answer.status]])"
    )
    headers = dict(told)
    assert headers["n"] == 200
    assert "max-age=3600" in headers["cache-control"]
    page.goto("/next")
    assert page.errors == []
