"""The published @openpanel/sdk, unchanged but for the host."""

from __future__ import annotations

import json

EVERY_CALL = """
import { OpenPanel } from '@openpanel/sdk';
const panel = new OpenPanel({ clientId: 'client-1', clientSecret: 'secret', apiUrl: process.env.DOOR });
const told = [];
told.push(await panel.track('before', { price: 9.5, items: ['ä', null] }));
told.push(await panel.track('device', { __deviceId: 'd1', groups: ['g0'] }));
told.push(await panel.identify({ profileId: 'p1', firstName: 'Ada', email: 'ada@example.com', properties: { plan: 'pro', __deviceId: 'd1' } }));
panel.setGlobalProperties({ release: 7 });
told.push(await panel.track('after'));
told.push(await panel.upsertGroup({ id: 'g1', type: 'company', name: 'Acme', properties: { size: 3 } }));
told.push(await panel.setGroup('g1'));
told.push(await panel.increment({ profileId: 'p1', property: 'visits', value: 2 }));
told.push(await panel.decrement({ profileId: 'p1', property: 'visits' }));
told.push(await panel.revenue(5, { currency: 'EUR' }));
console.log(JSON.stringify(told));
"""

QUEUED = """
import { OpenPanel } from '@openpanel/sdk';
const panel = new OpenPanel({ clientId: 'client-1', apiUrl: process.env.DOOR, disabled: true });
await panel.track('queued');
panel.api.initialRetryDelay = 10;
panel.ready();
for (let turn = 0; turn < 400 && !panel.deviceId; turn++) await new Promise((go) => setTimeout(go, 20));
console.log(panel.deviceId.length);
"""


def properties_of(event):
    return {name: value for name, value in event["properties"].items() if name != "$context"}


def test_every_call_arrives_as_it_was_made(door, run_node):
    told = json.loads(run_node(EVERY_CALL, DOOR=door.url))
    assert [set(one) for one in told] == [{"deviceId", "sessionId"}] * 9
    assert told[1]["deviceId"] == told[2]["deviceId"] == "d1"
    events = door.events(9)
    assert [event["name"] for event in events] == [
        "before", "device", "identify", "after", "group", "assign_group", "increment", "decrement", "revenue"
    ]  # fmt: skip
    assert [event["user_id"] for event in events] == [None, None, "p1", "p1", None, "p1", "p1", "p1", "p1"]
    assert [event["anonymous_id"] for event in events] == [told[0]["deviceId"], "d1", "d1", None, "$group:g1", None, None, None, None]
    assert [properties_of(event) for event in events] == [
        {"price": 9.5, "items": ["ä", None]},
        {"groups": ["g0"]},
        {"firstName": "Ada", "email": "ada@example.com", "plan": "pro"},
        {"release": 7},
        {"id": "g1", "type": "company", "name": "Acme", "size": 3},
        {"groupIds": ["g1"]},
        {"property": "visits", "value": 2},
        {"property": "visits"},
        {"groups": ["g1"], "release": 7, "currency": "EUR", "__revenue": 5},
    ]
    assert {event["source"] for event in events} == {"client-1"}
    assert door.letters() == []


def test_a_queued_event_keeps_its_time_through_refusals(door, gate, run_node):
    way = gate([503, 429])
    assert run_node(QUEUED, DOOR=way.url).strip() == "36"
    (event,) = door.events(1)
    assert event["name"] == "queued"
    assert event["client_time"] is not None
    assert event["client_time"] == event["event_time"] <= event["received_time"]
    assert [status for _, _, status in way.seen] == [503, 429, 200]
