"""What the server is, and whether it is well."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import APIRouter, Response

from spanloom_collector.storage.connect import EngineUnavailableError
from spanloom_query.routes.context import CurrentServer, Server

router = APIRouter(tags=["server"])


@dataclass(frozen=True)
class ServerInfo:
    """How to reach this server; what the page's snippets show."""

    version: str
    auth_required: bool
    endpoint: str
    otlp_http: str
    otlp_grpc: str


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


@router.get("/api/v1/server")
def server_info(server: CurrentServer) -> ServerInfo:
    """How to reach this server."""
    settings = server.settings
    return ServerInfo(
        version=version("spanloom"),
        auth_required=bool(settings.tokens),
        endpoint=settings.endpoint,
        otlp_http=settings.otlp_http,
        otlp_grpc=settings.otlp_grpc,
    )


@router.get("/healthz")
def healthz() -> Health:
    """Whether the process answers at all."""
    return Health("ok")


@router.get("/readyz")
def readyz(server: CurrentServer, response: Response) -> Readiness:
    """Whether requests can be served; 503 when not."""
    checks = [_checked(name, check, server) for name, check in _CHECKS.items()]
    ready = all(check.ok for check in checks)
    response.status_code = 200 if ready else 503
    return Readiness("ready" if ready else "not ready", checks)


def _engine_answers(server: Server) -> str:
    with server.engine.reader() as client:
        (row,) = client.query("SELECT version()").result_rows
    return f"ClickHouse {row[0]}"


_CHECKS: dict[str, Callable[[Server], str]] = {"engine": _engine_answers}


def _checked(name: str, check: Callable[[Server], str], server: Server) -> Check:
    try:
        return Check(name, True, check(server))
    except (ClickHouseError, EngineUnavailableError, OSError) as error:
        return Check(name, False, str(error))
