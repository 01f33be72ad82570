"""PostHog, its first protocol (V0), which nearly all of its SDKs speak.

POST /batch/, /e/, /capture/, /i/v0/e/, /i/v0/ai/batch/ with `{api_key, batch, sent_at, historical_migration}`, one event, or a bare list of
events; as JSON, or as base64 in a form's `data` (beacons), and in the query of a GET.  The key is `api_key` or `token`, also of an event or
of its properties.  Duplicates go by `uuid`.  Event time is received - (sent_at - timestamp), received - offset where an event has no
timestamp, and the timestamp itself for historical migrations and with `$ignore_sent_at`.
What the browser SDK asks for beside that (its settings, flags, surveys, recordings) gets answers that switch it off.
Source: the vendor's SDKs.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from footfall.collect.protocols.posthog.items import Item, Origin, Scalar, batch_of, micros, text_of_id
from footfall.collect.wire.contract import JSON, Answer, Asked, BadRequest, Batch, Outcome, Problem, Refusal, Route
from footfall.collect.wire.form_body import form_field, from_base64
from footfall.collect.wire.json_body import check_text, decode, decode_each, not_json
from footfall.collect.wire.retry_after import retry_after
from footfall.event.canonical import NO_JSON, Event, absent
from footfall.event.drop import DropReason

# Without `surveys` the browser SDK does not look for its script; with false it does.
_SETTINGS = msgspec.json.encode(
    {
        "supportedCompression": ["gzip-js"],
        "analytics": {"endpoint": "/i/v0/e/"},
        "hasFeatureFlags": False,
        "sessionRecording": False,
        "productTours": False,
        "heatmaps": False,
        "captureDeadClicks": False,
        "capturePerformance": False,
        "autocaptureExceptions": False,
        "elementsChainAsString": True,
        "siteApps": [],
        "isAuthenticated": False,
        "toolbarParams": {},
    }
)
_FLAGS = b'{"flags":{},"featureFlags":{},"featureFlagPayloads":{},"errorsWhileComputingFlags":false}'
_LISTS = b'{"surveys":[],"product_tours":[],"earlyAccessFeatures":[],"experiments":[]}'
_KINDS_OF_LISTS = ("surveys", "product_tours", "early_access_features", "web_experiments")
_DONE = b'{"status":1}'
_SCRIPT = (b"content-type", b"text/javascript; charset=utf-8")


class _Body(Item, gc=False):
    """A batch, or one event, in one reading; an event has no `batch`."""

    batch: list[Item] | None = None
    historical_migration: bool | None = None


class _Envelope(msgspec.Struct, gc=False):
    batch: msgspec.Raw = NO_JSON
    api_key: Scalar = None
    token: Scalar = None
    sent_at: str | int | float | None = None
    historical_migration: bool | None = None


class _Token(msgspec.Struct, gc=False):
    token: Scalar = None


_BODY = msgspec.json.Decoder(_Body)
_LIST = msgspec.json.Decoder(list[Item])
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_ONE = msgspec.json.Decoder(Item)
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_TOKEN = msgspec.json.Decoder(_Token)


def _config(asked: Asked) -> Answer:
    """The settings of a project, as JSON or as the script that the browser SDK prefers."""
    if not asked.path.endswith(".js"):
        return Answer(200, _SETTINGS, (JSON,))
    token = asked.path.split("/")[2] if asked.path.count("/") > 2 else ""
    # A path is a stranger's text: as JSON without < it can neither leave its string nor the script.
    name = msgspec.json.encode(token).replace(b"<", b"\\u003c")
    script = b"(function(){var all=window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{};all[%b]={config:%b,siteApps:[]}})();"
    return Answer(200, script % (name, _SETTINGS), (_SCRIPT,))


def _always(body: bytes) -> Callable[[Asked], Answer]:
    """The same answer for everybody."""
    answer = Answer(200, body, (JSON,))
    return lambda _: answer


def _is_batch_of_posthog(asked: Asked) -> bool:
    """Amplitude has /batch too, always without a slash at the end, and `events` in its bodies."""
    return asked.path.endswith("/") or (b'"batch":' in asked.body and b'"events":' not in asked.body)


class PostHog:
    """PostHog's capture endpoints."""

    name = "posthog"
    title = "PostHog"
    stream = "events"
    raw = False
    allow_headers = ()
    routes = (
        Route(("POST",), "/batch/", when=_is_batch_of_posthog),
        Route(("POST",), "/i/v0/ai/batch/"),
        *(Route(("POST", "GET"), path) for path in ("/e/", "/capture/", "/i/v0/e/")),
        Route(("GET",), "/array/*", reply=_config),
        *(Route(("POST",), path, reply=_always(_FLAGS)) for path in ("/flags/", "/decide/")),
        *(Route(("POST",), path, reply=_always(_DONE)) for path in ("/s/", "/i/v1/metrics", "/i/v1/logs")),
        *(Route(("GET",), f"/api/{kind}/", reply=_always(_LISTS)) for kind in _KINDS_OF_LISTS),
    )

    def read(self, asked: Asked) -> Batch:
        """The events of one request."""
        body = _plain(asked)
        check_text(body)
        origin = Origin(asked.received_us)
        envelope, items, places, refused = _read(body)
        origin.true_time = envelope.historical_migration is True
        batch = batch_of(items, places, refused, origin)
        batch.key = text_of_id(envelope.api_key) or text_of_id(envelope.token) or _key(items)
        try:
            batch.sent = micros(envelope.sent_at) or micros(_sent_of_query(asked))
        except ValueError:
            batch.sent = None
        return batch

    def events(self, batch: Batch) -> list[Event]:
        """They are canonical already."""
        return batch.items

    def answer(self, asked: Asked, outcome: Outcome) -> Answer:
        """The only thing that every SDK takes for success is 200."""
        return Answer(200, _DONE, (JSON,))

    def refuse(self, asked: Asked, problem: Problem) -> Answer:
        """`detail` is what the SDKs show."""
        return refusal_answer(problem, {"type": "error", "code": problem.code, "detail": problem.sentence})


def refusal_answer(problem: Problem, body: dict[str, object]) -> Answer:
    """A refusal in JSON.  The browser SDK gives up on every 4xx and tries a 503 again, as do all the others, so 503 also stands for 429."""
    status = 503 if problem.status == 429 else problem.status
    return Answer(status, msgspec.json.encode(body), (JSON, *retry_after(problem)))


def _plain(asked: Asked) -> bytes:
    """The JSON of a request, out of a form or base64 where it is in one."""
    body = asked.body.strip()
    if body[:1] in (b"{", b"["):
        return body
    text = form_field(body, "data") if body else asked.query().get("data")
    if text is None:
        try:
            text = str(body, "ascii")
        except UnicodeDecodeError:
            raise BadRequest(DropReason.MALFORMED_BODY, "the body is neither JSON nor a form with data", field="body") from None
    text = text.strip()
    if not text:
        raise BadRequest(DropReason.MALFORMED_BODY, "the request holds no events", field="body", hint="send JSON in the body")
    return text.encode("utf-8", "surrogatepass") if text[0] in "{[" else from_base64(text)


def _read(body: bytes) -> tuple[_Envelope, list[Item], list[int] | None, list[Refusal]]:
    """The envelope (an empty one around a bare list or one event), the events, their places if some were refused, and those."""
    is_list = body.lstrip()[:1] == b"["
    try:
        if is_list:
            return _some(_Envelope(), _LIST.decode(body), None, [])
        read = _BODY.decode(body)
    except msgspec.ValidationError:
        return _read_each(body, is_list)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as problem:
        raise not_json(problem) from None
    envelope = _Envelope(NO_JSON, read.api_key, read.token, read.sent_at, read.historical_migration)
    return _some(envelope, [read] if read.batch is None else read.batch, None, [])


def _read_each(body: bytes, is_list: bool) -> tuple[_Envelope, list[Item], list[int] | None, list[Refusal]]:
    """Element by element, for a body with one that is wrong."""
    envelope = _Envelope() if is_list else decode(_ENVELOPE, body)
    if not is_list and absent(envelope.batch):
        return _some(envelope, [decode(_ONE, body)], None, [])
    raws = decode(_RAWS, body if is_list else bytes(envelope.batch))
    items, places, refused = decode_each(_ONE, raws)
    return _some(envelope, items, places, refused)


def _some(
    envelope: _Envelope, items: list[Item], places: list[int] | None, refused: list[Refusal]
) -> tuple[_Envelope, list[Item], list[int] | None, list[Refusal]]:
    if not items and not refused:
        raise BadRequest(DropReason.MALFORMED_BODY, "the batch is empty", field="batch")
    return envelope, items, places, refused


def _key(items: list[Item]) -> str | None:
    """The token that an event names; the browser SDK writes it into the properties of each."""
    for item in items:
        token = item.api_key or item.token
        if token is None and not absent(item.properties):
            try:
                token = text_of_id(_TOKEN.decode(item.properties).token)
            except msgspec.MsgspecError:
                token = None
        if token:
            return token
    return None


def _sent_of_query(asked: Asked) -> float | None:
    """`sent_at` (or `_`, as older versions say), in milliseconds."""
    if not asked.query_string:
        return None
    query = asked.query()
    text = query.get("sent_at") or query.get("_") or ""
    return float(text) if text.isascii() and text.isdigit() and len(text) == 13 else None
