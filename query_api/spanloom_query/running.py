"""A server that may be running, asked over HTTP how it is."""

import json
import urllib.error
import urllib.request
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_S = 5


class Reply(NamedTuple):
    """An answer of any status."""

    status: int
    text: str
    date: datetime | None


class ServerInformation(NamedTuple):
    """What a server says of itself."""

    version: str
    ports: frozenset[int]
    """On which it listens."""


class RunningServerClient:
    """Asks one server.

    Args:
        endpoint: its address.
        token: sent with every request, if there is one.
    """

    def __init__(self, endpoint: str, token: str | None = None) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def ask(self, path: str) -> Reply | None:
        """Get a path; None when nothing answers there."""
        try:
            request = urllib.request.Request(f"{self.endpoint}{path}", headers=self._headers)
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                return _reply(answer.status, answer)
        except urllib.error.HTTPError as error:
            with error:
                return _reply(error.code, error)
        except (OSError, ValueError):
            return None

    def information(self) -> ServerInformation | None:
        """What the Spanloom server that answers there says of itself, or None."""
        found = _parsed(self.ask("/api/v1/server"))
        try:
            addresses = (found["endpoint"], found["otlp_grpc"], found["otlp_http"])
            ports = frozenset(int(address.rpartition(":")[2]) for address in addresses)
            return ServerInformation(found["version"], ports)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None  # something else answers

    def readiness(self) -> dict[str, Any] | None:
        """What ``/readyz`` says."""
        answer = _parsed(self.ask("/readyz"))
        return answer if isinstance(answer, dict) and "checks" in answer else None

    def metrics(self) -> dict[str, float] | None:
        """The metrics that have no labels, by name."""
        reply = self.ask("/metrics")
        if reply is None or reply.status != 200:
            return None
        families = text_string_to_metric_families(reply.text)
        samples = (sample for family in families for sample in family.samples)
        return {sample.name: sample.value for sample in samples if not sample.labels}


def _reply(status: int, answer: Any) -> Reply:
    try:
        date = parsedate_to_datetime(answer.headers["date"])
    except (TypeError, ValueError):
        date = None
    return Reply(status, answer.read().decode("utf-8", "replace"), date)


def _parsed(reply: Reply | None) -> Any:
    try:
        return json.loads(reply.text) if reply else None
    except ValueError:
        return None
