import dataclasses
from pathlib import Path

import pytest

from spanloom._settings import Settings, clean_endpoint, read_settings
from spanloom.errors import ConfigurationError


def test_arguments_win_over_the_environment_and_that_over_defaults() -> None:
    environment = {"SPANLOOM_PROJECT": "from-env", "SPANLOOM_API_KEY": "key-from-env"}

    settings = read_settings({"project": "from-argument", "endpoint": None}, environment)

    assert settings.project == "from-argument"
    assert settings.api_key == "key-from-env"
    assert settings.endpoint == "http://127.0.0.1:4319"


@pytest.mark.parametrize("field", dataclasses.fields(Settings), ids=lambda field: field.name)
def test_every_setting_says_what_it_means_in_one_sentence(field: dataclasses.Field[object]) -> None:
    meaning = field.metadata["meaning"]

    assert meaning.endswith(".")
    assert len(meaning) > 20


def test_numbers_truths_and_lists_are_read_from_text() -> None:
    environment = {
        "SPANLOOM_PARALLELISM": "3",
        "SPANLOOM_BATCH_DELAY_S": "0.25",
        "SPANLOOM_REDACT": "No",
        "SPANLOOM_REDACT_KEYS": "ssn, , iban",
    }

    settings = read_settings({}, environment)

    assert settings.parallelism == 3
    assert settings.batch_delay_s == 0.25
    assert settings.redact is False
    assert settings.redact_keys == ("ssn", "iban")


@pytest.mark.parametrize(
    ("variable", "text"),
    [("SPANLOOM_PARALLELISM", "many"), ("SPANLOOM_REDACT", "maybe"), ("SPANLOOM_PROJECT", "a/b/c")],
)
def test_a_variable_that_cannot_be_read_is_named_in_the_error(variable: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        read_settings({}, {variable: text})


def test_an_argument_is_converted_only_where_nothing_is_lost() -> None:
    assert read_settings({"batch_delay_s": 1}, {}).batch_delay_s == 1.0
    assert read_settings({"redact_keys": ["ssn"]}, {}).redact_keys == ("ssn",)
    assert read_settings({"spool_dir": Path("/x")}, {}).spool_dir == "/x"
    with pytest.raises(ConfigurationError, match="parallelism must be int, but is str"):
        read_settings({"parallelism": "3"}, {})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"paralelism": 3}, "did you mean 'parallelism'"),
        ({"xyzzy": 3}, "there are project, endpoint"),
        ({"parallelism": 0}, "at least 1"),
        ({"retry_max_s": -1.0}, "retry_max_s must not be negative"),
        ({"compression": "zip"}, "one of auto, gzip, none, not 'zip'"),
        ({"offline": True, "spool_max_bytes": 0}, "offline needs a spool"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_with_a_way_out(
    values: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_settings(values, {})


@pytest.mark.parametrize("project", ["", " ", "a/b/c", "/a", "a/", "a\nb", " a", "a ", "x" * 257])
def test_what_is_no_project_is_refused(project: str) -> None:
    with pytest.raises(ConfigurationError, match="is no project"):
        Settings(project=project)


@pytest.mark.parametrize("project", ["a", "my-team/my-project", "프로젝트", "a b", "é/ü"])
def test_projects_may_have_any_script(project: str) -> None:
    assert Settings(project=project).project == project


@pytest.mark.parametrize(
    "endpoint",
    ["", "localhost:4319", "ftp://host", "http://", "http://h:99999", "http://h?x=1", "http://a b"],
)
def test_what_is_no_server_address_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="is no server address"):
        clean_endpoint(endpoint)


def test_an_endpoint_loses_its_slash_and_the_otlp_path() -> None:
    assert clean_endpoint("https://host/prefix/") == "https://host/prefix"
    assert clean_endpoint("http://host:4318/v1/traces") == "http://host:4318"
