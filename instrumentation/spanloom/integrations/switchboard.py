"""Switches instrumentations on: one a client, when it is imported, and only what is installed."""

import difflib
import functools
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from opentelemetry.trace import TracerProvider

from spanloom.errors import ConfigurationError
from spanloom.integrations.anthropic import ANTHROPIC
from spanloom.integrations.bedrock import BEDROCK
from spanloom.integrations.google import GOOGLE
from spanloom.integrations.imports import ImportWatch
from spanloom.integrations.integration import Integration
from spanloom.integrations.langchain import LANGCHAIN
from spanloom.integrations.litellm import LITELLM
from spanloom.integrations.openai import OPENAI

CATALOGUE: Final = (OPENAI, ANTHROPIC, GOOGLE, BEDROCK, LITELLM, LANGCHAIN)
ALL: Final = "all"


def selected(names: Sequence[str]) -> tuple[Integration, ...]:
    """The integrations of these names; ``all`` is all of them.

    Raises:
        ConfigurationError: there is no such integration.
    """
    known = {integration.name: integration for integration in CATALOGUE}
    for name in names:
        if name != ALL and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
            raise ConfigurationError(f"there is no integration {name!r}: {hint}")
    return CATALOGUE if ALL in names else tuple(known[name] for name in dict.fromkeys(names))


class Switchboard:
    """Keeps watch for clients. What was switched on stays on."""

    def __init__(self, provider: TracerProvider, say_once: Callable[..., None]) -> None:
        self._provider = provider
        self._say_once = say_once
        self._watch = ImportWatch()

    def turn_on(self, integrations: Sequence[Integration]) -> None:
        """Switch on those whose client has been imported, the others when that happens."""
        self._watch.forget()
        for integration in integrations:
            self._watch.await_import(
                integration.client, functools.partial(self._switch_on, integration)
            )

    def _switch_on(self, integration: Integration) -> None:
        try:
            fault = _switch_on(integration, self._provider)
        except Exception:  # noqa: BLE001  # an instrumentation's fault must not keep the app's import
            message = f"calls of {integration.client} cannot be traced"
            self._say_once(message, with_traceback=True)
        else:
            if fault:
                self._say_once(f"calls of {integration.client} are not traced: {fault}")


def _switch_on(integration: Integration, provider: TracerProvider) -> str | None:
    """Switch one on; return why that is impossible, None also where it is not wanted."""
    if any(_is_on(rival) for rival in integration.rivals):
        return None
    if integration.makes_own_spans():
        _set_defaults(integration)
        return None
    instrumentor = _loaded(integration.instrumentor)
    if instrumentor is None or instrumentor.is_instrumented_by_opentelemetry:
        return None
    conflict = _conflict(instrumentor, integration)
    if conflict is not None:
        return conflict
    _set_defaults(integration)
    instrumentor.instrument(tracer_provider=provider, skip_dep_check=True)
    return None


def _set_defaults(integration: Integration) -> None:
    for variable, value in integration.environment.items():
        os.environ.setdefault(variable, value)


def _conflict(instrumentor: Any, integration: Integration) -> str | None:
    from opentelemetry.instrumentation.dependencies import get_dependency_conflicts

    wanted = [
        requirement
        for requirement in instrumentor.instrumentation_dependencies()
        if requirement.split()[0] != integration.works_without
    ]
    conflict = get_dependency_conflicts(wanted)
    return None if conflict is None else str(conflict)


def _loaded(instrumentor: str) -> Any | None:
    """The instrumentation, imported; None when it is not installed."""
    module, _, name = instrumentor.partition(":")
    try:
        return getattr(importlib.import_module(module), name)()
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            return None
        raise


def _is_on(instrumentor: str) -> bool:
    module, _, name = instrumentor.partition(":")
    found = getattr(sys.modules.get(module), name, None)
    return found is not None and bool(found().is_instrumented_by_opentelemetry)
