"""Who may read what: bearer tokens."""

import hmac
from collections.abc import Mapping

from spanloom_query.problems import ProblemError


def check_access(
    tokens: Mapping[str, str | None], authorization: str, project: str | None
) -> str | None:
    """Refuse a caller without a token, or with one for another project.

    Args:
        tokens: accepted tokens and the project of each (None: any). Empty: everyone may read.
        authorization: the header's value.
        project: what is to be read; None when the request names no project.

    Returns:
        The only project that the caller may see, or None for all.

    Raises:
        ProblemError: 401 or 403.
    """
    if not tokens:
        return None
    scheme, _, sent = authorization.partition(" ")
    if scheme.lower() == "bearer":
        for token, own in tokens.items():
            if hmac.compare_digest(token.encode(), sent.strip().encode()):
                return _own_project(own, project)
    raise ProblemError(
        401,
        "this server needs a token: send it as 'Authorization: Bearer <token>'",
        headers={"www-authenticate": "Bearer"},
    )


def _own_project(own: str | None, project: str | None) -> str | None:
    if own is not None and project not in (None, own):
        raise ProblemError(403, f"this token may not read project {project!r}")
    return own
