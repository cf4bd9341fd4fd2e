"""Which project a span belongs to."""

from collections.abc import Mapping

from spanloom import conventions

DEFAULT_PROJECT = "default"
MAX_PROJECT_CHARS = 256


class ProjectNameError(ValueError):
    """A project was named in a way that cannot be kept."""


def checked_project(name: str) -> str:
    """A project's name as a person gave it, checked.

    Raises:
        ProjectNameError: it is empty, too long, has more than one slash or a control character.
    """
    name = name.strip()
    if not name or len(name) > MAX_PROJECT_CHARS:
        raise ProjectNameError(f"a project's name has 1 to {MAX_PROJECT_CHARS} characters")
    if not name.isprintable():
        raise ProjectNameError("a project's name has no control characters")
    if not all(name.split("/", 1)) or name.count("/") > 1:
        raise ProjectNameError(
            f"a project is named 'project' or 'entity/project', with at most one slash: {name!r}"
        )
    return name


def resource_project(resource: Mapping[str, str]) -> str:
    """The project that a resource names: ``spanloom.project``, else ``service.name``, else default.

    Nothing is refused here, since spans would be lost: what cannot stand in a name is replaced.
    """
    for key in (conventions.PROJECT, conventions.SERVICE_NAME):
        name = _cleaned(resource.get(key, ""))
        if name:
            return name
    return DEFAULT_PROJECT


def _cleaned(name: str) -> str:
    printable = "".join(char if char.isprintable() else "-" for char in name)
    parts = [part.strip() for part in printable.split("/") if part.strip()]
    joined = "/".join(parts) if len(parts) <= 2 else f"{parts[0]}/{'-'.join(parts[1:])}"
    return joined[:MAX_PROJECT_CHARS]
