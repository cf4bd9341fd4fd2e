"""Tokens and the project header."""

import pytest

from spanloom_collector.pipeline.projects import ProjectNameError, checked_project
from spanloom_collector.receivers.access import (
    ForbiddenError,
    UnauthenticatedError,
    granted_project,
)

_TOKENS = {"any": None, "own": "mine"}


@pytest.mark.parametrize(
    ("headers", "project"),
    [
        ({}, None),
        ({"x-spanloom-project": "a/b"}, "a/b"),
        ({"x-spanloom-project": "é".encode().decode("latin-1")}, "é"),
        ({"x-spanloom-project": "\xe9"}, "é"),
        ({"x-spanloom-project": "%ED%8C%80/app"}, "팀/app"),
        ({"x-spanloom-project": "a%2Fb"}, "a/b"),
        ({"x-spanloom-project": "100%"}, "100%"),
    ],
)
def test_without_tokens_the_header_names_the_project(
    headers: dict[str, str], project: str | None
) -> None:
    assert granted_project({}, headers) == project


@pytest.mark.parametrize(
    ("token", "named", "project"),
    [("any", None, None), ("any", "x", "x"), ("own", None, "mine"), ("own", "mine", "mine")],
)
def test_a_token_names_its_project(token: str, named: str | None, project: str | None) -> None:
    headers = {"authorization": f"Bearer {token}"}
    if named:
        headers["x-spanloom-project"] = named

    assert granted_project(_TOKENS, headers) == project


def test_a_token_writes_to_no_other_project() -> None:
    headers = {"authorization": "bearer own", "x-spanloom-project": "theirs"}

    with pytest.raises(ForbiddenError, match="theirs"):
        granted_project(_TOKENS, headers)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer nope", "Basic any", "any"])
def test_an_unknown_token_is_refused(authorization: str) -> None:
    with pytest.raises(UnauthenticatedError):
        granted_project(_TOKENS, {"authorization": authorization})


@pytest.mark.parametrize("name", ["", "  ", "/", "a/", "/a", "a//b", "a/b/c", "a\tb", "x" * 257])
def test_a_name_that_cannot_be_kept_is_refused(name: str) -> None:
    with pytest.raises(ProjectNameError):
        checked_project(name)
