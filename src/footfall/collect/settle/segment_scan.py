"""Segment's bodies to rows, compiled: what `Segment.events` makes of plain calls, cell by cell, without an object an event.

Only calls whose meaning is plain are taken.  Whatever leaves a doubt (a type that the protocol would refuse, a name that is there twice, what
is written anew on its way) is noted and read by the protocol itself.
"""

from __future__ import annotations

from typing import Any

import numba

from footfall.event.cells.json_scan import BLANKS, DEPTH_MAX, MADE, START, STOP, _blank, _new_head, _scalar, nested_end
from footfall.event.cells.json_tree import LEAF, ODD, has_backslash, scan_tree
from footfall.event.cells.words import same
from footfall.event.raw import ESCAPED, FINE, NESTED, NULL, NUMBER, TEXT

# The objects of a call.
CALL, CONTEXT, PROPERTIES, PAGE, CAMPAIGN, SYSTEM, DEVICE = range(7)
# The members that are looked into; a member's place in this list is its slot.
MEMBERS: tuple[tuple[int, str, int], ...] = (
    (CALL, "type", LEAF),
    (CALL, "event", LEAF),
    (CALL, "originalTimestamp", LEAF),
    (CALL, "timestamp", LEAF),
    (CALL, "messageId", LEAF),
    (CALL, "sentAt", LEAF),
    (CALL, "writeKey", LEAF),
    (CALL, "name", LEAF),
    (CALL, "category", LEAF),
    (CALL, "userId", LEAF),
    (CALL, "anonymousId", LEAF),
    (CALL, "previousId", LEAF),
    (CALL, "groupId", LEAF),
    (CONTEXT, "sessionId", LEAF),
    (CONTEXT, "userAgent", LEAF),
    (CONTEXT, "ip", LEAF),
    (CONTEXT, "traits", LEAF),
    (PAGE, "url", LEAF),
    (PAGE, "path", LEAF),
    (PAGE, "referrer", LEAF),
    (CAMPAIGN, "source", LEAF),
    (CAMPAIGN, "medium", LEAF),
    (CAMPAIGN, "name", LEAF),
    (SYSTEM, "name", LEAF),
    (SYSTEM, "type", LEAF),
    (DEVICE, "name", LEAF),
    (DEVICE, "type", LEAF),
    (CALL, "context", CONTEXT),
    (CALL, "properties", PROPERTIES),
    (CALL, "traits", PROPERTIES),
    (CONTEXT, "page", PAGE),
    (CONTEXT, "campaign", CAMPAIGN),
    (CONTEXT, "os", SYSTEM),
    (CONTEXT, "device", DEVICE),
)
_SLOTS = {member[:2]: slot for slot, member in enumerate(MEMBERS)}
_TYPE, _EVENT, _ORIGINAL, _TIMESTAMP = 0, 1, 2, 3
_NAME, _CATEGORY = _SLOTS[CALL, "name"], _SLOTS[CALL, "category"]
_USER, _ANONYMOUS, _PREVIOUS, _GROUP = (_SLOTS[CALL, name] for name in ("userId", "anonymousId", "previousId", "groupId"))
_SESSION, _IP, _CONTEXT_TRAITS = (_SLOTS[CONTEXT, name] for name in ("sessionId", "ip", "traits"))
_FIRST_OBJECT, _CONTEXT = _SLOTS[CALL, "context"], _SLOTS[CALL, "context"]
_PROPERTIES, _TRAITS = _SLOTS[CALL, "properties"], _SLOTS[CALL, "traits"]
# Slots that become a column as they stand.
COPIED: tuple[tuple[int, str], ...] = (
    (_SLOTS[CALL, "messageId"], "event_id"),
    (_SLOTS[CALL, "sentAt"], "sent_time"),
    (_USER, "user_id"),
    (_ANONYMOUS, "anonymous_id"),
    (_PREVIOUS, "previous_id"),
    (_SESSION, "session_id"),
    (_SLOTS[CONTEXT, "userAgent"], "agent"),
    (_SLOTS[PAGE, "url"], "url"),
    (_SLOTS[PAGE, "path"], "page"),
    (_SLOTS[PAGE, "referrer"], "referrer"),
    (_SLOTS[SYSTEM, "name"], "os"),
    (_SLOTS[DEVICE, "type"], "device"),
    (_SLOTS[CAMPAIGN, "source"], "utm_source"),
    (_SLOTS[CAMPAIGN, "medium"], "utm_medium"),
    (_SLOTS[CAMPAIGN, "name"], "utm_campaign"),
    (_CONTEXT, "context"),
)
# Columns that depend on the kind of call, after those that are copied.
DECIDED = ("name", "event_time", "properties", "identity")

# The kinds of calls, each with the bytes of its type and of the name that its events get, behind the bodies.
KINDS = ("track", "page", "screen", "identify", "alias")
EVENT_NAMES = ("", "page_view", "screen_view", "identify", "alias")
_TRACK, _PAGE, _SCREEN, _IDENTIFY, _ALIAS = range(5)
ENVELOPE = ("batch", "sentAt", "writeKey")
_BATCH = 0

# A frame: where its body begins and stops, its records, whether it is one call, that call's kind by its path (-1: none), and where its list
# of kept places begins and stops (both 0: all are kept).
BEGIN, END, RECORDS, SINGLE, KIND, KEPT_BEGIN, KEPT_END = range(7)
# Counters of a scan.
ROWS, DOUBTS, FRAME, TAKEN = range(4)


@numba.njit(nogil=True, cache=True, forceinline=True)
def _given(octets: Any, cell: Any) -> bool:
    """Whether a member is there and is not null; an empty text is."""
    return bool(cell[2] != NULL or (cell[0] > 0 and octets[cell[0]] == 34))


@numba.njit(nogil=True, cache=True)
def _plain_integer(octets: Any, cell: Any) -> bool:
    """Whether a number is an integer as Python would write it."""
    start, stop = cell[0], cell[1]
    if stop - start > 18 or (octets[start] == 48 and stop - start > 1):
        return False
    for i in range(start, stop):  # noqa: SIM110 - compiled
        if not 48 <= octets[i] <= 57:
            return False
    return True


@numba.njit(nogil=True, cache=True)
def _kind_of(octets: Any, cells: Any, otherwise: int, kinds: Any) -> int:
    """Which of KINDS a call is, -1 when it is none of them."""
    what = cells[_TYPE, 2]
    if what == NULL:
        return otherwise
    start, stop = cells[_TYPE, 0], cells[_TYPE, 1]
    if what == TEXT:
        for kind in range(len(kinds)):
            if kinds[kind, 1] - kinds[kind, 0] == stop - start and same(octets, start, octets, kinds[kind, 0], stop - start):
                return kind
    return -1


@numba.njit(nogil=True, cache=True)
def _types_fit(octets: Any, cells: Any) -> bool:
    """Whether every member has a type that the protocol takes; whole numbers for ids become texts."""
    for slot in range(_FIRST_OBJECT):
        what = cells[slot, 2]
        if what in (NULL, TEXT, ESCAPED) or slot == _CONTEXT_TRAITS:
            continue
        if what != NUMBER or not (_USER <= slot <= _SESSION) or not _plain_integer(octets, cells[slot]):
            return False
        if slot == _ANONYMOUS and cells[_USER, 2] == NULL:  # 0 is nobody's anonymous id
            return False
        cells[slot, 2] = TEXT
    for slot in range(_FIRST_OBJECT, len(MEMBERS)):
        if _given(octets, cells[slot]) and (cells[slot, 2] != NESTED or octets[cells[slot, 0]] != 123):
            return False
    return True


@numba.njit(nogil=True, cache=True)
def _plain(octets: Any, cells: Any, kind: int) -> bool:
    """Whether a call becomes an event without anything being written anew."""
    if kind < 0 or cells[_IP, 0] or _given(octets, cells[_GROUP]) or not _types_fit(octets, cells):
        return False
    if (cells[_USER, 2] == NULL and cells[_ANONYMOUS, 2] == NULL) or (kind == _TRACK and cells[_EVENT, 2] == NULL):
        return False
    if kind in (_PAGE, _SCREEN) and (_given(octets, cells[_NAME]) or _given(octets, cells[_CATEGORY])):
        return False
    if kind == _IDENTIFY:
        if _given(octets, cells[_PROPERTIES]):
            return False
        return _given(octets, cells[_TRAITS]) or not _given(octets, cells[_CONTEXT_TRAITS])
    return not _given(octets, cells[_TRAITS])


@numba.njit(nogil=True, cache=True, forceinline=True)
def _put(out: Any, column: int, row: int, cell: Any) -> None:
    out[column, row, 0] = cell[0]
    out[column, row, 1] = cell[1]
    out[column, row, 2] = cell[2]


@numba.njit(nogil=True, cache=True)
def _fill(cells: Any, kind: int, layout: Any, out: Any, row: int) -> None:
    """The cells of a row: those that are copied, those that depend on the kind, and the promoted properties."""
    copied, decided, promoted, _, names = layout
    for k in range(len(copied)):
        _put(out, copied[k, 1], row, cells[copied[k, 0]])
    _put(out, decided[0], row, cells[_EVENT] if kind == _TRACK else names[kind])
    _put(out, decided[1], row, cells[_TIMESTAMP] if cells[_ORIGINAL, 2] == NULL else cells[_ORIGINAL])
    _put(out, decided[2], row, cells[_TRAITS] if kind == _IDENTIFY else cells[_PROPERTIES])
    _put(out, decided[3], row, names[kind] if kind >= _IDENTIFY else names[_TRACK])
    for k in range(len(cells) - len(MEMBERS)):
        _put(out, promoted + k, row, cells[len(MEMBERS) + k])


@numba.njit(nogil=True, cache=True)
def _call(octets: Any, state: Any, how: Any, out: Any, place: tuple[int, int, bool]) -> int:
    """The call at state[START], `place` = (its place in the body, its kind if it says none, whether it is kept); its end, -1 when there is none.

    A call that is not kept must be plain too: one that the protocol refuses now has no place among those that are counted.
    """
    tree, layout, cells = how
    columns, rows, spans, span_of, where, doubts, counts = out
    element, otherwise, wanted = place
    begin, made, row = state[START], state[MADE], counts[ROWS]
    end = scan_tree(octets, state, tree, cells, spans)
    if end < 0:
        return -1
    kind = -1 if state[ODD] else _kind_of(octets, cells, otherwise, layout[3])
    if not _plain(octets, cells, kind):
        state[MADE] = made
        doubt = counts[DOUBTS]
        doubts[doubt, 0] = counts[FRAME]
        doubts[doubt, 1] = element
        doubts[doubt, 2] = begin
        doubts[doubt, 3] = end
        counts[DOUBTS] += 1
    elif wanted:
        _fill(cells, kind, layout, columns, row)
        rows[row, 0] = begin
        rows[row, 1] = end
        rows[row, 3] = FINE
        where[row, 0] = counts[FRAME]
        where[row, 1] = counts[TAKEN]
        counts[ROWS] = row + 1
        span_of[row + 1] = state[MADE]
    else:
        state[MADE] = made
    return int(end)


@numba.njit(nogil=True, cache=True)
def _calls(octets: Any, state: Any, how: Any, out: Any, frame: Any, kept: Any) -> int:
    """The calls of a batch, from behind its bracket to behind the closing one; -1 when they are not those that the frame holds."""
    stop, blanks, counts = state[STOP], state[BLANKS], out[6]
    next_kept, first_doubt = frame[KEPT_BEGIN], counts[DOUBTS]
    every = frame[KEPT_END] == 0
    element, i = 0, state[START]
    while True:
        i = _blank(octets, i, stop, blanks)
        wanted = every or (next_kept < frame[KEPT_END] and kept[next_kept] == element)
        if wanted and counts[TAKEN] == frame[RECORDS]:
            return -1
        state[START] = i
        i = _call(octets, state, how, out, (element, -1, wanted))
        if i < 0 or (not every and counts[DOUBTS] > first_doubt):
            return -1
        counts[TAKEN] += wanted
        next_kept += wanted
        element += 1
        i = _blank(octets, i, stop, blanks)
        if i >= stop or (octets[i] != 44 and octets[i] != 93):
            return -1
        i += 1
        if octets[i - 1] == 93:
            return i if counts[TAKEN] == frame[RECORDS] and (every or next_kept == frame[KEPT_END]) else -1


@numba.njit(nogil=True, cache=True)
def _text_or_null(octets: Any, i: int, stop: int) -> int:
    end, what = _scalar(octets, i, stop)
    return end if what in (NULL, TEXT, ESCAPED) else -1


@numba.njit(nogil=True, cache=True)
def _any_value(octets: Any, i: int, stop: int, blanks: int) -> int:
    if octets[i] == 123 or octets[i] == 91:
        end, fault = nested_end(octets, i, stop, blanks, DEPTH_MAX - 1)
        return end if fault == FINE else -1
    end, _ = _scalar(octets, i, stop)
    return int(end)


@numba.njit(nogil=True, cache=True)
def _batch(octets: Any, state: Any, how: Any, out: Any, frame: Any, lists: Any) -> int:
    """A whole body `{"batch": [...], ...}`; its end, -1 when anything about it is not as it should be."""
    kept, envelope, heads = lists
    stop, blanks = frame[END], state[BLANKS]
    i = _blank(octets, frame[BEGIN], stop, blanks)
    found = False
    if i >= stop or octets[i] != 123:
        return -1
    while i < stop and octets[i] != 125:
        i = _new_head(octets, _blank(octets, i + 1, stop, blanks), state, envelope, heads, 0)
        if i < 0 or i >= stop or has_backslash(octets, heads[0, 0], heads[0, 0] + heads[0, 1]):
            return -1
        if heads[0, 2] == _BATCH:
            if found or octets[i] != 91:
                return -1
            found = True
            state[START] = i + 1
            i = _calls(octets, state, how, out, frame, kept)
        elif heads[0, 2] >= 0:
            i = _text_or_null(octets, i, stop)
        else:
            i = _any_value(octets, i, stop, blanks)
        if i < 0:
            return -1
        i = _blank(octets, i, stop, blanks)
        if i >= stop or (octets[i] != 44 and octets[i] != 125):
            return -1
    return i + 1 if found and i < stop else -1


@numba.njit(nogil=True, cache=True)
def _single(octets: Any, state: Any, how: Any, out: Any, frame: Any) -> int:
    """A body that is one call; its end, -1 when it is not plain."""
    counts = out[6]
    doubts = counts[DOUBTS]
    if frame[RECORDS] != 1 or frame[KEPT_END] != 0:
        return -1
    state[START] = _blank(octets, frame[BEGIN], frame[END], state[BLANKS])
    end = _call(octets, state, how, out, (0, frame[KIND], True))
    return -1 if counts[DOUBTS] > doubts else end


@numba.njit(nogil=True, cache=True)
def scan_frames(octets: Any, state: Any, how: Any, out: Any, frames: Any, lists: Any) -> None:
    """Every frame (f, 7): its plain calls become rows, the others doubts; frames[f, 0] becomes -1 where the whole body is left to the protocol."""
    span_of, counts = out[3], out[6]
    span_of[0] = 0
    for number in range(len(frames)):
        frame = frames[number]
        row, doubt, made = counts[ROWS], counts[DOUBTS], state[MADE]
        counts[FRAME], counts[TAKEN] = number, 0
        stop = state[STOP] = frame[END]
        end = -1
        if frame[BEGIN] >= 0:
            end = _single(octets, state, how, out, frame) if frame[SINGLE] else _batch(octets, state, how, out, frame, lists)
        if end < 0 or _blank(octets, end, stop, state[BLANKS]) != stop:
            counts[ROWS], counts[DOUBTS], state[MADE] = row, doubt, made
            frame[BEGIN] = -1
