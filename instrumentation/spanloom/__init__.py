"""Spanloom: traces and evaluations of LLM and ML programs, as OpenTelemetry spans.

A call is a span. Decorate functions with :func:`op`, name a project with :func:`init`, and every
call arrives at the server with its inputs, output, tokens and the calls below it::

    >>> import spanloom
    >>> @spanloom.op
    ... def answer(question: str) -> str:
    ...     return "Paris"
    >>> answer("What is the capital of France?")
    'Paris'
    >>> dataset = spanloom.Dataset(
    ...     name="capitals", rows=[{"question": "Capital of France?", "expected": "Paris"}]
    ... )
    >>> @spanloom.op
    ... def exact_match(expected: str, output: str) -> dict[str, bool]:
    ...     return {"correct": expected == output}
    >>> evaluation = spanloom.Evaluation(dataset=dataset, scorers=[exact_match])
    >>> evaluation.evaluate_sync(answer)["exact_match"]
    {'correct': {'true_count': 1, 'true_fraction': 1.0}}

Nothing is sent before ``spanloom.init("my-project")``.
"""

from typing import TYPE_CHECKING, Any, Final

from spanloom._client import Client, finish, flush, get_client, init
from spanloom._reads.call import RecordedCall
from spanloom._reads.feedback import Feedback
from spanloom._settings import Settings
from spanloom._tracing.block import span
from spanloom._tracing.call import Call
from spanloom._tracing.context import (
    attributes,
    current_call,
    get_current_call,
    require_current_call,
    thread,
)
from spanloom._tracing.op import Op, op
from spanloom._version import __version__
from spanloom.errors import (
    AccessError,
    ApiError,
    BindingError,
    ConfigurationError,
    MissingLibraryError,
    NoCurrentCallError,
    NotFoundError,
    ObjectError,
    PromptError,
    ServerError,
    SpanloomError,
    UnreachableError,
)

if TYPE_CHECKING:
    from spanloom._evals.dataset import Dataset
    from spanloom._evals.evaluation import Evaluation
    from spanloom._evals.model import Model
    from spanloom._evals.scorer import Scorer
    from spanloom._objects.forms import SavedModel, SavedOp
    from spanloom._objects.prompts import MessagesPrompt, StringPrompt
    from spanloom._objects.publish import publish
    from spanloom._objects.ref import Ref, VersionInfo, get, ref
    from spanloom._threads import Thread, ThreadPoolExecutor
    from spanloom._tracing.remote import headers, remote_parent

__all__ = [
    "AccessError",
    "ApiError",
    "BindingError",
    "Call",
    "Client",
    "ConfigurationError",
    "Dataset",
    "Evaluation",
    "Feedback",
    "MessagesPrompt",
    "MissingLibraryError",
    "Model",
    "NoCurrentCallError",
    "NotFoundError",
    "ObjectError",
    "Op",
    "PromptError",
    "RecordedCall",
    "Ref",
    "SavedModel",
    "SavedOp",
    "Scorer",
    "ServerError",
    "Settings",
    "SpanloomError",
    "StringPrompt",
    "Thread",
    "ThreadPoolExecutor",
    "UnreachableError",
    "VersionInfo",
    "__version__",
    "attributes",
    "current_call",
    "finish",
    "flush",
    "get",
    "get_client",
    "get_current_call",
    "headers",
    "init",
    "op",
    "publish",
    "ref",
    "remote_parent",
    "require_current_call",
    "span",
    "thread",
]

# These need pydantic, OpenTelemetry's propagators or thread pools, which take longer to load than
# everything else together.
_ON_FIRST_USE: Final = {
    "Dataset": "spanloom._evals.dataset",
    "Evaluation": "spanloom._evals.evaluation",
    "MessagesPrompt": "spanloom._objects.prompts",
    "Model": "spanloom._evals.model",
    "Ref": "spanloom._objects.ref",
    "SavedModel": "spanloom._objects.forms",
    "SavedOp": "spanloom._objects.forms",
    "Scorer": "spanloom._evals.scorer",
    "StringPrompt": "spanloom._objects.prompts",
    "Thread": "spanloom._threads",
    "ThreadPoolExecutor": "spanloom._threads",
    "VersionInfo": "spanloom._objects.ref",
    "get": "spanloom._objects.ref",
    "headers": "spanloom._tracing.remote",
    "publish": "spanloom._objects.publish",
    "ref": "spanloom._objects.ref",
    "remote_parent": "spanloom._tracing.remote",
}


def __getattr__(name: str) -> Any:
    module = _ON_FIRST_USE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    found = getattr(importlib.import_module(module), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_ON_FIRST_USE})
