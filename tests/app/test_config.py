"""footfall.toml and the environment: what is in force, where it came from, and what is refused."""

from __future__ import annotations

import pytest

from footfall.app.config import Config, load
from footfall.errors import InvalidConfig, NotAProject

FULL = """
[project]
name = "shop"
time_zone = "Europe/Berlin"

[lake]
url = "data/lake"

[engine]
memory_limit = "2GB"
threads = 2

[events]
names = ["view", "cart"]

[events.columns]
Price = "float64"

[dimensions.products]
path = "products.csv"
key = "product_id"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "footfall.toml").write_text(FULL, encoding="utf-8")
    return tmp_path


def sources(resolved):
    return {setting.key: (setting.value, setting.source) for setting in resolved.settings()}


def test_every_value_says_where_it_came_from(folder):
    found = sources(load(folder, {"FOOTFALL_ENGINE__THREADS": "3"}))
    assert found["project.time_zone"] == ("Europe/Berlin", "footfall.toml")
    assert found["engine.threads"] == (3, "FOOTFALL_ENGINE__THREADS")
    assert found["engine.url"] == ("duckdb:", "default")
    assert found["events.columns.Price"] == ("float64", "footfall.toml")
    assert found["dimensions.products.key"] == ("product_id", "footfall.toml")


def test_an_empty_file_means_defaults(tmp_path):
    (tmp_path / "footfall.toml").write_text("", encoding="utf-8")
    assert load(tmp_path, {}).config == Config()


def test_every_field_is_described(folder):
    assert [setting.key for setting in load(folder, {}).settings() if not setting.description] == []


def test_environment_reaches_every_depth(folder):
    resolved = load(
        folder,
        {
            "FOOTFALL_EVENTS__COLUMNS__PRICE": "int64",
            "FOOTFALL_EVENTS__COLUMNS__PLAN": "string",
            "FOOTFALL_EVENTS__NAMES": "view, buy",
            "FOOTFALL_DIMENSIONS__SONGS__PATH": "songs.csv",
            "FOOTFALL_DIMENSIONS__SONGS__KEY": "song",
            "FOOTFALL_TEST_DATA": "not a setting of a project",
            "PATH": "/bin",
        },
    )
    assert resolved.config.events.columns == {"Price": "int64", "plan": "string"}
    assert resolved.config.events.names == ("view", "buy")
    assert resolved.config.dimensions["songs"].key == "song"


def test_a_list_may_be_json(folder):
    assert load(folder, {"FOOTFALL_EVENTS__NAMES": '["a,b", "c"]'}).config.events.names == ("a,b", "c")


def test_a_byte_order_mark_is_no_key(tmp_path):
    (tmp_path / "footfall.toml").write_bytes(b'\xef\xbb\xbf[project]\nname = "x"\n')
    assert load(tmp_path, {}).config.project.name == "x"


@pytest.mark.parametrize(
    ("environment", "sentence", "hint"),
    [
        ({"FOOTFALL_ENGIN__URL": "x"}, "FOOTFALL_ENGIN__URL has an unknown key 'engin'", "did you mean 'engine'?"),
        ({"FOOTFALL_ENGINE__UR": "x"}, "FOOTFALL_ENGINE__UR has an unknown key 'ur'", "did you mean 'url'?"),
        ({"FOOTFALL_ENGINE_URL": "x"}, "FOOTFALL_ENGINE_URL is not a setting", "write two underscores after the section: FOOTFALL_ENGINE__URL"),
        ({"FOOTFALL_ENGINE__URL": "spark://x"}, "FOOTFALL_ENGINE__URL: there is no engine 'spark://x'", 'write url = "duckdb:"'),
        ({"FOOTFALL_ENGINE__URL__X": "x"}, "FOOTFALL_ENGINE__URL__X goes deeper than engine.url, which is one value", "set FOOTFALL_ENGINE__URL"),
        (
            {"FOOTFALL_EVENTS__COLUMNS": "x"},
            "FOOTFALL_EVENTS__COLUMNS names a section, not a value",
            "set one of its keys, such as FOOTFALL_EVENTS__COLUMNS__NAME",
        ),
        (
            {"FOOTFALL_ENGINE__THREADS": "x"},
            "FOOTFALL_ENGINE__THREADS: engine.threads: expected `int | null`, got `str`",
            "see docs/configuration.md",
        ),
        (
            {"FOOTFALL_ENGINE__THREADS": "0"},
            "FOOTFALL_ENGINE__THREADS: the engine needs a thread or more, not 0",
            "write 1 or more",
        ),
        (
            {"FOOTFALL_ENGINE__MEMORY_LIMIT": "much"},
            "FOOTFALL_ENGINE__MEMORY_LIMIT: 'much' is not an amount of memory",
            "write a number and a unit, such as 512MB or 4GB",
        ),
        (
            {"FOOTFALL_PROJECT__TIME_ZONE": "Europe/Berln"},
            "FOOTFALL_PROJECT__TIME_ZONE: 'Europe/Berln' is not a time zone",
            "did you mean 'Europe/Berlin'?",
        ),
        ({"FOOTFALL_LAKE__URL": "s3://x"}, "FOOTFALL_LAKE__URL: the lake cannot be at 's3://x'", "write a folder, such as .footfall/lake"),
        ({"FOOTFALL_EVENTS__COLUMNS__X": "flot64"}, "'flot64' is not a column type", "did you mean 'float64'?"),
    ],
)
def test_a_wrong_variable_gets_a_sentence_and_a_hint(folder, environment, sentence, hint):
    with pytest.raises(InvalidConfig) as refused:
        load(folder, environment)
    assert (refused.value.sentence, refused.value.hint) == (sentence, hint)


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("[projet]\n", "footfall.toml has an unknown key 'projet'", "did you mean 'project'?"),
        ("[project]\nnme = 'x'\n", "[project] of footfall.toml has an unknown key 'nme'", "did you mean 'name'?"),
        (
            "[dimensions.a]\npath = 'x'\nkey = 'k'\nkeey = 'k'\n",
            "[dimensions.a] of footfall.toml has an unknown key 'keey'",
            "did you mean 'key'?",
        ),
        (
            "[dimensions.events]\npath = 'x'\nkey = 'k'\n",
            "footfall.toml: a dimension cannot be called 'events'",
            "use letters, digits and underscores, and none of events, dead_letters, imports, logs, identity",
        ),
        ("[project]\nname = 3\ntime_zone = []\n", "footfall.toml: project.name: expected `str`, got `int`", "see docs/configuration.md"),
        ("project = 3\n", "footfall.toml: project: expected `object`, got `int`", "see docs/configuration.md"),
    ],
)
def test_a_wrong_file_gets_a_sentence_and_a_hint(tmp_path, text, sentence, hint):
    (tmp_path / "footfall.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidConfig) as refused:
        load(tmp_path, {})
    assert (refused.value.sentence, refused.value.hint) == (sentence, hint)


def test_what_is_not_toml_is_refused_with_its_place(tmp_path):
    (tmp_path / "footfall.toml").write_text("[project\n", encoding="utf-8")
    with pytest.raises(InvalidConfig, match="is not TOML"):
        load(tmp_path, {})


def test_a_column_that_every_event_has_is_refused(tmp_path):
    (tmp_path / "footfall.toml").write_text("[events.columns]\nuser_id = 'string'\n", encoding="utf-8")
    with pytest.raises(InvalidConfig, match="which every event already has"):
        load(tmp_path, {})


def test_a_folder_without_the_file_is_not_a_project(tmp_path):
    with pytest.raises(NotAProject) as refused:
        load(tmp_path / "nowhere", {})
    assert refused.value.hint == f"make one with footfall init {tmp_path / 'nowhere'}"
