"""PostHog's requests with results for each event, as its Python SDK sends them in capture mode V1."""

from __future__ import annotations

from examples_support import Example, post

from footfall.event.drop import DropReason

_HEADERS = {
    "Authorization": "Bearer phc_1",
    "PostHog-Sdk-Info": "posthog-python/7.91.1",
    "PostHog-Attempt": "2",
    "PostHog-Request-Id": "5b9e0f6a-0000-4000-8000-000000000001",
    "PostHog-Request-Timestamp": "2026-11-22T09:59:59.500+00:00",
}

EXAMPLES = [
    Example(
        title="a batch of the Python SDK",
        asked=post(
            "/i/v1/analytics/events",
            {
                "created_at": "2026-11-22T09:59:30.000+00:00",
                "batch": [
                    {
                        "event": "signed up",
                        "uuid": "u-1",
                        "distinct_id": "user-1",
                        "timestamp": "2026-11-22T09:59:28+00:00",
                        "options": {},
                        "properties": {"plan": "pro", "$ip": "198.51.100.9"},
                        "session_id": "s-1",
                        "window_id": "w-1",
                    },
                    {
                        "event": "heartbeat",
                        "uuid": "u-2",
                        "distinct_id": "0b0e",
                        "timestamp": "2026-11-22T09:59:28+00:00",
                        "options": {"process_person_profile": False, "disable_skew_correction": True},
                        "properties": {},
                    },
                    {
                        "event": "$create_alias",
                        "uuid": "u-3",
                        "distinct_id": "old-1",
                        "timestamp": "2026-11-22T09:59:28+00:00",
                        "options": {"process_person_profile": True},
                        "properties": {"distinct_id": "old-1", "alias": "user-1"},
                    },
                ],
            },
            headers=_HEADERS,
        ),
        names=["signed up", "heartbeat", "$create_alias"],
        users=["user-1", None, "old-1"],
        anonymous=[None, "0b0e", None],
        ids=["u-1", "u-2", "u-3"],
        times=["2026-11-22T09:59:28+00:00"] * 3,
        key="phc_1",
        sent="2026-11-22T09:59:59.500+00:00",
        addresses=["198.51.100.9"],
        fields={
            0: {
                "session_id": "s-1",
                "ip": "198.51.100.9",
                "true_time": False,
                "properties": {"plan": "pro", "$window_id": "w-1", "$lib": "posthog-python", "$lib_version": "7.91.1"},
            },
            1: {"true_time": True, "properties": {"$lib": "posthog-python", "$lib_version": "7.91.1"}},
            2: {"identity": "alias", "previous_id": "user-1"},
        },
        answer={"results": {"u-1": {"result": "ok"}, "u-2": {"result": "ok"}, "u-3": {"result": "ok"}}},
    ),
    Example(
        title="some that nobody could store, from a client that says little",
        asked=post(
            "/i/v1/analytics/events/",
            {
                "created_at": "2026-11-22T09:59:30Z",
                "batch": [
                    {"event": "a", "uuid": "u-1", "distinct_id": "u", "options": {"disable_skew_correction": "yes"}},
                    {"event": "b", "uuid": "u-2", "distinct_id": "u"},
                    {"event": "c", "distinct_id": "u"},
                    {"event": "d", "uuid": "u-4"},
                    5,
                ],
            },
            headers={"Authorization": "Bearer phc_2"},
        ),
        names=["b"],
        users=["u"],
        ids=["u-2"],
        times=[None],
        key="phc_2",
        sent="2026-11-22T09:59:30Z",
        refused=[
            (0, DropReason.MALFORMED_EVENT),
            (2, DropReason.INVALID_FIELD),
            (3, DropReason.MISSING_PERSON),
            (4, DropReason.MALFORMED_EVENT),
        ],
        answer={
            "results": {
                "u-1": {
                    "result": "drop",
                    "details": "malformed_event: options.disable_skew_correction: Expected `bool | null`, got `str`",
                },
                "u-2": {"result": "ok"},
                "u-4": {"result": "drop", "details": "missing_person: distinct_id has no value"},
            }
        },
    ),
    Example(
        title="a migration",
        asked=post(
            "/i/v1/analytics/events",
            {
                "historical_migration": True,
                "batch": [{"event": "a", "uuid": "u-1", "distinct_id": "u", "timestamp": "2020-01-01T00:00:00Z", "properties": {"$set": {"a": 1}}}],
            },
        ),
        names=["a"],
        users=["u"],
        ids=["u-1"],
        times=["2020-01-01T00:00:00Z"],
        key=None,
        sent=None,
        fields={0: {"true_time": True, "properties": {"$set": {"a": 1}}}},
    ),
]
