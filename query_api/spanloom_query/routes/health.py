"""Whether the process is well."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Response

from spanloom_query.routes.context import CurrentProcess, Finding

router = APIRouter(tags=["server"])

_READY, _NOT_READY = "ready", "not ready"
_DEGRADED = "degraded"  # requests are served, but something wants a look


@dataclass(frozen=True)
class Health:
    """The process answers."""

    status: str


@dataclass(frozen=True)
class Check:
    """One thing that must be well before requests can be served."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class Readiness:
    """Whether requests can be served, and if not, why."""

    status: str
    checks: list[Check]


@router.get("/healthz")
def healthz() -> Health:
    """Whether the process answers at all."""
    return Health("ok")


@router.get("/readyz")
def readyz(process: CurrentProcess, response: Response) -> Readiness:
    """Whether requests can be served; 503 when not."""
    findings = process.look()
    status = _status(findings)
    response.status_code = 503 if status == _NOT_READY else 200
    return Readiness(status, [Check(found.name, found.ok, found.detail) for found in findings])


def _status(findings: Sequence[Finding]) -> str:
    if not all(found.ok for found in findings if found.is_vital):
        return _NOT_READY
    return _READY if all(found.ok for found in findings) else _DEGRADED
