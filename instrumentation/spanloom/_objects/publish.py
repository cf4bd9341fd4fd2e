"""Publishing: an object's content goes to the server, a dataset's rows chunk by chunk."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from spanloom._api import Api, project_path
from spanloom._client import Client, state
from spanloom._evals.dataset import Dataset
from spanloom._objects.forms import Form, form_of, json_of
from spanloom._objects.prompts import MessagesPrompt, StringPrompt
from spanloom._objects.ref import Ref
from spanloom._values.encode import canonical
from spanloom.errors import ConfigurationError, NotFoundError, ObjectError

CHUNK_MAX_BYTES: Final = 4 << 20
CHUNK_MAX_ROWS: Final = 5_000


def publish(
    obj: Any,
    name: str | None = None,
    *,
    description: str | None = None,
    tags: Sequence[str] = (),
    aliases: Sequence[str] = (),
) -> Ref:
    """Store an object as a version under a name; the same content is the same version.

    It is on the server's disk when this returns.

    Args:
        obj: a Dataset, Model, pydantic object, op, prompt, or any JSON data.
        name: what to call it; by default its own name, where it has one.
        description: what it is good for; by default its own.
        tags: words on this version.
        aliases: names that mean this version from now on, and no other; ``latest`` is there anyway.

    Raises:
        ConfigurationError: ``init`` was not called, or there is no name.
        ObjectError: it is no data, or its source cannot be found.
        ServerError: the server refused it.
        UnreachableError: nobody answered; publishing again is safe.

    Example:
        >>> reference = publish({"threshold": 0.5}, name="settings")  # doctest: +SKIP
        >>> reference.get()  # doctest: +SKIP
        {'threshold': 0.5}
    """
    client = _client()
    form = form_of(obj)
    publication: dict[str, Any] = {
        "name": _name(name, form),
        "kind": form.kind,
        "class_name": form.class_name,
        "description": description or form.description or "",
        "tags": _labels("tags", tags),
        "aliases": _labels("aliases", aliases),
    }
    if isinstance(obj, Dataset):
        version = _publish_dataset(client, obj, publication)
    else:
        publication["value"] = msgspec.Raw(json_of(form.value))
        version = _post(client, publication)
    if isinstance(obj, StringPrompt | MessagesPrompt):
        obj.ref = version
    return version


def _client() -> Client:
    if state.client is None:
        raise ConfigurationError("there is no project to publish in: call spanloom.init() first")
    return state.client


def _name(name: str | None, form: Form) -> str:
    found = name or form.name
    if not found:
        raise ConfigurationError("publish() needs a name for this object: publish(obj, name='…')")
    return found


def _labels(what: str, labels: Sequence[str]) -> list[str]:
    if isinstance(labels, str) or not all(isinstance(label, str) for label in labels):
        raise ConfigurationError(f"{what} must be a list of texts, not {labels!r}")
    return list(labels)


def _post(client: Client, publication: dict[str, Any]) -> Ref:
    path = project_path(client.project, "objects")
    version = client.api.post(path, publication, idempotent=True)
    return Ref(client.project, version["name"], version["digest"])


def _publish_dataset(client: Client, dataset: Dataset, publication: dict[str, Any]) -> Ref:
    present = Ref(client.project, publication["name"], dataset.digest)
    if _is_present(client.api, present):  # its rows need not be sent once more
        present.set_aliases(*publication["aliases"])
        present.add_tags(*publication["tags"])
        return present
    path = project_path(client.project, "dataset-rows")
    chunks = [
        client.api.post(path, {"rows": chunk}, idempotent=True)["digest"]
        for chunk in _chunks(dataset)
    ]
    return _post(client, {**publication, "chunks": chunks})


def _is_present(api: Api, version: Ref) -> bool:
    try:
        api.get(
            project_path(version.project, "objects", version.name, "versions", version.selector)
        )
    except NotFoundError:
        return False
    return True


def _chunks(dataset: Dataset) -> Iterator[list[msgspec.Raw]]:
    chunk: list[msgspec.Raw] = []
    size_bytes = 0
    for index, row in enumerate(dataset.rows):
        text = _row(dataset.name, index, row)
        if chunk and (size_bytes + len(text) > CHUNK_MAX_BYTES or len(chunk) == CHUNK_MAX_ROWS):
            yield chunk
            chunk, size_bytes = [], 0
        chunk.append(msgspec.Raw(text))
        size_bytes += len(text)
    yield chunk


def _row(dataset_name: str, index: int, row: dict[str, Any]) -> bytes:
    try:
        text = json_of(row)
    except ObjectError as error:
        raise ObjectError(f"row {index} of dataset {dataset_name!r}: {error}") from error
    # What evaluations call the row by is of this text: a large array is only described in it.
    if text != canonical(row):
        raise ObjectError(
            f"row {index} of dataset {dataset_name!r} holds a value that is too large to be one of"
            " an example, such as an array of more than a thousand elements"
        )
    return text
