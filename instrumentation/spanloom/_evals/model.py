"""Models under evaluation: their declared fields are their version, the rest is their own affair."""

import hashlib
from collections.abc import Callable
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from spanloom._values.encode import canonical
from spanloom.errors import ConfigurationError

INFER_METHODS: Final = ("predict", "infer", "forward", "invoke")
"""Where an evaluation looks for a model's function, in this order."""


class Configured(BaseModel):
    """A pydantic model that may also hold undeclared attributes, which are not part of its data.

    Attributes that no field declares can be set at any time, also in ``model_post_init``: clients,
    weights, caches. They do not count for equality, serialisation, or the version digest.
    """

    model_config = ConfigDict(protected_namespaces=(), arbitrary_types_allowed=True)

    name: str | None = Field(default=None, repr=False)
    description: str | None = Field(default=None, repr=False)

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(self)
        if name in kind.model_fields or name.startswith("_") or hasattr(kind, name):
            super().__setattr__(name, value)
        else:
            # Where cached properties live, too: pydantic leaves these entries alone.
            self.__dict__[name] = value

    def __spanloom_fields__(self) -> dict[str, Any]:
        """Return the declared fields, name to value, without a name or description not given."""
        fields = {name: getattr(self, name, None) for name in type(self).model_fields}
        return {
            name: value
            for name, value in fields.items()
            if value is not None or name not in ("name", "description")
        }


class Model(Configured):
    """A model to evaluate: fields that make up its version, and a method that predicts.

    The method is called ``predict``, ``infer``, ``forward`` or ``invoke``; it may be async, and an
    op or not. Its parameters are filled with the dataset's columns of the same names.

    Example:
        >>> import spanloom
        >>> class Greeter(spanloom.Model):
        ...     greeting: str
        ...
        ...     @spanloom.op
        ...     def predict(self, who: str) -> str:
        ...         return f"{self.greeting}, {who}!"
        >>> Greeter(greeting="Hello").predict("Ada")
        'Hello, Ada!'
    """

    @property
    def digest(self) -> str:
        """The version: sha256 (64 hex digits) of the class name and the declared fields."""
        return digest_of(type(self).__name__, self.__spanloom_fields__())


def digest_of(name: str, fields: dict[str, Any]) -> str:
    """Return the sha256 of a name and fields, 64 hex digits."""
    return hashlib.sha256(canonical({"name": name, "fields": fields})).hexdigest()


def infer_method(model: object) -> Callable[..., Any]:
    """Return the method of a model that predicts.

    Raises:
        ConfigurationError: there is none, and the model is no function either.
    """
    for name in INFER_METHODS:
        method = getattr(model, name, None)
        if callable(method) and not isinstance(model, type):
            return method  # type: ignore[no-any-return]
    if callable(model) and not isinstance(model, type | Model):
        return model
    methods = ", ".join(INFER_METHODS)
    raise ConfigurationError(
        f"{model!r} cannot be evaluated: give a function, or an object with one of {methods}"
    )
