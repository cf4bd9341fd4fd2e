"""What the server is, and whether it is well."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import APIRouter, Response

from spanloom_collector.storage.connect import EngineUnavailableError
from spanloom_collector.storage.migrate import applied_checksums, packaged_migrations
from spanloom_query.routes.context import CurrentServer, Finding, Server

router = APIRouter(tags=["server"])

_READY, _NOT_READY = "ready", "not ready"
_DEGRADED = "degraded"  # requests are served, but something wants a look


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
    findings = [_found(name, ask, server) for name, ask in _QUESTIONS.items()] + [*server.look()]
    status = _status(findings)
    response.status_code = 503 if status == _NOT_READY else 200
    return Readiness(status, [Check(found.name, found.ok, found.detail) for found in findings])


def _status(findings: Sequence[Finding]) -> str:
    if not all(found.ok for found in findings if found.is_vital):
        return _NOT_READY
    return _READY if all(found.ok for found in findings) else _DEGRADED


def _engine_answers(server: Server) -> str:
    with server.engine.reader() as client:
        (row,) = client.query("SELECT version()").result_rows
    return f"ClickHouse {row[0]}"


def _schema_is_current(server: Server) -> str:
    with server.engine.reader() as client:
        applied = applied_checksums(client)
    packaged = {migration.version: migration.checksum for migration in packaged_migrations()}
    differing = sorted(version for version, _ in set(applied.items()) ^ set(packaged.items()))
    if differing:
        raise EngineUnavailableError(
            f"migrations {differing} differ between the database and this version of Spanloom: "
            "restart this server, or upgrade it"
        )
    return f"{len(packaged)} applied"


_QUESTIONS: dict[str, Callable[[Server], str]] = {
    "engine": _engine_answers,
    "migrations": _schema_is_current,
}


def _found(name: str, ask: Callable[[Server], str], server: Server) -> Finding:
    try:
        return Finding(name, True, ask(server))
    except (ClickHouseError, EngineUnavailableError, OSError) as error:
        return Finding(name, False, str(error))
