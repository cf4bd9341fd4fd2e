"""Which web pages may send spans: the headers that browsers ask for (Fetch, section "CORS")."""

from collections.abc import Mapping

Headers = tuple[tuple[bytes, bytes], ...]

_ANY_ORIGIN = "*"
_PREFLIGHT_MAX_AGE_S = 7200


class CrossOrigin:
    """Answers for pages of the origins that were configured; without any, for none."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origins)

    def allowed(self, headers: Mapping[str, str]) -> Headers:
        """Headers of an answer; none when the page's origin may not see it."""
        origin = headers.get("origin")
        if origin is None or not self._origins & {origin, _ANY_ORIGIN}:
            return ()
        return (
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", b"retry-after"),
            (b"vary", b"origin"),
        )

    def preflight(self, headers: Mapping[str, str]) -> Headers:
        """Headers of the answer to a page's question whether it may send; none when it may not."""
        allowed = self.allowed(headers)
        if not allowed or "access-control-request-method" not in headers:
            return ()
        # An exporter's headers are its user's choice, so what is asked for is what is allowed.
        wanted = headers.get("access-control-request-headers", "")
        return (
            *allowed,
            (b"access-control-allow-methods", b"POST"),
            (b"access-control-allow-headers", wanted.encode("latin-1")),
            (b"access-control-max-age", str(_PREFLIGHT_MAX_AGE_S).encode()),
        )
