"""Who may write where: bearer tokens and the project header."""

import hmac
from collections.abc import Mapping
from urllib.parse import unquote

from spanloom import conventions
from spanloom_collector.pipeline.projects import checked_project


class UnauthenticatedError(Exception):
    """A token is needed and none, or an unknown one, was sent."""


class ForbiddenError(Exception):
    """The token may not write to the project that was named."""


def granted_project(tokens: Mapping[str, str | None], headers: Mapping[str, str]) -> str | None:
    """The project named by the token, else by the header; None leaves it to the resource.

    Args:
        tokens: accepted tokens and the project of each (None: any). Empty: everyone may write.
        headers: names in lower case.

    Raises:
        UnauthenticatedError: no token, or an unknown one.
        ForbiddenError: the header names another project than the token's.
        ProjectNameError: the header's value is no project name.
    """
    named = headers.get(conventions.PROJECT_HEADER)
    project = checked_project(_decoded(named)) if named else None
    if not tokens:
        return project
    own = tokens[_known_token(tokens, headers.get("authorization", ""))]
    if own is not None and project not in (None, own):
        raise ForbiddenError(f"this token may not write to project {project!r}")
    return own or project


def _known_token(tokens: Mapping[str, str | None], authorization: str) -> str:
    scheme, _, sent = authorization.partition(" ")
    if scheme.lower() == "bearer":
        for token in tokens:
            if hmac.compare_digest(token.encode(), sent.strip().encode()):
                return token
    raise UnauthenticatedError("send a known token: Authorization: Bearer <token>")


def _decoded(header: str) -> str:
    # A header carries ASCII safely: names in other scripts come percent-encoded, or as UTF-8 bytes
    # that HTTP hands over as latin-1.
    try:
        return unquote(header.encode("latin-1").decode("utf-8"))
    except UnicodeError:
        return unquote(header)
