"""Waits for the app to import a module, without importing it and without getting in the way."""

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec


class ImportWatch:
    """Calls back when a module has been imported; stands first among the interpreter's finders.

    Finder and loader without their abstract bases, which take long to load.
    """

    def __init__(self) -> None:
        self._callbacks: dict[str, Callable[[], None]] = {}

    def await_import(self, module: str, callback: Callable[[], None]) -> None:
        """Call back, which must not raise, once a module has run; at once if it has."""
        if module in sys.modules:
            callback()
            return
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        self._callbacks[module] = callback

    def forget(self) -> None:
        """Wait for nothing any more."""
        self._callbacks.clear()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> "ModuleSpec | None":
        """Return what the other finders find, with a loader that says when it is done."""
        if fullname not in self._callbacks:
            return None
        spec = self._found_by_others(fullname, path, target)
        if spec is None or not hasattr(spec.loader, "exec_module"):
            return None
        telling: Any = _TellingLoader(spec.loader, lambda: self._tell(fullname))
        spec.loader = telling
        return spec

    def _found_by_others(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> "ModuleSpec | None":
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(fullname, path, target)
                if spec is not None:
                    return spec
        return None

    def _tell(self, fullname: str) -> None:
        callback = self._callbacks.pop(fullname, None)
        if callback is not None:
            callback()


class _TellingLoader:
    """A module's own loader, until the module runs."""

    def __init__(self, loader: Any, done: Callable[[], None]) -> None:
        self._loader = loader
        self._done = done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: "ModuleSpec") -> ModuleType | None:
        """Make the module as its own loader does."""
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, with no trace of this loader on it, and tell."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._done()
