"""The commands that talk to a running project, against a real one: what they say they did is what the doctor counts and the tables hold."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest

from up_support import Up, landed_all, wait_until

pytestmark = pytest.mark.slow
SUMS = re.compile(r"received ([\d,]+) = stored ([\d,]+) \+ duplicate ([\d,]+) \+ dead-lettered ([\d,]+) \+ still in the log ([\d,]+)")
HOUR = "INTERVAL 58 MINUTE"


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    with Up(tmp_path_factory.mktemp("front") / "shop") as running:
        yield running
        assert running.stop() == 0


@pytest.fixture
def footfall(up):
    """Run a command in the project; what it printed, as JSON where that was asked for."""

    def run(*arguments, status=0):
        command = [sys.executable, "-m", "footfall", "-C", str(up.folder), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == status, f"{arguments}: {done.stdout}\n{done.stderr}"
        return json.loads(done.stdout) if "--json" in arguments else done.stdout + done.stderr

    return run


@pytest.fixture
def counted(up, footfall):
    """What the collector counted since the test began: received, stored, duplicate, dead-lettered, by the doctor, who must find nothing wrong."""

    def sums():
        wait_until(lambda: landed_all(up.folder))
        (check,) = [one for one in footfall("doctor", "--json") if one["name"] == "front door"]
        assert check["state"] == "ok", check
        *sums, waiting = (int(number.replace(",", "")) for number in SUMS.search(check["detail"]).groups())
        assert waiting == 0
        return sums

    before = sums() if landed_something(up) else [0, 0, 0, 0]
    return lambda: tuple(now - then for now, then in zip(sums(), before, strict=True))


def landed_something(up):
    return up.project().lake.snapshot().version >= 0


def column(footfall, query):
    return [next(iter(row.values())) for row in footfall("sql", query, "--json")["rows"]]


@pytest.mark.parametrize("protocol", ["segment", "posthog"])
def test_simulated_events_with_every_fault_reconcile(footfall, counted, protocol):
    faults = ("--duplicates", "10%", "--late", "10%", "--malformed", "5%")
    told = footfall("simulate", "--protocol", protocol, "--rate", "max", "--events", 600, "--seed", 11, "--key", f"app-{protocol}", *faults, "--json")
    assert (told["events"], told["statuses"], told["more_tries"]) == (600, {"200": 6}, 0)
    assert min(told["duplicates"], told["late"], told["malformed"]) > 0
    received, stored, duplicate, dead = counted()
    assert received == told["sent"] == 600 + told["duplicates"]
    assert stored == 600 - told["malformed"]
    # What is refused is refused as often as it is sent.
    assert told["malformed"] <= dead <= told["malformed"] + told["duplicates"]
    assert duplicate == received - stored - dead
    here = f"source = 'app-{protocol}'"
    assert column(footfall, f"SELECT count(DISTINCT event_id) FROM events WHERE {here}") == [stored]
    assert column(footfall, f"SELECT count(*) FROM events WHERE {here}") == [stored]
    (late,) = column(footfall, f"SELECT count(*) FROM events WHERE {here} AND event_time < received_time - {HOUR}")
    assert told["late"] - told["malformed"] <= late <= told["late"]
    listed = footfall("deadletters", "list", "--source", f"app-{protocol}", "--limit", 1000, "--json")
    assert listed["total"] == len(listed["rows"]) == dead
    assert column(footfall, f"SELECT count(*) FROM dead_letters WHERE {here}") == [dead]


def test_dead_letters_are_mended_and_sent_once(footfall, counted):
    told = footfall("simulate", "--rate", "max", "--events", 200, "--seed", 5, "--key", "broken", "--malformed", "20%", "--json")
    sent, mended = told["sent"], told["malformed"]
    assert counted() == (sent, sent - mended, 0, mended)
    chosen = ("--source", "broken")
    mend = "{'name': 'mended', 'event_id': row['messageId'], 'user_id': row.get('userId'), 'anonymous_id': row.get('anonymousId')}"
    tried = footfall("deadletters", "repair", *chosen, "--python", mend, "--json")
    assert (tried["letters"], tried["repaired"]) == (mended, mended)
    assert counted() == (sent, sent - mended, 0, mended), "repair sends nothing"
    replayed = footfall("deadletters", "replay", *chosen, "--python", mend, "--json")
    assert (replayed["letters"], replayed["stored"], replayed["duplicate"], replayed["left"]) == (mended, mended, 0, 0)
    assert counted() == (sent + mended, sent, 0, mended)
    ids = sorted(row["before"]["messageId"] if isinstance(row["before"], dict) else json.loads(row["before"])["messageId"] for row in tried["rows"])
    assert column(footfall, "SELECT event_id FROM events WHERE name = 'mended' ORDER BY 1") == ids
    assert footfall("deadletters", "replay", *chosen, "--python", mend, "--json")["letters"] == 0
    again = footfall("deadletters", "replay", *chosen, "--all", "--python", mend, "--json")
    assert (again["letters"], again["stored"], again["duplicate"]) == (mended, 0, mended)
    assert column(footfall, "SELECT count(*) FROM events WHERE name = 'mended'") == [mended]
    assert counted() == (sent + 2 * mended, sent, mended, mended)


def line(number):
    second = f"{number // 60 % 60:02}:{number % 60:02}"
    return f'192.0.2.{number % 200} - - [22/Nov/2026:10:{second} +0000] "GET /p/{number} HTTP/1.1" 200 {number} "-" "Mozilla/5.0"\n'


def test_log_lines_are_stored_once_through_rotation_and_crashes(up, footfall, counted, tmp_path):
    log, state = tmp_path / "access.log", up.folder / ".footfall" / "tail.json"
    words = ("tail", log, "--format", "combined", "--once", "--json")

    def write(first, last, *junk):
        with log.open("a", encoding="utf-8") as file:
            file.writelines([*map(line, range(first, last)), *(f"no format fits {one}\n" for one in junk)])

    write(0, 300, "a", "b")
    told = footfall(*words)
    assert (told["sent"], told["unreadable"]) == (302, 2)
    assert counted() == (302, 300, 0, 2)
    noted = tmp_path / "noted.json"
    shutil.copy(state, noted)
    write(300, 400, "c")
    log.rename(tmp_path / "access.log.1")
    write(400, 450, "d")
    assert footfall(*words)["sent"] == 152
    assert counted() == (454, 450, 0, 4)
    # As after a crash between what was sent and the note that it was: everything since the last note comes again.
    shutil.copy(noted, state)
    assert footfall(*words)["sent"] == 152
    assert counted() == (606, 450, 152, 4)
    assert footfall(*words)["sent"] == 0
    paths = column(footfall, "SELECT path FROM logs WHERE kind = 'access' AND path LIKE '/p/%' ORDER BY bytes")
    assert paths == [f"/p/{number}" for number in range(450)]
    letters = footfall("deadletters", "list", "--contains", "no format fits", "--json")
    assert sorted(letter["row"] for letter in letters["rows"]) == [f"no format fits {one}" for one in "abcd"]
    replayed = footfall("deadletters", "replay", "--contains", "no format fits", "--python", "{'kind': 'log', 'message': text}", "--json")
    assert (replayed["letters"], replayed["stored"], replayed["left"]) == (4, 4, 0)
    wait_until(lambda: landed_all(up.folder))
    assert column(footfall, "SELECT message FROM logs WHERE kind = 'log' ORDER BY 1") == [f"no format fits {one}" for one in "abcd"]
    assert counted() == (610, 454, 152, 4)


def test_persons_are_joined_and_taken_apart_by_hand(up, footfall):
    for user in ("ida", "ines"):
        body = json.dumps({"event": "signup", "userId": user, "messageId": f"first-{user}"}).encode()
        assert up.ask("/v1/track", body)[0] == 200
    wait_until(lambda: landed_all(up.folder))
    people = "SELECT count(DISTINCT person_id) FROM events WHERE user_id IN ('ida', 'ines')"
    assert column(footfall, people) == [2]
    footfall("identity", "merge", "ida", "ines")
    assert column(footfall, people) == [1]
    (position,) = column(footfall, "SELECT position FROM identity WHERE a = 'ida' AND b = 'ines' AND outcome = 'joined'")
    body = json.dumps({"event": "later", "userId": "ida", "messageId": "later-ida"}).encode()
    assert up.ask("/v1/track", body)[0] == 200
    wait_until(lambda: landed_all(up.folder))
    assert column(footfall, "SELECT person_id FROM events WHERE event_id = 'later-ida'") == ["ines"]
    footfall("identity", "undo", position)
    assert column(footfall, people) == [2]
