"""The mapping that is proposed: by names, checked by content; what is missing is asked for."""

from __future__ import annotations

import pytest
from importing_support import events_of, new_project, take

from footfall.errors import InvalidFile, InvalidQuery, UnknownColumn


@pytest.fixture
def project(tmp_path):
    return new_project(tmp_path / "p")


def proposed(project, tmp_path, text, mapping=None, **said):
    (tmp_path / "x.csv").write_text(text)
    (file,) = project.explain_files(tmp_path / "x.csv", mapping=mapping, **said).files
    return file


@pytest.mark.parametrize(
    ("header", "row", "mapping"),
    [
        (
            "userId,page,ts,sessionId",
            "26,NextSong,1542241826796,583",
            {"user_id": "userId", "name": "page", "event_time": "ts", "session_id": "sessionId"},
        ),
        (
            "case:concept:name,concept:name,time:timestamp",
            "c1,start,2012-01-01",
            {"user_id": "case:concept:name", "name": "concept:name", "event_time": "time:timestamp"},
        ),
        ("Customer ID,Action,Happened", "1,buy,2012-01-01", {"user_id": "Customer ID", "name": "Action", "event_time": "Happened"}),
        (
            "ip,event,time,url,country",
            "1.2.3.4,view,2012-01-01,/x,DE",
            {"anonymous_id": "ip", "name": "event", "event_time": "time", "url": "url", "country": "country"},
        ),
        ("household_id,activity,date,time", "1,x,2012-01-01,high", {"user_id": "household_id", "name": "activity", "event_time": "date"}),
    ],
)
def test_names_of_columns(project, tmp_path, header, row, mapping):
    assert proposed(project, tmp_path, f"{header}\n{row}\n").mapping == mapping


def test_an_event_id_that_repeats_is_none(project, tmp_path):
    rows = "".join(f"e{row},u,view,2026-01-01\n" for row in range(50))
    assert proposed(project, tmp_path, "event_id,user_id,event,time\n" + rows).mapping["event_id"] == "event_id"
    rows = "".join(f"e{row % 5},u,view,2026-01-01\n" for row in range(50))
    assert "event_id" not in proposed(project, tmp_path, "event_id,user_id,event,time\n" + rows).mapping


def test_with_a_mapping_only_the_needed_is_added(project, tmp_path):
    text = "visitor,action,when,sessionId,url,device_id\n1,a,2026-01-01,s,/,d\n"
    assert proposed(project, tmp_path, text, {"name": "action"}).mapping == {
        "name": "action",
        "event_time": "when",
        "user_id": "visitor",
        "url": "url",
    }


def test_what_is_missing_is_asked_for(project, tmp_path):
    with pytest.raises(InvalidFile, match="does not show the time of an event, what happened and who did it") as caught:
        proposed(project, tmp_path, "a,b\n1,2\n")
    assert caught.value.hint == (
        "say it with --map event_time=COLUMN --map name=COLUMN --map user_id=COLUMN; a constant is written with two signs, e.g. --map name==purchase; its columns: a, b"
    )


def test_names_that_are_not_there(project, tmp_path):
    text = "customer,action,at\n1,a,2026-01-01\n"
    with pytest.raises(UnknownColumn, match="has no column 'custmer'") as caught:
        proposed(project, tmp_path, text, {"user_id": "custmer"})
    assert caught.value.hint == "did you mean customer? its columns: customer, action, at"
    with pytest.raises(UnknownColumn, match="events have no field 'userid'") as caught:
        proposed(project, tmp_path, text, {"userid": "customer"})
    assert caught.value.hint.startswith("did you mean user_id")
    with pytest.raises(UnknownColumn, match="'person_key' is footfall's own field"):
        proposed(project, tmp_path, text, {"person_key": "customer"})
    with pytest.raises(UnknownColumn, match="has no column 'x'"):
        proposed(project, tmp_path, text, nulls=("x:NA",))
    with pytest.raises(InvalidQuery, match="names no column"):
        proposed(project, tmp_path, text, {"user_id": ""})
    with pytest.raises(InvalidQuery, match="does not say what an empty cell stands for"):
        proposed(project, tmp_path, text, empties=("customer",))


def test_days_and_months(project, tmp_path):
    def text(*days):
        return "user_id,event,date\n" + "".join(f"1,e,{day}\n" for day in days)

    for days in (("01/02/2026", "03/04/2026"), ("13/02/2026", "03/14/2026")):
        with pytest.raises(InvalidFile, match="can be read in two ways") as caught:
            proposed(project, tmp_path, text(*days))
        assert "--time-format dmy" in caught.value.hint
    assert str(proposed(project, tmp_path, text("01/02/2026", "13/02/2026")).preview[0]["event_time"])[:10] == "2026-02-01"
    assert str(proposed(project, tmp_path, text("01/02/2026", "01/13/2026")).preview[0]["event_time"])[:10] == "2026-01-02"
    assert str(proposed(project, tmp_path, text("01/02/2026"), time_format="mdy").preview[0]["event_time"])[:10] == "2026-01-02"
    assert str(proposed(project, tmp_path, text("20260102", "20260103")).preview[0]["event_time"])[:10] == "2026-01-02"
    assert str(proposed(project, tmp_path, text("1h 02.01.2026"), time_format="%Hh %d.%m.%Y").preview[0]["event_time"])[:13] == "2026-01-02 01"
    with pytest.raises(InvalidQuery, match="is not a time format"):
        proposed(project, tmp_path, text("20260102"), time_format="iso")
    with pytest.raises(InvalidQuery, match="is not a time zone"):
        proposed(project, tmp_path, text("20260102"), time_zone="Mars/Olympus")


def test_constants_and_a_delay(project, tmp_path):
    (tmp_path / "x.csv").write_text("who,day,ms\n1,2026-01-01,1500\n2,2026-01-01,x\n")
    summary = take(project, tmp_path / "x.csv", mapping={"user_id": "who", "name": "=tick", "event_time": "day+ms:ms"})
    assert (summary.stored, summary.reasons) == (1, {"invalid_time": 1})
    assert events_of(project, "name, time_us, properties, position") == [
        {"name": "tick", "time_us": 1_767_225_601_500_000, "properties": None, "position": 0}
    ]
    assert summary.files[0].mapping == {"user_id": "who", "event_time": "day+ms:ms", "name": "=tick"}


def test_an_empty_cell_can_stand_for_a_text(project, tmp_path):
    (tmp_path / "x.csv").write_text("user_id,event,time\n,a,2026-01-01\n7,b,2026-01-01\n")
    assert take(project, tmp_path / "x.csv", empties=("user_id:nobody known",)).stored == 2
    assert [row["person_id"] for row in events_of(project)] == ["nobody known", "7"]
