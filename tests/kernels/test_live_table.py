"""The table of state against a dictionary: rows made, changed, removed and forgotten, growth and shrinking, parts and changes."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import pytest

from footfall.kernels.live.table import EXPIRES, KEY, OWN, PARTS, SHRINK_BATCHES, SLOTS_MIN, KeyedTable, mixed, slot_for, slot_of, stored, touch
from footfall.stream.state import Saved
from footfall.stream.store.contract import Change, Moment
from footfall.stream.store.sqlite import SqliteViews

SPREAD = 0x9E3779B97F4A7C15
BACK = pow(SPREAD, -1, 1 << 64)
WIDTH = 3


def key_at(spread: int) -> int:
    """The key whose spread form is this: its top bits say where it lies."""
    key = spread * BACK % (1 << 64)
    return key - (1 << 64) if key >> 63 else key


def crowd(chance: random.Random) -> list[int]:
    """Keys that want the same few slots, at the end of the array too, so that rows run over into its beginning."""
    places = [chance.randrange(1 << 64), (1 << 64) - 1, 0, 1 << 58]
    return [key_at((chance.choice(places) ^ chance.randrange(1 << 50)) % (1 << 64)) for _ in range(200)]


@dataclass
class Twin:
    """A table beside a dictionary of (expires, own fields) that must say the same."""

    table: KeyedTable = field(default_factory=lambda: KeyedTable(WIDTH))
    rows: dict[int, tuple[int, ...]] = field(default_factory=dict)
    changed: dict[int, int] = field(default_factory=dict)
    dropped: bool = False

    def begin(self) -> None:
        self.table.begin()
        self.changed, self.dropped = {}, False

    def put(self, key: int, values: tuple[int, ...], record: int) -> None:
        array = self.table.reserve(1)
        slot = slot_for(array, np.int64(key))
        assert tuple(array[slot, OWN:]) == self.rows.get(key, (0,) * (1 + WIDTH))[1:]
        array[slot, EXPIRES], array[slot, OWN:] = values[0], values[1:]
        touch(array, slot, record)
        self.rows[key] = values
        self.changed.setdefault(key, record)

    def drop(self, keys: list[int]) -> None:
        self.table.drop(np.array(keys, np.int64))
        for key in keys:
            self.rows.pop(key, None)
            self.dropped |= self.changed.pop(key, None) is not None

    def check(self, seed: int) -> None:
        assert of(self.table) == self.rows, seed
        assert len(self.table) == len(self.rows)
        keys, record = self.table.changes()
        assert dict(zip(keys.tolist(), record.tolist(), strict=True)) == self.changed, seed
        assert len(keys) == len(self.changed)
        assert self.dropped or keys.tolist() == list(self.changed), "in the order of the changes, until a row was taken out"


def of(table: KeyedTable) -> dict[int, tuple[int, ...]]:
    return {int(row[KEY]): (int(row[EXPIRES]), *row[OWN:].tolist()) for row in table.every()}


@pytest.mark.parametrize("seed", range(40))
def test_a_table_agrees_with_a_dictionary(seed):
    chance = random.Random(seed)
    twin, keys = Twin(), crowd(chance) + [chance.randrange(1, 1 << 62) for _ in range(2_000)]
    copied, number = KeyedTable(WIDTH), 0
    for batch in range(12):
        twin.begin()
        for _ in range(chance.choice([0, 5, 300])):
            number += 1
            twin.put(chance.choice(keys), (chance.randrange(batch, 20), *(chance.randrange(-9, 9) for _ in range(WIDTH))), number)
        twin.drop(chance.sample(keys, 5))
        twin.check(seed)
        gone = set(of(copied)) - set(twin.rows)
        copied.drop(np.array(sorted(gone), np.int64))
        copied.put_back(twin.table.delta())
        assert of(copied) == twin.rows, seed
        if chance.random() < 0.5:
            went = twin.table.sweep(batch, twin.table.slots) + twin.table.sweep(batch, twin.table.slots)
            before = len(twin.rows)
            twin.rows, twin.changed = {key: row for key, row in twin.rows.items() if row[0] >= batch}, {}
            assert went == before - len(twin.rows)
            twin.check(seed)


@pytest.mark.parametrize("seed", range(10))
def test_parts_are_the_whole_table(seed):
    chance = random.Random(seed)
    twin = Twin()
    for number, key in enumerate(crowd(chance) + [chance.randrange(1, 1 << 62) for _ in range(chance.choice([0, 3_000]))]):
        twin.put(key, (number, 1, 2, 3), number)
    parts = [twin.table.part(part) for part in range(PARTS)]
    whole, half = KeyedTable(WIDTH), KeyedTable(WIDTH)
    wanted = np.array([chance.random() < 0.5 for _ in range(PARTS)])
    for part, rows in enumerate(parts):
        whole.put_back(rows)
        half.put_back(rows, wanted)
        assert (len(rows) > 0 and bool(wanted[part])) is (len(half.part(part)) > 0)
    assert of(whole) == twin.rows, seed
    assert sum(map(len, parts)) == len(twin.rows) * 8 * (2 + WIDTH)
    half.put_back(b"".join(parts), ~wanted)
    assert of(half) == twin.rows


def test_a_table_grows_and_shrinks():
    twin = Twin()
    for number in range(1, 20_001):
        twin.put(number, (number, 0, 0, number), number)
    twin.check(0)
    assert twin.table.slots == 32_768
    size = twin.table.size_bytes
    for before in (10_000, *[19_990] * (5 * SHRINK_BATCHES)):
        twin.table.sweep(before, twin.table.slots)
    assert twin.table.slots == SLOTS_MIN
    assert twin.table.size_bytes < size / 16
    assert of(twin.table) == {key: row for key, row in twin.rows.items() if row[0] >= 19_990}


def test_a_sweep_looks_at_as_much_as_it_is_told_to():
    twin = Twin()
    for number in range(1, 5_001):
        twin.put(number, (0, 0, 0, 0), number)
    gone, steps = 0, 0
    while gone < 5_000:
        found = twin.table.sweep(1, 256)
        assert found <= 300  # rows that move up come into sight too
        gone, steps = gone + found, steps + 1
    assert steps <= 2 * 8_192 // 256  # it begins anew when the table shrinks


def test_key_zero_has_a_place_and_order_counts_when_numbers_are_mixed():
    table = KeyedTable(1)
    array = table.reserve(1)
    slot = slot_for(array, stored(np.int64(0)))
    array[slot, OWN] = 7
    assert len(table) == 1
    assert array[slot_of(array, stored(np.int64(0))), OWN] == 7
    assert slot_of(array, np.int64(5)) == -1
    assert mixed(np.int64(1), np.int64(2)) != mixed(np.int64(2), np.int64(1))


@pytest.mark.parametrize("seed", range(5))
def test_state_is_read_back_as_it_was_written(seed, tmp_path):
    """Changes of every batch, whole parts now and then, a prune in between, a restart anywhere."""
    chance = random.Random(seed)
    twin, store = Twin(), SqliteViews(tmp_path / "state.db")
    saved = Saved({"rule:a/x": twin.table})
    for batch in range(1, 60):
        saved.begin()
        twin.changed = {}
        for number in range(chance.choice([1, 400])):
            twin.put(chance.randrange(1, 3_000), (batch, number, batch, -batch), number)
        deltas, parts = saved.changes()
        store.commit(Change(Moment("log", batch, batch, {"events": batch}), deltas, parts))
        if chance.random() < 0.2:
            store.prune({"events": batch}, {})
        if chance.random() < 0.1:
            store.close()
            store = SqliteViews(tmp_path / "state.db")
            twin.table = KeyedTable(WIDTH)
            saved = Saved({"rule:a/x": twin.table})
            saved.restore(store)
            assert of(twin.table) == twin.rows, (seed, batch)
    store.close()
