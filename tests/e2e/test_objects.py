"""Objects from an app to a real server and back."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy
import pydantic
import pytest

import spanloom
from spanloom import errors
from tests.support.server import Server


@pytest.fixture(autouse=True)
def project(server: Server) -> Iterator[str]:
    name = f"team/{server.fresh_project()}"
    spanloom.init(name, endpoint=server.endpoint)
    yield name
    spanloom.finish()


class Capitals(spanloom.Model):
    style: str

    @spanloom.op
    def predict(self, question: str) -> str:
        """Answer."""
        return f"{self.style}: {question}"


class Limits(pydantic.BaseModel):
    threshold: float


@spanloom.op(kind="tool")
def look_up(city: str) -> int:
    """Count."""
    return len(city)


def test_plain_data_comes_back_by_every_name_of_it(project: str) -> None:
    value = {"threshold": 0.5, "labels": ["a", None], "big": 2**70}
    reference = spanloom.publish(value, name="settings", aliases=["best"], tags=["mine"])

    for text in ("settings", "settings:v0", "settings:best", "settings:latest", reference.uri):
        assert spanloom.get(text) == value
    assert reference.uri == f"spanloom:///{project}/object/settings:{reference.selector}"
    assert spanloom.get(reference.uri.replace("spanloom:", "weave:")) == value
    info = spanloom.ref("settings").info()
    assert (info.version, info.aliases, info.tags) == ("v0", ["best"], ["mine"])
    assert spanloom.ref("settings").resolve() == reference


def test_the_same_content_is_the_same_version() -> None:
    first = spanloom.publish({"a": 1, "b": 2}, name="settings")
    spanloom.publish({"a": 2}, name="settings")
    again = spanloom.publish({"b": 2, "a": 1}, name="settings")

    assert first == again
    versions = spanloom.ref("settings").versions()
    assert [version.version for version in versions] == ["v1", "v0"]
    assert [version.is_latest for version in versions] == [True, False]


def test_publishing_from_many_threads_gives_dense_numbers() -> None:
    with ThreadPoolExecutor(8) as pool:
        references = list(pool.map(lambda n: spanloom.publish(n % 5, name="n"), range(20)))

    versions = spanloom.ref("n").versions()
    assert {version.version for version in versions} == {"v0", "v1", "v2", "v3", "v4"}
    assert {reference.selector for reference in references} == {v.digest for v in versions}


def test_aliases_and_tags_are_moved_and_taken_away() -> None:
    one, two = spanloom.publish(1, name="n", aliases=["best"]), spanloom.publish(2, name="n")
    two.set_aliases("best", "other")
    two.add_tags("x", "y")
    two.remove_tags("x")
    two.remove_aliases("other")

    assert one.info().aliases == []
    assert (two.info().aliases, two.info().tags) == (["best"], ["y"])


def test_a_deleted_version_is_gone_and_its_number_stays_taken() -> None:
    spanloom.publish(1, name="n")
    second = spanloom.publish(2, name="n")
    second.delete()

    with pytest.raises(errors.NotFoundError, match="was deleted"):
        spanloom.get("n:v1")
    assert spanloom.get("n") == 1
    assert spanloom.publish(3, name="n").info().version == "v2"
    second.delete_all_versions()
    with pytest.raises(errors.NotFoundError, match="has no object 'n'"):
        spanloom.ref("n").versions()


def test_a_model_comes_back_as_fields_or_as_its_class() -> None:
    model = Capitals(style="short")
    reference = spanloom.publish(model)

    saved = reference.get()
    assert (saved.class_name, saved.style) == ("Capitals", "short")
    assert reference.get(Capitals) == model
    assert reference.selector == model.digest
    with pytest.raises(spanloom.ObjectError, match="makes no Limits"):
        reference.get(Limits)
    assert spanloom.publish(Limits(threshold=1)).get(Limits) == Limits(threshold=1)


def test_an_op_comes_back_with_its_source_and_is_not_run() -> None:
    saved = spanloom.publish(look_up).get()

    assert saved.source.endswith("    return len(city)\n")
    assert (saved.name, saved.kind, saved.documentation) == ("look_up", "tool", "Count.")
    assert not callable(saved)


def test_prompts_come_back_and_know_where_they_are_from() -> None:
    prompt = spanloom.StringPrompt("Hello {who}", name="greeting", description="kind")
    reference = spanloom.publish(prompt)
    messages = [{"role": "user", "content": "Hello {who}"}]
    found = spanloom.publish(spanloom.MessagesPrompt(messages), name="chat").get()

    assert prompt.ref == reference
    assert spanloom.get("greeting") == prompt
    assert spanloom.get("greeting").ref == reference
    assert found.format(who="Ada") == [{"role": "user", "content": "Hello Ada"}]


def test_a_dataset_comes_back_row_by_row_in_order() -> None:
    rows = [{"index": index, "text": "ü" * (index % 7)} for index in range(2_500)]
    dataset = spanloom.Dataset(name="numbers", rows=rows, description="many")
    reference = spanloom.publish(dataset, aliases=["best"])
    found = spanloom.get("numbers:best")

    assert isinstance(found, spanloom.Dataset)
    assert found.rows == rows
    assert (found.name, found.description, found.digest) == ("numbers", "many", dataset.digest)
    assert reference.selector == dataset.digest
    assert reference.info().row_count == 2_500
    assert spanloom.publish(dataset, tags=["again"]) == reference
    assert reference.info().tags == ["again"]
    longer = spanloom.publish(dataset.add_rows([{"index": -1}]))
    assert longer.info().version == "v1"
    assert longer.get(spanloom.Dataset)[-1] == {"index": -1}
    with pytest.raises(spanloom.ObjectError, match="is a dataset, and makes no Limits"):
        reference.get(Limits)


def test_a_dataset_with_rows_that_are_no_data_is_not_published() -> None:
    rows: list[dict[str, Any]] = [{"a": 1}, {"a": object()}]
    with pytest.raises(spanloom.ObjectError, match=r"row 1 of dataset 'd': .* no JSON data"):
        spanloom.publish(spanloom.Dataset(name="d", rows=rows))
    with pytest.raises(spanloom.ObjectError, match=r"row 0 of dataset 'd' .* too large"):
        spanloom.publish(spanloom.Dataset(name="d", rows=[{"a": numpy.zeros(2_000)}]))


def test_what_cannot_work_is_said_at_the_call() -> None:
    with pytest.raises(spanloom.ConfigurationError, match="needs a name"):
        spanloom.publish({"a": 1})
    with pytest.raises(spanloom.ConfigurationError, match="tags must be a list"):
        spanloom.publish(1, name="n", tags="mine")
    with pytest.raises(errors.ServerError, match="cannot name an object"):
        spanloom.publish(1, name="a/b")
    with pytest.raises(errors.ServerError, match="may be 16 MiB long"):
        spanloom.publish("x" * (17 << 20), name="n")
    spanloom.finish()
    with pytest.raises(spanloom.ConfigurationError, match=r"spanloom\.init"):
        spanloom.publish(1, name="n")


def test_a_server_that_is_away_is_an_error_of_its_own() -> None:
    spanloom.init("p", endpoint="http://127.0.0.1:9")

    with pytest.raises(errors.UnreachableError):
        spanloom.publish(1, name="n")
    with pytest.raises(errors.UnreachableError):
        spanloom.get("n")
