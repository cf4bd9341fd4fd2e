"""Secrets, known by the key they stand under, replaced before anything leaves the process."""

import functools
import re
from collections.abc import Sequence
from typing import Any, Final

MASK: Final = "***"

SECRET_SUFFIXES: Final = (
    "access_key",
    "access_key_id",
    "access_token",
    "api_key",
    "api_token",
    "auth_headers",
    "auth_token",
    "authorization",
    "bearer_token",
    "connection_string",
    "cookie",
    "credential",
    "credentials",
    "encryption_key",
    "github_token",
    "hf_token",
    "id_token",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "refresh_token",
    "secret",
    "secret_key",
    "session_token",
    "signing_key",
)
"""A key is secret when it ends in one of these, whatever its case and separators."""

SECRET_KEYS: Final = ("pwd", "token")
"""A key is secret when it is one of these; an ``eos_token`` is none."""

_SEPARATORS: Final = str.maketrans("", "", "_- .")
_ASSIGNMENT: Final = re.compile(
    r"([A-Za-z_][\w\-]*)(['\"]?\s?[=:]\s?)"
    r"('[^']*'|\"[^\"]*\"|(?:(?:[Bb]earer|[Bb]asic) )?[^\s,;(){}\[\]'\"]+)"
)
_KNOWN_MAX_KEYS: Final = 10_000


class Redactor:
    """Finds and masks the values of secret keys."""

    def __init__(self, extra_keys: Sequence[str] = ()) -> None:
        self._suffixes = tuple(_bare(key) for key in (*SECRET_SUFFIXES, *extra_keys))
        self._known: dict[str, bool] = dict.fromkeys(SECRET_KEYS, True)

    def may_hold_secrets(self, json_text: str) -> bool:
        """Whether some key in compact JSON text is secret; fast, and rarely wrong in saying yes."""
        for key in {piece[piece.rfind('"') + 1 :] for piece in json_text.split('":')}:
            if self.is_secret(key):
                return True
        return False

    def is_secret(self, key: str) -> bool:
        """Whether the value under this key must not be recorded."""
        known = self._known.get(key)
        if known is None:
            bare = _bare(key)
            known = bare.endswith(self._suffixes) or bare in SECRET_KEYS
            if len(self._known) < _KNOWN_MAX_KEYS and len(key) <= 100:
                self._known[key] = known
        return known

    def masked(self, value: Any) -> Any:
        """Return plain JSON data with the values under secret keys masked, at any depth.

        Numbers, booleans and null stay: ``{"token": 12}`` counts tokens.
        """
        if isinstance(value, dict):
            return {
                key: MASK if _is_maskable(item) and self.is_secret(key) else self.masked(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.masked(item) for item in value]
        return value

    def masked_text(self, text: str) -> str:
        """Return free text, such as a repr, with ``key=value`` pairs of secret keys masked."""
        return _ASSIGNMENT.sub(self._masked_assignment, text)

    def _masked_assignment(self, match: re.Match[str]) -> str:
        if self.is_secret(match[1]):
            return f"{match[1]}{match[2]}'{MASK}'"
        return match[0]


@functools.lru_cache(maxsize=8)
def redactor(extra_keys: tuple[str, ...]) -> Redactor:
    """Return the redactor for the built-in and these keys."""
    return Redactor(extra_keys)


def _bare(key: str) -> str:
    return key.lower().translate(_SEPARATORS)


def _is_maskable(value: Any) -> bool:
    return isinstance(value, str | dict | list) and bool(value)
