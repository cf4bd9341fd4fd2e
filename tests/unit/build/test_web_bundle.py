"""When the page is built anew, and when an installation needs no node."""

import shutil
import tomllib
from pathlib import Path

import pytest

import hatch_build
from hatch_build import STATIC, WEB

_ROOT = Path(hatch_build.__file__).parent


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's sources with a bundle that was built from them, without any node packages."""
    monkeypatch.delenv(hatch_build.SKIP_ENV, raising=False)
    for source in hatch_build.source_files(_ROOT / WEB):
        copy = tmp_path / source.relative_to(_ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    (tmp_path / STATIC).mkdir(parents=True)
    (tmp_path / STATIC / "index.html").write_text("<!doctype html>")
    (tmp_path / STATIC / hatch_build.HASH_FILE).write_text(hatch_build.source_hash(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("v18.20.8\n", False),
        ("v20.18.3\n", False),
        ("v20.19.0\n", True),
        ("v21.7.3\n", False),
        ("v22.11.0\n", False),
        ("v22.12.0\n", True),
        ("v23.0.0\n", True),
        ("v100.0.0\n", True),
        ("", False),
        ("command not found", False),
    ],
)
def test_node_is_new_enough_from_20_19_and_from_22_12(version: str, expected: bool) -> None:
    assert hatch_build.is_new_enough(version) is expected


def test_the_hash_is_the_same_wherever_the_sources_lie(checkout: Path) -> None:
    assert hatch_build.source_hash(checkout) == hatch_build.source_hash(_ROOT)


@pytest.mark.parametrize("name", ["src/main.tsx", "public/theme.js", "package-lock.json"])
def test_an_edited_source_changes_the_hash(checkout: Path, name: str) -> None:
    before = hatch_build.source_hash(checkout)
    with (checkout / WEB / name).open("a") as source:
        source.write("\n")

    assert hatch_build.source_hash(checkout) != before


def test_a_renamed_source_changes_the_hash(checkout: Path) -> None:
    before = hatch_build.source_hash(checkout)
    (checkout / WEB / "src/main.tsx").rename(checkout / WEB / "src/start.tsx")

    assert hatch_build.source_hash(checkout) != before


def test_bytes_that_move_from_one_source_to_the_next_change_the_hash(checkout: Path) -> None:
    first, second = checkout / WEB / "src/a.ts", checkout / WEB / "src/b.ts"
    first.write_text("xy")
    second.write_text("")
    before = hatch_build.source_hash(checkout)
    first.write_text("x")
    second.write_text("y")

    assert hatch_build.source_hash(checkout) != before


@pytest.mark.parametrize(
    "name", ["src/format.test.ts", "node_modules/vite/x.js", "vitest.config.ts"]
)
def test_what_the_bundle_is_not_made_from_leaves_the_hash(checkout: Path, name: str) -> None:
    before = hatch_build.source_hash(checkout)
    (checkout / WEB / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / WEB / name).write_text("changed")

    assert hatch_build.source_hash(checkout) == before


def test_a_bundle_of_these_sources_is_fresh(checkout: Path) -> None:
    assert hatch_build.is_fresh(checkout)


def test_a_bundle_of_other_sources_is_not_fresh(checkout: Path) -> None:
    (checkout / WEB / "src/main.tsx").write_text("")

    assert not hatch_build.is_fresh(checkout)


@pytest.mark.parametrize("lost", ["index.html", hatch_build.HASH_FILE])
def test_a_bundle_that_lacks_a_part_is_not_fresh(checkout: Path, lost: str) -> None:
    (checkout / STATIC / lost).unlink()

    assert not hatch_build.is_fresh(checkout)


def test_a_bundle_without_its_sources_is_fresh(checkout: Path) -> None:
    shutil.rmtree(checkout / WEB)

    assert hatch_build.is_fresh(checkout)


def test_a_fresh_bundle_is_not_built_again(checkout: Path) -> None:
    before = _contents(checkout)

    assert hatch_build.build_if_stale(checkout) is False
    assert _contents(checkout) == before


def test_a_stale_bundle_stays_where_the_page_is_not_wanted(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / WEB / "src/main.tsx").write_text("")
    monkeypatch.setenv(hatch_build.SKIP_ENV, "skip")

    assert hatch_build.build_if_stale(checkout) is False


def test_neither_a_bundle_nor_sources_is_an_error(checkout: Path) -> None:
    shutil.rmtree(checkout / WEB)
    shutil.rmtree(checkout / STATIC)

    with pytest.raises(hatch_build.BundleError, match="out of date"):
        hatch_build.build_if_stale(checkout)


def test_uv_looks_at_everything_that_the_bundle_is_made_from() -> None:
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["uv"]
    watched = {key["file"] for key in settings["cache-keys"]}

    files = {f"{WEB}/{name}" for name in hatch_build.SOURCES}
    folders = {f"{WEB}/{name}/**/*" for name in hatch_build.SOURCE_FOLDERS}
    bundle = f"{STATIC}/{hatch_build.HASH_FILE}"
    assert (files | folders | {bundle, "hatch_build.py"}) - watched == set()


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
