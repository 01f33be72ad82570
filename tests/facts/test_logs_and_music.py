"""Sparkify's song plays, and access logs of people, bots and a scanner."""

from __future__ import annotations

import pytest
from facts_support import counts


@pytest.fixture(scope="module")
def music(imported):
    return imported(
        "udacity_sparkify_logs/log_data_2018_11.jsonl.gz",
        *("--map", "user_id=userId", "--map", "name=page", "--map", "event_time=ts", "--map", "session_id=sessionId", "--map", "level=level"),
        config='[events.columns]\nlevel = "string"\n',
    )


def test_rows_without_a_user_are_dead_letters(music):
    assert counts(music.summary) == (8_056, 7_770, 0, 286)
    assert music.sql("SELECT reason, count(*) FROM dead_letters GROUP BY reason") == [("missing_person", 286)]
    (letter,) = music.rows("sql", "SELECT file, line, reason, row FROM dead_letters ORDER BY line LIMIT 1")
    assert letter["file"].endswith("log_data_2018_11.jsonl.gz")
    assert '"userId":""' in letter["row"]


def test_song_plays(music):
    assert music.sql("SELECT count(*), count(DISTINCT person_id) FROM events WHERE name = 'NextSong'") == [(6_820, 96)]
    assert music.sql("SELECT count(DISTINCT person_id) FROM events") == [(97,)]
    assert music.sql("SELECT count(DISTINCT person_id) FROM events WHERE level = 'paid'") == [(22,)]


def test_sessions_and_busiest_day(music):
    (row,) = music.rows("sessions", "--gap", "30m")
    assert row["sessions"] == 911
    busiest = max(music.rows("active"), key=lambda row: row["dau"])
    assert (busiest["day"], busiest["dau"]) == ("2018-11-28", 37)


def test_given_sessions(imported):
    everyone = imported(
        "udacity_sparkify_logs/log_data_2018_11.jsonl.gz",
        *(
            "--map",
            "user_id=userId",
            "--map",
            "anonymous_id=sessionId",
            "--map",
            "name=page",
            "--map",
            "event_time=ts",
            "--map",
            "session_id=sessionId",
        ),
    )
    assert counts(everyone.summary) == (8_056, 8_056, 0, 0)
    assert everyone.sql("SELECT count(DISTINCT session_id), count(*) FILTER (WHERE user_id IS NULL) FROM events") == [(941, 286)]


@pytest.fixture(scope="module")
def web(imported):
    return imported("elastic_apache_logs/apache_logs.gz", config='[events.columns]\nstatus = "int64"\nagent = "string"\n')


def test_every_access_line_parses(web):
    assert counts(web.summary) == (10_000, 10_000, 0, 0)
    assert web.sql("SELECT count(DISTINCT person_id), count(DISTINCT coalesce(agent, '-')) FROM events") == [(1_753, 558)]
    assert web.sql("SELECT status, count(*) FROM events GROUP BY 1 ORDER BY 2 DESC, 1") == [
        (200, 9_126), (304, 445), (404, 213), (301, 164), (206, 45), (500, 3), (403, 2), (416, 2),
    ]  # fmt: skip
    assert web.sql("SELECT count(*) FROM events WHERE name = 'GET'") == [(9_952,)]
    assert web.sql("SELECT person_id, count(*) FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 1") == [("66.249.73.135", 482)]
    assert web.sql("SELECT count(*) FROM events WHERE position = 8898 AND agent IS NULL") == [(1,)]


def test_order_is_by_time_though_the_file_is_not(web):
    descents = "SELECT count(*) FROM (SELECT time_us < lag(time_us) OVER (ORDER BY position) AS back FROM events) WHERE back"
    assert web.sql(descents)[0][0] > 0
    first, last = web.sql("SELECT min(time_us), max(time_us) FROM events")[0]
    assert (first, last) == (1_431_857_100_000_000, 1_432_155_959_000_000)


def test_scanner_lines_wrapped_in_quotes(imported):
    scan = imported("web_scanner_logs/netsparker.txt.gz", config='[events.columns]\nstatus = "int64"\n')
    assert counts(scan.summary)[0] == 7_314
    assert counts(scan.summary)[1] == 7_314
    minutes = scan.sql("SELECT time_us - time_us % 60000000, count(*) FROM events GROUP BY 1 ORDER BY 2 DESC")
    assert minutes[0][1] == 2_908
    errors = scan.sql("SELECT count(*) FROM events WHERE status >= 400")[0][0]
    assert round(100 * errors / 7_314, 1) == 35.8
