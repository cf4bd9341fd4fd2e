"""References to published objects: reading, naming and deleting them."""

import dataclasses
from typing import Any, NamedTuple, TypeVar, overload

import msgspec
from pydantic import BaseModel

from spanloom import conventions
from spanloom._api import Api, project_path, shared_api
from spanloom._client import current_settings, state
from spanloom._evals.dataset import Dataset
from spanloom._objects.address import Address, parse_address
from spanloom._objects.forms import object_of
from spanloom.errors import ObjectError

PAGE_MAX_ROWS = 5_000

T = TypeVar("T")


class VersionInfo(NamedTuple):
    """What is known about a version besides its content."""

    version: str
    """``v0``, ``v1``, … in the order of first publication."""
    digest: str
    kind: str
    class_name: str
    description: str
    is_latest: bool
    aliases: list[str]
    tags: list[str]
    row_count: int | None
    """Of a dataset; None of anything else."""
    published_time: str
    """RFC 3339, UTC."""


@dataclasses.dataclass(frozen=True, slots=True)
class Ref(Address):
    """A published version, or whichever version an alias means when it is asked.

    Every method asks the server.

    Raises:
        NotFoundError: there is no such version, or it was deleted.
        ServerError: the server refused or failed.
        UnreachableError: nobody answered.
    """

    @overload
    def get(self) -> Any: ...
    @overload
    def get(self, as_type: type[T]) -> T: ...
    def get(self, as_type: type[Any] | None = None) -> Any:
        """Return the object; code that was published with it is never run.

        A dataset comes back as Dataset, a prompt as prompt, a model as SavedModel, an op as
        SavedOp, anything else as plain data.

        Args:
            as_type: make this of the data instead: a pydantic class or Model, a dataclass, a
                TypedDict.

        Raises:
            ObjectError: what is there does not make one.
        """
        content = _api().get(self._path())
        if content["kind"] == conventions.DATASET_OBJECT:
            return _checked(self._dataset(content), as_type)
        value = content["value"]
        if as_type is not None:
            return _converted(value, content["kind"], as_type)
        about = {
            "name": self.name,
            "description": content["description"] or None,
            "ref": Ref(self.project, self.name, content["digest"]),
        }
        return object_of(content["kind"], content["class_name"], value, about)

    def info(self) -> VersionInfo:
        """Return the version's number, digest, aliases and tags."""
        return _info(_api().get(self._path()))

    def resolve(self) -> "Ref":
        """Return a reference to the version that this one means now, by its digest."""
        return Ref(self.project, self.name, self.info().digest)

    def versions(self) -> list[VersionInfo]:
        """Return all versions of the object, the newest first."""
        found: list[VersionInfo] = []
        cursor = None
        while True:
            parameters = {"limit": 500, "cursor": cursor}
            page = _api().get(project_path(self.project, "objects", self.name), parameters)
            found += [_info(version) for version in page["versions"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def set_aliases(self, *aliases: str) -> None:
        """Let each alias mean this version from now on, and no other."""
        for alias in aliases:
            path = project_path(self.project, "objects", self.name, "aliases", alias)
            _api().put(path, {"version": self.selector})

    def remove_aliases(self, *aliases: str) -> None:
        """Let each alias mean nothing."""
        for alias in aliases:
            _api().delete(project_path(self.project, "objects", self.name, "aliases", alias))

    def add_tags(self, *tags: str) -> None:
        """Put tags on the version."""
        for tag in tags:
            _api().put(self._path("tags", tag), {})

    def remove_tags(self, *tags: str) -> None:
        """Take tags off the version."""
        for tag in tags:
            _api().delete(self._path("tags", tag))

    def delete(self) -> None:
        """Delete this version. Its number is given to no other; published again, it returns."""
        _api().delete(self._path())

    def delete_all_versions(self) -> None:
        """Delete the object with every version of it."""
        _api().delete(project_path(self.project, "objects", self.name))

    def _path(self, *parts: str) -> str:
        return project_path(self.project, "objects", self.name, "versions", self.selector, *parts)

    def _dataset(self, content: dict[str, Any]) -> Dataset:
        # Pages are of one version, also when an alias is moved meanwhile.
        version = Ref(self.project, self.name, content["digest"])
        rows: list[dict[str, Any]] = []
        offset: int | None = 0
        while offset is not None:
            page = _api().get(version._path("rows"), {"offset": offset, "limit": PAGE_MAX_ROWS})
            rows += [row["value"] for row in page["rows"]]
            offset = page["next_offset"]
        return Dataset(rows=rows, name=self.name, description=content["description"] or None)


def ref(text: str) -> Ref:
    """Return a reference to a published object. Nothing is asked before it is used.

    Args:
        text: ``name`` (the latest version), ``name:v3``, ``name:alias``, ``name:digest``, or a URI
            ``spanloom:///entity/project/object/name:version``.

    Raises:
        ConfigurationError: it is none of these, or ``init`` has not named a project.

    Example:
        >>> ref("spanloom:///my-team/geography/object/capitals:best").name
        'capitals'
    """
    client = state.client
    address = parse_address(text, client.project if client is not None else None)
    return Ref(address.project, address.name, address.selector)


def get(text: str) -> Any:
    """Return a published object: ``spanloom.ref(text).get()``.

    Example:
        >>> dataset = get("capitals:best")  # doctest: +SKIP
    """
    return ref(text).get()


def _api() -> Api:
    return shared_api(current_settings())


def _info(version: dict[str, Any]) -> VersionInfo:
    return VersionInfo(**{name: version[name] for name in VersionInfo._fields})


def _checked(dataset: Dataset, as_type: type[Any] | None) -> Any:
    if as_type is None or isinstance(dataset, as_type):
        return dataset
    raise ObjectError(f"{dataset.name!r} is a dataset, and makes no {as_type.__name__}")


def _converted(value: Any, kind: str, as_type: type[Any]) -> Any:
    data = value["fields"] if kind == conventions.MODEL_OBJECT else value
    try:
        if isinstance(as_type, type) and issubclass(as_type, BaseModel):
            return as_type.model_validate(data)
        return msgspec.convert(data, as_type)
    except (TypeError, ValueError) as error:
        name = getattr(as_type, "__name__", as_type)
        raise ObjectError(f"what is published makes no {name}: {error}") from error
