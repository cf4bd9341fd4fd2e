"""The one shape of errors: problem details (RFC 9457)."""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

_LOG = logging.getLogger(__name__)
_MEDIA_TYPE = "application/problem+json"
_TITLES = {
    400: "Bad request",
    401: "Token needed",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    413: "Too large",
    422: "Bad parameters",
    500: "Internal error",
    503: "Try again later",
}


class FieldFault(BaseModel):
    """What is wrong with one parameter."""

    field: str
    message: str


class Problem(BaseModel):
    """What every error looks like. ``position`` and ``length`` point into a faulty filter."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FieldFault] | None = None
    position: int | None = None
    length: int | None = None
    suggestions: list[str] | None = None


class ProblemError(Exception):
    """An error that the caller should see.

    Args:
        status: HTTP status.
        detail: what was wrong, where, and what would be right.
        members: further members of :class:`Problem`.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        members: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.members = members or {}
        self.headers = headers or {}


@contextmanager
def told_as(status: int, *errors: type[Exception]) -> Iterator[None]:
    """Tell errors of these types, in their own words, as a problem with this status."""
    try:
        yield
    except errors as error:
        raise ProblemError(status, str(error)) from error


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(Exception, _on_unexpected)


def problem_response(
    status: int,
    detail: str,
    members: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """The answer for one problem."""
    problem = Problem(
        title=_TITLES.get(status, "Error"),
        status=status,
        detail=detail,
        request_id=uuid.uuid4().hex,
    )
    return JSONResponse(
        problem.model_dump() | (members or {}),
        status_code=status,
        headers=headers,
        media_type=_MEDIA_TYPE,
    )


def _on_problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    return problem_response(error.status, error.detail, error.members, error.headers)


def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = str(error.detail)
    if error.status_code == 404:
        detail = f"nothing is at {request.url.path}; the API is described at /api/docs"
    return problem_response(error.status_code, detail, headers=dict(error.headers or {}))


def _on_validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"field": ".".join(str(part) for part in fault["loc"][1:]), "message": fault["msg"]}
        for fault in error.errors()
    ]
    detail = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
    return problem_response(422, detail, {"errors": faults})


def _on_unexpected(request: Request, error: Exception) -> JSONResponse:
    response = problem_response(500, "something failed in the server; its log has the details")
    _LOG.error("request failed: %s %s", request.method, request.url.path, exc_info=error)
    return response
