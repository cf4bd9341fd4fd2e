"""Settings of the query API: one documented field each, read once at the edge."""

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_PORT = 4319


@dataclass(frozen=True)
class QuerySettings:
    """How the API and the page are served."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = DEFAULT_PORT
    """Port of the page, the API and ``/v1/traces``; 0 picks a free one."""

    endpoint: str = ""
    """URL of this server as its users see it; what the page's snippets show."""

    otlp_http: str = ""
    """URL of the port for OTLP/HTTP."""

    otlp_grpc: str = ""
    """host:port of OTLP/gRPC."""

    tokens: Mapping[str, str | None] = field(default_factory=dict)
    """Accepted bearer tokens, each with the project it may read (None: any). Empty: no check."""
