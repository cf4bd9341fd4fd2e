"""Which clients are instrumented, when, and what it costs an app that has none."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

import spanloom
from spanloom.errors import ConfigurationError
from spanloom.integrations.imports import ImportWatch
from spanloom.integrations.integration import Integration
from spanloom.integrations.switchboard import CATALOGUE, Switchboard, selected

INSTRUMENTATION = """
class Instrumentor:
    is_instrumented_by_opentelemetry = False
    def instrumentation_dependencies(self): return {needs!r}
    def __new__(cls):
        cls.one = getattr(cls, "one", None) or super().__new__(cls)
        return cls.one
    def instrument(self, **options):
        {does}
        self.is_instrumented_by_opentelemetry = True
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path; modules and finders are put back afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    before, finders = set(sys.modules), list(sys.meta_path)
    yield tmp_path
    sys.meta_path[:] = finders
    for name in set(sys.modules) - before:
        del sys.modules[name]


def _write(folder: Path, name: str, code: str = "") -> None:
    (folder / f"{name}.py").write_text(code)
    importlib.invalidate_caches()


def _instrumentation(
    folder: Path, name: str = "inst", does: str = "pass", needs: list[str] | None = None
) -> None:
    _write(folder, name, INSTRUMENTATION.format(does=does, needs=needs or []))


class _Board:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.board = Switchboard(TracerProvider(shutdown_on_exit=False), self._say)

    def _say(self, message: str, *, with_traceback: bool = False) -> None:
        self.said.append(message)

    def turn_on(self, **fields: Any) -> None:
        named = {"name": "x", "client": "client", "instrumentor": "inst:Instrumentor"}
        self.board.turn_on([Integration(**named | fields)])


def _is_on(module: str = "inst") -> bool:
    found = sys.modules.get(module)
    return found is not None and bool(found.Instrumentor().is_instrumented_by_opentelemetry)


def test_a_client_is_instrumented_when_the_app_imports_it(packages: Path) -> None:
    _write(packages, "client")
    _instrumentation(packages, does="import sys; self.ready = hasattr(sys.modules['client'], 'A')")
    _write(packages, "client", "A = 1")
    board = _Board()
    board.turn_on()
    assert "inst" not in sys.modules

    importlib.import_module("client")

    assert _is_on()
    assert sys.modules["inst"].Instrumentor().ready
    assert board.said == []


def test_a_client_that_is_there_already_is_instrumented_at_once(packages: Path) -> None:
    _write(packages, "client")
    _instrumentation(packages)
    importlib.import_module("client")
    _Board().turn_on()

    assert _is_on()


def test_without_the_instrumentation_nothing_is_said(packages: Path) -> None:
    _write(packages, "client")
    board = _Board()
    board.turn_on()
    importlib.import_module("client")

    assert board.said == []


@pytest.mark.parametrize(
    ("does", "needs", "said"),
    [
        ("1 / 0", [], "calls of client cannot be traced"),
        ("import missing_part", [], "calls of client cannot be traced"),
        ("pass", ["pytest < 1"], "calls of client are not traced: This instrumentation only"),
    ],
)
def test_a_fault_of_an_instrumentation_stays_out_of_the_apps_import(
    packages: Path, does: str, needs: list[str], said: str
) -> None:
    _write(packages, "client")
    _instrumentation(packages, does=does, needs=needs)
    board = _Board()
    board.turn_on()
    importlib.import_module("client")

    assert not _is_on()
    assert [message.startswith(said) for message in board.said] == [True]


def test_what_the_app_has_instrumented_is_left_alone(packages: Path) -> None:
    _write(packages, "client")
    _instrumentation(packages)
    _instrumentation(packages, "rival")
    importlib.import_module("rival").Instrumentor().instrument()
    importlib.import_module("client")
    _Board().turn_on(rivals=("rival:Instrumentor", "other:Instrumentor"))

    assert "inst" not in sys.modules


def test_a_client_that_traces_itself_only_gets_its_variables(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_SET", "mine")
    monkeypatch.delenv("X_UNSET", raising=False)
    _write(packages, "client")
    importlib.import_module("client")
    variables = {"X_SET": "ours", "X_UNSET": "ours"}
    _Board().turn_on(makes_own_spans=lambda: True, environment=variables)

    assert (os.environ["X_SET"], os.environ.pop("X_UNSET")) == ("mine", "ours")
    assert "inst" not in sys.modules


def test_watching_leaves_no_trace_on_a_module(packages: Path) -> None:
    _write(packages, "client", "A = 1")
    found: list[str] = []
    watch = ImportWatch()
    watch.await_import("client", lambda: found.append("client"))
    spec = importlib.util.find_spec("client")
    assert spec is not None
    assert spec.loader is not None
    assert spec.loader.get_filename("client").endswith("client.py")  # type: ignore[attr-defined]
    assert found == []

    client: Any = importlib.import_module("client")

    assert (client.A, found) == (1, ["client"])
    assert type(client.__loader__) is type(client.__spec__.loader)
    assert type(client.__loader__).__name__ == "SourceFileLoader"
    importlib.reload(client)
    assert found == ["client"]


def test_an_import_that_fails_fails_as_it_would(packages: Path) -> None:
    _write(packages, "client", "raise RuntimeError('not today')")
    found: list[str] = []
    watch = ImportWatch()
    watch.await_import("client", lambda: found.append("client"))
    watch.await_import("absent_client", lambda: found.append("absent"))
    with pytest.raises(RuntimeError, match="not today"):
        importlib.import_module("client")
    with pytest.raises(ModuleNotFoundError, match="absent_client"):
        importlib.import_module("absent_client")
    _write(packages, "client", "A = 22")
    importlib.import_module("client")

    assert found == ["client"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, [each.name for each in CATALOGUE]),
        (True, [each.name for each in CATALOGUE]),
        (False, []),
        ([], []),
        ("openai", ["openai"]),
        (["google", "openai", "google"], ["google", "openai"]),
    ],
)
def test_an_app_chooses_among_the_integrations(given: Any, expected: list[str]) -> None:
    client = spanloom.init("p", integrations=given)

    assert [each.name for each in selected(client.settings.integrations)] == expected


@pytest.mark.parametrize(
    ("text", "count"), [("none", 0), ("0", 0), ("all", 6), ("openai, google", 2)]
)
def test_the_environment_chooses_too(
    monkeypatch: pytest.MonkeyPatch, text: str, count: int
) -> None:
    monkeypatch.setenv("SPANLOOM_INTEGRATIONS", text)

    assert len(selected(spanloom.init("p").settings.integrations)) == count


def test_an_unknown_integration_is_refused_with_what_is_meant() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'openai'"):
        spanloom.init("p", integrations=["opena"])
    with pytest.raises(ConfigurationError, match="there are openai, anthropic"):
        spanloom.init("p", integrations=["x"])
    assert spanloom.get_client() is None


def test_every_integration_has_its_extra() -> None:
    from importlib.metadata import metadata

    extras = set(metadata("spanloom").get_all("Provides-Extra") or ())
    assert {each.name for each in CATALOGUE} <= extras


def test_every_rival_is_another_instrumentation() -> None:
    for each in CATALOGUE:
        assert each.instrumentor not in each.rivals
        assert all(":" in name for name in (each.instrumentor, *each.rivals))
