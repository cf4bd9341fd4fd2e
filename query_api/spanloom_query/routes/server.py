"""What the server is, and how to reach it."""

from dataclasses import dataclass
from importlib.metadata import version

from fastapi import APIRouter

from spanloom_query.routes.context import CurrentServer

router = APIRouter(tags=["server"])


@dataclass(frozen=True)
class ServerInfo:
    """How to reach this server; what the page's snippets show."""

    version: str
    auth_required: bool
    endpoint: str
    otlp_http: str
    otlp_grpc: str


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
