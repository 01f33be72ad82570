"""The means of the SDK tests work: SDKs import, pages run in another origin, and a door keeps its port."""

from __future__ import annotations

from sdk_support import post

PYTHON_SDKS = ["segment.analytics", "rudderstack.analytics", "posthog", "amplitude", "mixpanel", "snowplow_tracker"]
NODE_SDKS = ["@segment/analytics-node", "@umami/node", "@jitsu/js", "@openpanel/sdk"]


def test_python_sdks_import(run_python):
    script = "import os\nfor name in os.environ['NAMES'].split():\n    __import__(name)\n    print(name)"
    assert run_python(script, NAMES=" ".join(PYTHON_SDKS)).split() == PYTHON_SDKS


def test_node_packages_import(run_node):
    script = "for (const name of process.env.NAMES.split(' ')) { await import(name); console.log(name); }"
    assert run_node(script, NAMES=" ".join(NODE_SDKS)).split() == NODE_SDKS


def test_a_page_runs_a_bundle_and_tells_its_errors(run_node, browser_page):
    page = browser_page(run_node.bundle("import mixpanel from 'mixpanel-browser'; window.loaded = typeof mixpanel.track; console.error('oh');"))
    assert page.run("return [window.loaded, location.origin]") == ["function", page.site.url]
    assert [error.split()[0] for error in page.errors] == ["oh"]
    page.goto("/another/page")
    assert page.run("return location.pathname") == "/another/page"
    assert page.cookies == []


def test_a_door_keeps_its_port_and_drains(door):
    first = door.url
    assert door.post("/v1/track", '{"type":"track","event":"a","userId":"u","messageId":"1"}', {"Authorization": "Basic azo="})[0] == 200
    door.stop()
    door.start()
    assert door.url == first
    assert door.post("/v1/track", '{"type":"track","event":"b","userId":"u","messageId":"2"}')[0] == 200
    door.kill()
    door.start()
    assert [event["name"] for event in door.events(2)] == ["a", "b"]
    assert door.letters() == []


def test_a_gate_answers_loses_and_lets_through(door, gate):
    way = gate([503, (429, {"Retry-After": "7"}), "lose"])
    body = '{"type":"track","event":"a","userId":"u","messageId":"gate-%d"}'
    assert [post(f"{way.url}/v1/track", body % number)[0] for number in range(5)] == [503, 429, 0, 200, 200]
    assert [status for _, _, status in way.seen] == [503, 429, 0, 200, 200]
    assert [event["event_id"] for event in door.events(3)] == ["gate-2", "gate-3", "gate-4"]
