"""The form in which each kind of object is published, and what is made of it again."""

import dataclasses
import inspect
import textwrap
import types
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import BaseModel

from spanloom import conventions
from spanloom._evals.dataset import Dataset
from spanloom._evals.model import Configured
from spanloom._objects.prompts import MessagesPrompt, StringPrompt
from spanloom._tracing.spec import plain_name, spec_of, untraced
from spanloom._values.describe import FIELDS_METHOD
from spanloom.errors import ObjectError


class Form(NamedTuple):
    """What is published of an object."""

    kind: str
    value: Any
    class_name: str = ""
    name: str | None = None
    """Under which to publish it, if nothing else is said."""
    description: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class SavedModel:
    """A model or pydantic object as it was published: its fields, and no code.

    The fields are attributes as well. ``ref.get(TheClass)`` makes an instance again.
    """

    class_name: str
    fields: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        if name != "fields" and not name.startswith("__") and name in self.fields:
            return self.fields[name]
        raise AttributeError(f"the published {self.class_name} has no field {name!r}")


@dataclasses.dataclass(frozen=True, slots=True)
class SavedOp:
    """An op as it was published: its source, which is never run.

    Attributes:
        name: ``function`` or ``Class.method``.
        source: the text of the function with its decorators, and of nothing that it calls.
        signature: its parameters, as text.
        module: where it was defined.
        kind: of the op, one of ``spanloom.conventions.OP_KINDS``; None when it had none.
        documentation: its docstring.
    """

    name: str
    source: str
    signature: str
    module: str
    kind: str | None
    documentation: str | None


def form_of(obj: object) -> Form:
    """Return what to publish of an object.

    Raises:
        ObjectError: it is an op without source.
    """
    if isinstance(obj, Dataset):
        kind = conventions.DATASET_OBJECT
        return Form(kind, None, type(obj).__name__, obj.name, obj.description)
    if isinstance(obj, StringPrompt):
        content = {"content": obj.content}
        return Form("prompt", content, "StringPrompt", obj.name, obj.description)
    if isinstance(obj, MessagesPrompt):
        messages = {"messages": obj.messages}
        return Form("prompt", messages, "MessagesPrompt", obj.name, obj.description)
    if isinstance(obj, BaseModel):
        return _model_form(obj)
    if isinstance(obj, types.FunctionType | types.MethodType):  # ops, too
        return _op_form(obj)
    return Form("object", obj, "" if _is_plain(obj) else type(obj).__name__)


def json_of(value: object) -> bytes:
    """Return JSON with sorted keys, of exactly what is there: nothing is cut or only described.

    Tuples and sets become lists, times and bytes text, NaN null.

    Raises:
        ObjectError: it holds something that is no data.
    """
    try:
        whole = msgspec.json.encode(value, enc_hook=_data_of, order="sorted")
        # Sorted twice: what libraries encode themselves comes in their own order.
        return msgspec.json.encode(msgspec.json.decode(whole), order="sorted")
    except (TypeError, ValueError, RecursionError) as error:
        raise ObjectError(f"{type(value).__name__} cannot be published: {error}") from error


def object_of(kind: str, class_name: str, value: Any, about: Mapping[str, Any]) -> Any:
    """Return what a published value stands for; of kinds that this version does not know, data.

    Args:
        kind: one of ``spanloom.conventions.OBJECT_KINDS``.
        class_name: of the object that was published.
        value: plain JSON data.
        about: ``name``, ``description`` and ``ref``, for what remembers them.
    """
    if kind == conventions.MODEL_OBJECT:
        return SavedModel(value["name"], value["fields"])
    if kind == "op":
        return SavedOp(**{field.name: value.get(field.name) for field in _OP_FIELDS})
    if kind == "prompt" and class_name in _PROMPTS:
        return _PROMPTS[class_name](**value, **about)
    return value


_PROMPTS: Final[dict[str, Callable[..., Any]]] = {
    "MessagesPrompt": MessagesPrompt,
    "StringPrompt": StringPrompt,
}
_OP_FIELDS: Final = dataclasses.fields(SavedOp)
_PLAIN: Final = (type(None), bool, int, float, str, list, tuple, dict)


def _is_plain(obj: object) -> bool:
    return type(obj) in _PLAIN


def _model_form(model: BaseModel) -> Form:
    class_name = type(model).__name__
    fields: Any = model
    name = description = None
    if isinstance(model, Configured):
        # The very value that the model's digest is of, as evaluations name it.
        fields = model.__spanloom_fields__()
        name, description = model.name, model.description
    value = {"name": class_name, "fields": fields}
    return Form(conventions.MODEL_OBJECT, value, class_name, name or class_name, description)


def _op_form(obj: Any) -> Form:
    spec = spec_of(obj)
    function = inspect.unwrap(untraced(obj))
    name = spec.name if spec is not None else plain_name(obj)
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise ObjectError(
            f"the source of {name} cannot be found, and without it there is nothing to publish"
        ) from error
    saved = SavedOp(
        name=name,
        source=source,
        signature=str(inspect.signature(function)),
        module=function.__module__,
        kind=spec.kind if spec is not None else None,
        documentation=inspect.getdoc(function),
    )
    return Form("op", saved, "Op", name, None)


def _data_of(value: Any) -> Any:
    kind = type(value)
    if hasattr(kind, FIELDS_METHOD):
        return getattr(kind, FIELDS_METHOD)(value)
    if isinstance(value, BaseModel):
        return msgspec.Raw(value.model_dump_json().encode())
    if isinstance(value, Mapping):
        return dict(value)
    if kind.__module__.partition(".")[0] in ("numpy", "torch", "pandas", "polars"):
        for method in ("tolist", "to_list", "isoformat", "item"):
            if hasattr(value, method):
                return getattr(value, method)()
    raise TypeError(f"it holds a {kind.__qualname__}, which is no JSON data")
