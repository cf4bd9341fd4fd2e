"""Settings of the collector: one documented field each, read once at the edge."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_OTLP_GRPC_PORT = 4317
DEFAULT_OTLP_HTTP_PORT = 4318
DEFAULT_JOURNAL_QUOTA_BYTES = 10 * 1024**3


@dataclass(frozen=True)
class StorageSettings:
    """Where spans are kept."""

    data_dir: Path
    """Folder of the embedded engine; exactly one process may own it."""

    clickhouse_url: str | None = None
    """A ClickHouse server (``http://user:password@host:8123/database``) instead of the folder."""

    cluster: str | None = None
    """Name of a ClickHouse cluster: tables become replicated ones, created ON CLUSTER."""

    reader_limit: int = 8
    """How many queries may read at the same time."""

    query_timeout_s: int = 30
    """A query that takes longer is cancelled."""

    query_memory_bytes: int = 4 * 1024**3
    """A query that needs more memory is refused."""


@dataclass(frozen=True)
class CollectorSettings:
    """How spans are received."""

    journal_dir: Path
    """Folder in which accepted requests are kept until the engine has them."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    otlp_grpc_port: int = DEFAULT_OTLP_GRPC_PORT
    """Port of OTLP/gRPC; 0 picks a free one."""

    otlp_http_port: int = DEFAULT_OTLP_HTTP_PORT
    """Port of OTLP/HTTP; 0 picks a free one."""

    shares_ports: bool = False
    """Whether other processes may listen on the same ports; the kernel spreads connections."""

    max_request_bytes: int = 64 * 1024**2
    """Largest request body, before and after decompression."""

    max_in_flight_bytes: int = 256 * 1024**2
    """Bytes of requests being answered; beyond them clients are asked to retry."""

    journal_quota_bytes: int = DEFAULT_JOURNAL_QUOTA_BYTES
    """Disk that accepted requests may take while the engine is away or behind."""

    body_timeout_s: float = 30.0
    """How long a client may take to send one request; exporters give up after ten seconds."""

    durable_timeout_s: float = 30.0
    """How long a request may wait for the disk before the client is asked to retry."""

    drain_timeout_s: float = 10.0
    """How long a stop waits for requests that are being answered."""

    cors_origins: tuple[str, ...] = ()
    """Origins of web pages that may send spans from a browser; ``*`` is every page."""

    otlp_path_prefix: str = ""
    """A path before ``/v1/traces`` that a proxy leaves in, such as ``/otlp``; without it, too."""

    tokens: Mapping[str, str | None] = field(default_factory=dict)
    """Accepted bearer tokens, each with the project it writes to (None: any). Empty: no check."""

    @property
    def log_journal_dir(self) -> Path:
        """Folder of the log records among the accepted requests."""
        return log_journal_dir(self.journal_dir)


def log_journal_dir(journal_dir: Path) -> Path:
    """Where log records wait, given where spans do."""
    return journal_dir / "logs"
