"""Where a version is: project, name, and which of the versions; as a URI and back."""

import dataclasses
import re
from typing import Final
from urllib.parse import quote, unquote

from spanloom.errors import ConfigurationError

LATEST: Final = "latest"
SCHEME: Final = "spanloom:///"
SCHEMES: Final = (SCHEME, "weave:///")
"""Those that are understood; the first is the one that is written."""

_COLLECTIONS: Final = ("object", "op")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NUMBER: Final = re.compile(r"v\d+")


@dataclasses.dataclass(frozen=True, slots=True)
class Address:
    """One version of an object, or whichever version an alias means.

    Attributes:
        project: ``project`` or ``entity/project``.
        name: the object's name.
        selector: ``latest``, an alias, ``v0``, or a digest.
    """

    project: str
    name: str
    selector: str = LATEST

    @property
    def uri(self) -> str:
        """The address as text, ``spanloom:///entity/project/object/name:digest``."""
        name, selector = quote(self.name, safe=""), quote(self.selector, safe="")
        return f"{SCHEME}{quote(self.project)}/object/{name}:{selector}"

    @property
    def is_fixed(self) -> bool:
        """Whether it will always mean the same content."""
        return bool(_DIGEST.fullmatch(self.selector) or _NUMBER.fullmatch(self.selector))

    def __str__(self) -> str:
        return self.uri


def parse_address(text: str, project: str | None) -> Address:
    """Read ``name``, ``name:version`` or a URI.

    Args:
        text: what names the version.
        project: for a name; a URI brings its own.

    Raises:
        ConfigurationError: it is none of them, or a name without any project.

    Example:
        >>> parse_address("capitals:v3", "my-team/geography").uri
        'spanloom:///my-team/geography/object/capitals:v3'
        >>> parse_address("spanloom:///geography/object/capitals", None).selector
        'latest'
    """
    scheme = next((scheme for scheme in SCHEMES if text.startswith(scheme)), None)
    if scheme is not None:
        return _from_uri(text, text.removeprefix(scheme))
    name, _, selector = text.partition(":")
    if not name or "/" in text:
        raise ConfigurationError(
            f"{text!r} names no object: use 'name', 'name:version', or a URI such as"
            f" '{SCHEME}entity/project/object/name:version'"
        )
    if project is None:
        raise ConfigurationError(
            f"{text!r} is in no project: call spanloom.init('my-project') first, or use a URI"
        )
    return Address(project, name, selector or LATEST)


def _from_uri(uri: str, path: str) -> Address:
    *project, collection, last = path.split("/") if path.count("/") in (2, 3) else ("", "", "")
    name, _, selector = last.partition(":")
    if not all(project) or collection not in _COLLECTIONS or not name:
        raise ConfigurationError(
            f"{uri!r} is no address of an object: it looks like"
            f" '{SCHEME}entity/project/object/name:version'"
        )
    return Address(unquote("/".join(project)), unquote(name), unquote(selector) or LATEST)
