"""What the live path hands over lands exactly once, whoever is ahead, stops or begins again."""

from __future__ import annotations

import json
import random

import pytest

from footfall.app.front import landing as landing_module
from footfall.app.front.landing import Landing
from footfall.app.live import handover as handover_module
from footfall.app.live.handover import Handover, Offer
from footfall.app.live.path import ProjectPath
from footfall.collect.settle import Settled
from footfall.event.schema import EVENT_SCHEMA
from footfall.eventlog.contract import Counts, Frame, Group
from footfall.eventlog.opening import open_log
from live_support import START_US, declare

NOTHING = Settled(EVENT_SCHEMA.empty_table())


def group_of(chance, first):
    frames = []
    for number in range(chance.randrange(1, 12)):
        line = {"name": "view", "event_id": f"e{first + number}", "user_id": f"u{chance.randrange(5)}", "anonymous_id": f"a{chance.randrange(9)}"}
        body = json.dumps({**line, "event_time": START_US + first + number, "true_time": True}).encode() + b"\n"
        frames.append(Frame("events", "native", "lines", 1, START_US, body))
    return Group(frames, b"", Counts(len(frames), len(frames)), START_US)


@pytest.mark.parametrize("seed", range(6))
def test_every_record_lands_once_and_every_pair_of_ids_is_noted_once(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(landing_module, "BEHIND_MAX", 40)
    monkeypatch.setattr(handover_module, "RECORDS_MAX", 60)
    chance = random.Random(seed)
    project = declare(tmp_path, "[live]\nviews = []\n")
    log = open_log(project.config.log, project.path)
    log.append(group_of(chance, 0))
    handover, sent = Handover(), log.end()
    path, landing = ProjectPath(project, log, handover), Landing(project, log, handover)
    for _ in range(120):
        what = chance.random()
        if what < 0.4:
            log.append(group_of(chance, sent))
            sent = log.end()
        elif what < 0.7:
            path.step(min(log.end(), path.path.taken.position + chance.choice([1, 20, 1_000])))
        elif what < 0.95:
            landing.step()
        elif what < 0.975:
            path.close()
            path = ProjectPath(project, log, handover)
        else:
            landing = Landing(project, log, handover)
    while path.step(log.end()):
        pass
    while landing.step():
        pass
    path.close()
    log.close()
    ids = project.sql("SELECT event_id FROM events").column("event_id").to_pylist()
    assert sorted(ids) == sorted(f"e{number}" for number in range(sent))
    pairs = [(row["a"], row["b"]) for row in project.lake.edges().to_pylist()]
    assert len(pairs) == len(set(pairs))
    assert {pair[0] for pair in pairs} >= {"a0"}


def test_offers_follow_each_other_or_begin_anew():
    handover = Handover()
    assert not handover.flows()
    handover.offer(Offer(0, 5, NOTHING))
    handover.offer(Offer(5, 9, NOTHING))
    assert handover.flows()
    assert handover.start() == 0
    assert [offer.start for offer in handover.take(5, 100)] == [5], "what lies before is let go"
    handover.offer(Offer(9, 12, NOTHING))
    handover.offer(Offer(20, 22, NOTHING))
    assert handover.start() == 20, "a gap: what was before is of no use to whoever comes after it"
    taken = handover.take(20, 100)
    handover.put_back(taken)
    assert handover.take(20, 100) == taken
