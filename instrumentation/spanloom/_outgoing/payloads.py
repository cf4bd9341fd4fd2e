"""What the delivery thread does with recorded text before it leaves the process."""

import binascii
import re
from typing import Any, Final

import msgspec

from spanloom._outgoing.blobs import Content, Outbox
from spanloom._outgoing.redaction import redactor_of
from spanloom._settings import Settings
from spanloom.conventions import BLOB_TYPE, TYPE_KEY

INLINE_MAX_CHARS: Final = 4096
"""A longer string is looked at: base64 of an image or sound becomes a blob."""
UNKNOWN_INLINE_MAX_CHARS: Final = 64 << 10
"""So does a longer one of base64 that nobody knows the meaning of."""

_BASE64: Final = re.compile(r"(?:data:([\w.+-]+/[\w.+-]+)[\w;=.-]*;base64,)?([A-Za-z0-9+/]+={0,2})")
_BEGINNINGS: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (0, b"%PDF-", "application/pdf"),
)


class Payloads:
    """Finishes the payloads of spans, be they of ops or of other libraries.

    The work is done in the delivery thread, so that it costs the app's own threads nothing.

    Args:
        settings: whether and how to redact.
        outbox: where large content goes; None: it stays where it is.
    """

    def __init__(self, settings: Settings, outbox: Outbox | None = None) -> None:
        self._redactor = redactor_of(settings)
        self._outbox = outbox

    def finished(self, text: str) -> str:
        """Return what is sent for an input, an output or another text; never raises.

        Secrets are masked, then what is base64 of something large is taken out, and references to
        content get its digest.
        """
        if self._redactor is not None:
            text = self._redactor.redacted(text)
        if self._outbox is None:
            return text
        if len(text) > INLINE_MAX_CHARS:
            text = _without_base64(text, self._outbox)
        if self._outbox.holds_tokens(text):
            text = self._outbox.token_pattern.sub(self._resolved, text)
        return text

    def _resolved(self, match: re.Match[str]) -> str:
        assert self._outbox is not None
        members = msgspec.json.encode(self._outbox.facts(match[2])).decode()[1:-1]
        return members.replace('"', f'{match[1]}"')


def media_type_of(data: bytes) -> str | None:
    """Return what kind of image, sound or document bytes are; None when that is not known."""
    for offset, beginning, media_type in _BEGINNINGS:
        if data.startswith(beginning, offset):
            return media_type
    return None


def _without_base64(text: str, outbox: Outbox) -> str:
    pieces, copied_until, position = [], 0, 0
    while position < len(text):
        # A stretch without any quote belongs to one long string, which this finds in long leaps.
        quote = text.rfind('"', position, position + INLINE_MAX_CHARS)
        if quote >= 0:
            position = quote + 1
            continue
        start, end = text.rfind('"', 0, position) + 1, text.find('"', position)
        if end < 0:
            break
        reference = _reference(text[start:end], outbox)
        if reference is not None and text[end + 1 : end + 2] != ":":
            pieces += [text[copied_until : start - 1], reference]
            copied_until = end + 1
        position = end + 1
    return "".join([*pieces, text[copied_until:]]) if pieces else text


def _reference(text: str, outbox: Outbox) -> str | None:
    match = _BASE64.fullmatch(text)
    if match is None:
        return None
    try:
        data = binascii.a2b_base64(match[2])
    except binascii.Error:
        return None
    media_type = media_type_of(data) or match[1]
    if media_type is None and len(text) <= UNKNOWN_INLINE_MAX_CHARS:
        return None
    facts = outbox.put(Content(data, media_type or "application/octet-stream"))
    return msgspec.json.encode(reference(facts)).decode()


def reference(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what stands for content in a payload."""
    return {TYPE_KEY: BLOB_TYPE, **facts}
