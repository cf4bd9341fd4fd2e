"""Large or binary content beside the table, one file each, found by its digest.

The contract of :meth:`BlobWriter.commit`: when it returns, the content is on disk under its digest,
whole, and survives a crash. Until then nobody sees any of it.

Content is kept apart by project, although equal content has the same digest: a token of one project
must not read what another has stored, nor find out that it is there.
"""

import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

DIGEST_PREFIX = "sha256:"
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_HEAD_BYTES = 4096
_INCOMING = "incoming"
_ABANDONED_AFTER_S = 3600


class BlobError(Exception):
    """Content that cannot be taken; the text says why."""


class DigestMismatchError(BlobError):
    """The content is not what its digest says."""


class BlobTooLargeError(BlobError):
    """The content exceeds the limit."""


class Blob(NamedTuple):
    """Stored content."""

    path: Path
    size_bytes: int

    def head(self) -> bytes:
        """The first few kilobytes, by which one tells what it is."""
        with self.path.open("rb") as file:
            return file.read(_HEAD_BYTES)


def parsed_digest(text: str) -> str | None:
    """The 64 hex digits of ``sha256:<digits>``, with or without the prefix; None if it is none."""
    match = _DIGEST.fullmatch(text.lower())
    return match[1] if match else None


class BlobStore:
    """A folder of content.

    Args:
        folder: where; made when something is first stored.
        max_bytes: largest content that is taken.

    Example:
        >>> store = BlobStore(Path("spanloom-data/blobs"))  # doctest: +SKIP
        >>> with store.writer("project", digest) as writer:  # doctest: +SKIP
        ...     writer.write(b"...")
        ...     writer.commit()
    """

    def __init__(self, folder: Path, max_bytes: int = 64 * 1024**2) -> None:
        self._folder = folder
        self.max_bytes = max_bytes

    def find(self, project: str, digest: str) -> Blob | None:
        """Stored content, or None.

        Args:
            project: whose.
            digest: 64 lower-case hex digits.
        """
        path = self._path(project, digest)
        try:
            return Blob(path, path.stat().st_size)
        except FileNotFoundError:
            return None

    @contextmanager
    def writer(self, project: str, digest: str) -> Iterator["BlobWriter"]:
        """Take content in parts; what is not committed leaves no trace.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        incoming = self._folder / _INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        part = incoming / uuid.uuid4().hex
        with part.open("xb") as file:
            try:
                yield BlobWriter(file, part, self._path(project, digest), digest, self.max_bytes)
            finally:
                part.unlink(missing_ok=True)

    def clear_incoming(self) -> None:
        """Remove what an earlier process began to take and never finished.

        What was written to lately may be on its way into another process.
        """
        for part in (self._folder / _INCOMING).glob("*"):
            with suppress(OSError):
                if time.time() - part.stat().st_mtime > _ABANDONED_AFTER_S:
                    part.unlink()

    def _path(self, project: str, digest: str) -> Path:
        # A project may have any name, a folder may not.
        owner = hashlib.sha256(project.encode()).hexdigest()[:32]
        return self._folder / owner / digest[:2] / digest[2:]


class BlobWriter:
    """One content on its way in."""

    def __init__(self, file: BinaryIO, part: Path, path: Path, digest: str, max_bytes: int) -> None:
        self._file = file
        self._part = part
        self._path = path
        self._digest = digest
        self._max_bytes = max_bytes
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0

    def write(self, content: bytes) -> None:
        """Append.

        Raises:
            BlobTooLargeError: it is more than the store takes.
            OSError: the disk is full or cannot be written.
        """
        self.size_bytes += len(content)
        if self.size_bytes > self._max_bytes:
            raise BlobTooLargeError(f"the content exceeds {self._max_bytes} bytes")
        self._sha256.update(content)
        self._file.write(content)

    def commit(self) -> None:
        """Make what was written durable, under its digest.

        Raises:
            DigestMismatchError: it has another digest.
            OSError: the disk is full or cannot be written.
        """
        found = self._sha256.hexdigest()
        if found != self._digest:
            raise DigestMismatchError(
                f"the content's digest is {DIGEST_PREFIX}{found}, not {DIGEST_PREFIX}{self._digest}"
            )
        self._file.flush()
        os.fsync(self._file.fileno())
        folder = self._path.parent
        folder.mkdir(parents=True, exist_ok=True)
        self._part.replace(self._path)
        # The name is only safe once the folder is, and so on for the folders just made.
        for made in (folder, folder.parent, folder.parent.parent):
            _sync_folder(made)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
