import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import spanloom
from spanloom import conventions, errors

ROOT = Path(__file__).parents[3]


def test_all_is_sorted_and_there() -> None:
    assert spanloom.__all__ == sorted(spanloom.__all__)
    assert all(getattr(spanloom, name) is not None for name in spanloom.__all__)
    assert set(spanloom.__all__) <= set(dir(spanloom))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'publsh'"):
        _ = spanloom.publsh


def test_the_version_is_the_distributions() -> None:
    assert spanloom.__version__ == importlib.metadata.version("spanloom")


def test_every_public_thing_explains_itself() -> None:
    for name in set(spanloom.__all__) - {"__version__"}:
        assert getattr(spanloom, name).__doc__, name


def test_every_error_is_a_spanloom_error() -> None:
    for error in (errors.ConfigurationError, errors.BindingError, errors.NoCurrentCallError):
        assert issubclass(error, errors.SpanloomError)


def test_the_vocabulary_names_everything_once() -> None:
    names = [value for key, value in vars(conventions).items() if key.isupper()]
    attributes = [name for name in names if isinstance(name, str) and "." in name]

    assert len(attributes) == len(set(attributes))


def loaded_modules(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules)"
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(result.stdout.split())


def test_importing_loads_nothing_heavy() -> None:
    loaded = loaded_modules("import spanloom\n@spanloom.op\ndef f(): return 1\nf()")

    heavy = {"pydantic", "google.protobuf", "requests", "grpc", "numpy", "http.client"}
    assert not loaded & heavy
    assert "opentelemetry.sdk.trace" not in loaded


def test_init_and_calls_load_no_pydantic() -> None:
    code = "import spanloom\nspanloom.init('p')\n@spanloom.op\ndef f(): return 1\nspanloom.finish()"

    assert not loaded_modules(code) & {"pydantic", "google.protobuf", "requests", "grpc"}


def test_examples_in_docstrings_are_true() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--doctest-modules", "-p", "no:cacheprovider"]
    command += ["instrumentation/spanloom", "--ignore=instrumentation/spanloom/demo.py"]

    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )

    assert result.returncode == 0, result.stdout


def test_the_public_api_is_typed_as_users_write_it() -> None:
    command = [sys.executable, "-m", "mypy", "tests/typing/api.py"]

    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )

    assert result.stdout.startswith("Success"), result.stdout


@pytest.mark.node
def test_a_second_type_checker_sees_the_same() -> None:
    node = shutil.which("node")
    assert node, "node is missing: `make test` installs it"
    pyright = str(ROOT / "tests/typing/node_modules/pyright/index.js")
    command = [node, pyright, "--pythonpath", sys.executable, "tests/typing/api.py"]

    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )

    assert result.stdout.startswith("0 errors, 0 warnings"), result.stdout
