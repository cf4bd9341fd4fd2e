"""What kind of content some bytes are, told from how they begin."""

from typing import NamedTuple

_OCTETS = "application/octet-stream"


class MediaKind(NamedTuple):
    """A kind of content and whether a browser may show it."""

    media_type: str
    is_shown: bool
    """Images, sound, video and plain text; everything else is only ever saved."""


# Neither HTML nor SVG is among them: both may hold scripts.
_BEGINNINGS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypavif", "image/avif"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
)
_SAVED: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF-", "application/pdf"),
    (0, b"PAR1", "application/vnd.apache.parquet"),
    (0, b"PK\x03\x04", "application/zip"),
)


def media_kind(head: bytes) -> MediaKind:
    """The kind of content that begins with these bytes.

    Example:
        >>> media_kind(b"%PDF-1.7").media_type
        'application/pdf'
    """
    for offset, beginning, media_type in _BEGINNINGS:
        if head.startswith(beginning, offset):
            return MediaKind(media_type, is_shown=True)
    for offset, beginning, media_type in _SAVED:
        if head.startswith(beginning, offset):
            return MediaKind(media_type, is_shown=False)
    if _is_text(head):
        return MediaKind("text/plain; charset=utf-8", is_shown=True)
    return MediaKind(_OCTETS, is_shown=False)


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The last character may be cut in two where the head ends.
        return error.end == len(head) and len(head) - error.start < 4 and len(head) > 4
    return True
