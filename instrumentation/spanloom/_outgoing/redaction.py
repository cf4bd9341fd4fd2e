"""Secrets, known by the key they stand under, replaced before anything leaves the process."""

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from spanloom._settings import Settings

MASK: Final = "***"
NOT_RECORDED: Final = '"<not recorded: its secrets could not be masked>"'
"""JSON text that stands for what could not be redacted."""

SECRET_SUFFIXES: Final = (
    "access_key",
    "access_key_id",
    "access_token",
    "api_key",
    "api_keys",
    "api_token",
    "auth_headers",
    "auth_token",
    "authorization",
    "bearer_token",
    "connection_string",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "encryption_key",
    "github_token",
    "hf_token",
    "id_token",
    "oauth_token",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "private_key",
    "refresh_token",
    "secret",
    "secret_key",
    "secrets",
    "security_token",
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
_KEY: Final = re.compile(r'"([^"]{1,100})":')
_NEXT_TOKEN: Final = re.compile(r'["{}\[\]]')
_EMPTY: Final = re.compile(r"\{\s*\}|\[\s*\]")
_SHORT_TEXT_CHARS: Final = 200
_KNOWN_MAX_KEYS: Final = 10_000


class Redactor:
    """Finds and masks the values of secret keys.

    Args:
        extra_keys: more endings that make a key secret.
        hook: given text after the keys are masked, returns what is recorded instead.
    """

    def __init__(
        self, extra_keys: Sequence[str] = (), hook: Callable[[str], str] | None = None
    ) -> None:
        self._suffixes = tuple(_bare(key) for key in (*SECRET_SUFFIXES, *extra_keys))
        self._hook = hook
        self._harmless: set[str] = set()
        """Keys as they stand in texts, with the backslashes of quoted JSON, known to be none."""

    def redacted(self, text: str) -> str:
        """Return JSON text, or any other, without the values under secret keys, at any depth.

        JSON that is quoted inside of strings is masked as well, however often it is quoted.
        Numbers, booleans and null stay: ``{"token": 12}`` counts tokens. Never raises: what
        cannot be redacted is replaced as a whole.

        Example:
            >>> Redactor().redacted('{"user":"ann","api_key":"sk-1"}')
            '{"user":"ann","api_key":"***"}'
        """
        try:
            secret_keys = self._secret_keys_in(text)
            if secret_keys:
                text = _masked(text, secret_keys)
            return text if self._hook is None else self._checked(self._hook(text))
        except Exception:  # noqa: BLE001  # better nothing than a secret
            return NOT_RECORDED

    def is_secret(self, key: str) -> bool:
        """Whether the value under this key must not be recorded."""
        bare = _bare(key)
        return bare.endswith(self._suffixes) or bare in SECRET_KEYS

    def masked_text(self, text: str) -> str:
        """Return free text, such as a repr, with ``key=value`` pairs of secret keys masked."""
        return _ASSIGNMENT.sub(self._masked_assignment, text)

    def _secret_keys_in(self, text: str) -> list[str]:
        keys: Iterable[str]
        if len(text) < _SHORT_TEXT_CHARS:
            keys = _KEY.findall(text)
        else:  # slower for little text, twice as fast for much
            keys = {piece[piece.rfind('"') + 1 :] for piece in text.split('":')}
        if self._harmless.issuperset(keys):
            return []
        unknown = set(keys) - self._harmless
        secret_keys = {key.rstrip("\\") for key in unknown if self.is_secret(key.rstrip("\\"))}
        if len(self._harmless) + len(unknown) > _KNOWN_MAX_KEYS:
            self._harmless = set()
        if len(unknown) <= _KNOWN_MAX_KEYS:
            self._harmless.update(
                key for key in unknown if len(key) <= 100 and key.rstrip("\\") not in secret_keys
            )
        return sorted(secret_keys)

    def _checked(self, redacted: object) -> str:
        return redacted if isinstance(redacted, str) else NOT_RECORDED

    def _masked_assignment(self, match: re.Match[str]) -> str:
        if self.is_secret(match[1]):
            return f"{match[1]}{match[2]}'{MASK}'"
        return match[0]


@functools.lru_cache(maxsize=8)
def redactor(
    extra_keys: tuple[str, ...] = (), hook: Callable[[str], str] | None = None
) -> Redactor:
    """Return the redactor for the built-in and these keys."""
    return Redactor(extra_keys, hook)


def redactor_of(settings: Settings) -> Redactor | None:
    """Return the redactor that the settings ask for, or None."""
    return redactor(settings.redact_keys, settings.redact_hook) if settings.redact else None


def _bare(key: str) -> str:
    return key.lower().translate(_SEPARATORS)


def _masked(text: str, secret_keys: Sequence[str]) -> str:
    # A key is followed by a quote behind as many backslashes as quoted JSON is deep: 0, 1, 3, …
    alternatives = "|".join(map(re.escape, secret_keys))
    found = re.compile(rf'"(?:{alternatives})(\\*)":\s*')
    pieces, copied_until = [], 0
    for match in found.finditer(text):
        if match.start() < copied_until:
            continue  # inside of what has just been masked
        start, end, replacement = _secret_at(text, match.end(), match[1])
        if end > start:
            pieces += [text[copied_until:start], replacement]
            copied_until = end
    return "".join([*pieces, text[copied_until:]])


class _Secret(NamedTuple):
    start: int
    end: int
    replacement: str


def _secret_at(text: str, start: int, escape: str) -> _Secret:
    quote = f'{escape}"'
    if text.startswith(quote, start):
        start += len(quote)
        return _Secret(start, _string_end(text, start, len(escape)), MASK)
    if text[start : start + 1] in ("{", "[") and not _EMPTY.match(text, start):
        return _Secret(start, _container_end(text, start, len(escape)), f"{quote}{MASK}{quote}")
    return _Secret(start, start, "")


def _string_end(text: str, start: int, escape_count: int) -> int:
    """Where a string's content ends: at its quote, at that of a string around it, or nowhere."""
    position = start
    while (quote := text.find('"', position)) >= 0:
        run = _backslashes_before(text, quote)
        for level in _levels(escape_count):
            # Backslashes of the content come in multiples, on top of those that quoting adds.
            if run % (2 * level + 2) == level:
                return quote - level
        position = quote + 1
    return len(text)


def _backslashes_before(text: str, position: int) -> int:
    first = position
    while first > 0 and text[first - 1] == "\\":
        first -= 1
    return position - first


def _levels(escape_count: int) -> list[int]:
    levels = [0]
    while levels[-1] < escape_count:
        levels.append(min(2 * levels[-1] + 1, escape_count))
    return levels


def _container_end(text: str, start: int, escape_count: int) -> int:
    position, depth = start, 0
    while token := _NEXT_TOKEN.search(text, position):
        position = token.end()
        if token[0] == '"':
            run = _backslashes_before(text, token.start())
            if run < escape_count:
                return token.start() - run  # the string around it ends before the container does
            position = _string_end(text, position, escape_count) + escape_count + 1
        elif token[0] in "{[":
            depth += 1
        elif depth == 1:
            return position
        else:
            depth -= 1
    return len(text)
