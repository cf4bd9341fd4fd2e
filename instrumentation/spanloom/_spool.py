"""Encoded spans on disk, for as long as their server is away.

A folder holds a folder for each server, and that the *segments* of the processes that could not
reach it. A segment belongs to whoever holds the lock on it: its process while that lives, then the
first one that takes it over. So nobody reads what another still writes, nobody delivers what
another delivers, and a lock dies with its process. A segment goes when all of it has arrived;
delivered twice, as after a crash in between, a span still shows once.

A segment begins with a line of JSON that says where its spans go. Records follow: length,
checksum and count of spans, then a gzipped ExportTraceServiceRequest. The first record that is not
whole ends the segment, since a process may die while it writes. Not synced: a spool outlives its
process, not the machine's power.
"""

import hashlib
import json
import os
import secrets
import struct
import time
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from spanloom._otlp import Body
from spanloom._settings import Settings

try:
    import fcntl
except ImportError:  # pragma: no cover  # Windows has no such locks, and therefore no spool
    fcntl = None  # type: ignore[assignment]

FORMAT: Final = 1
SUFFIX: Final = ".spool"
SEGMENT_MAX_BYTES: Final = 8 << 20
"""A larger segment is followed by another, so that delivered ones can go."""

_HEADER_MAX_BYTES: Final = 8 << 10
_UNFINISHED_SUFFIX: Final = ".new"
_UNFINISHED_MAX_AGE_S: Final = 3600.0
_FOUND_MAX_COUNT: Final = 32
_RECORD: Final = struct.Struct("<III")


class Destination(NamedTuple):
    """Where the spans of a segment go."""

    endpoint: str
    project: str


class Segment:
    """One file, locked by this process. ``open`` and ``create`` make it."""

    def __init__(self, path: Path, file: int, destination: Destination, start: int) -> None:
        self.path = path
        self.destination = destination
        self.is_own = False
        """Whether this process wrote it."""
        self._file = file
        self._read_until = start
        self._next_start = start
        self.size_bytes = os.fstat(file).st_size

    @classmethod
    def create(cls, folder: Path, destination: Destination) -> "Segment":
        """Make an empty one.

        Raises:
            OSError: the folder cannot be written.
        """
        name = f"{time.time_ns():020}-{os.getpid()}-{secrets.token_hex(4)}"
        unfinished = folder / f"{name}{_UNFINISHED_SUFFIX}"
        file = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            header = _header(destination)
            _write(file, header)
            # Only now can others see it: locked, and with its header.
            path = unfinished.rename(folder / f"{name}{SUFFIX}")
        except OSError:
            os.close(file)
            unfinished.unlink(missing_ok=True)
            raise
        made = cls(path, file, destination, len(header))
        made.is_own = True
        return made

    @classmethod
    def open(cls, path: Path) -> "Segment | None":
        """Take over one that no process holds; None when that is not possible."""
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = _read_header(os.pread(file, _HEADER_MAX_BYTES, 0))
            if found is not None and os.fstat(file).st_nlink:
                return cls(path, file, *found)
        except OSError:
            pass
        os.close(file)
        return None

    def append(self, body: Body) -> None:
        """Write a record.

        Raises:
            OSError: it does not fit on the disk; nothing of it is left behind.
        """
        content = body.gzipped().content
        head = _RECORD.pack(len(content), zlib.crc32(content), body.span_count)
        try:
            os.lseek(self._file, self.size_bytes, os.SEEK_SET)
            _write(self._file, head + content)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self.size_bytes)
            raise
        self.size_bytes += len(head) + len(content)

    def peek(self) -> Body | None:
        """Return the oldest record that is not done; None at the end, or where it is torn."""
        try:
            head = os.pread(self._file, _RECORD.size, self._read_until)
            if len(head) < _RECORD.size:
                return None
            size_bytes, checksum, span_count = _RECORD.unpack(head)
            if self._read_until + _RECORD.size + size_bytes > self.size_bytes:
                return None
            content = os.pread(self._file, size_bytes, self._read_until + _RECORD.size)
        except OSError:
            return None
        if zlib.crc32(content) != checksum:
            return None
        self._next_start = self._read_until + _RECORD.size + size_bytes
        return Body(content, span_count, is_gzipped=True, project=self.destination.project)

    def advance(self) -> None:
        """Go on to the record behind the one that ``peek`` has returned."""
        self._read_until = self._next_start

    def remove(self) -> None:
        """Delete the file."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Leave the file to others."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class Spool:
    """The segments of one server, as one process sees them: its own, and those left by others.

    Not thread-safe. Every method does without the disk when that fails.
    """

    def __init__(self, folder: Path, max_bytes: int, destination: Destination) -> None:
        self._folder = folder
        self._max_bytes = max_bytes if fcntl is not None else 0
        self._destination = destination
        self._own: deque[Segment] = deque()
        self._found: deque[Segment] = deque()
        self._left: set[Path] = set()
        self._others_bytes = 0
        self.fault = ""
        """Why something could not be written last; empty: it could."""

    @property
    def folder(self) -> Path:
        """Where this server's segments are."""
        return self._folder

    @property
    def is_on(self) -> bool:
        """Whether anything may be written at all."""
        return self._max_bytes > 0

    def append(self, body: Body) -> bool:
        """Put a body on disk; False when there is no room or no disk."""
        if not self._max_bytes:
            return False
        try:
            body = body.gzipped()
            segment = self._segment(len(body.content))
            if segment is None:
                return False
            segment.append(body)
        except OSError as error:
            self.fault = f"{error.strerror or error} in {self._folder}"
            return False
        self.fault = ""
        return True

    def _segment(self, size_bytes: int) -> Segment | None:
        own_bytes = sum(segment.size_bytes for segment in self._own)
        last = self._own[-1] if self._own else None
        if last is None or last.size_bytes >= SEGMENT_MAX_BYTES:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._others_bytes = max(0, _size_bytes(self._folder) - own_bytes)
            last = None
        if self._others_bytes + own_bytes + size_bytes > self._max_bytes:
            self.fault = f"{self._folder} holds {self._max_bytes >> 20} MB already"
            return None
        if last is None:
            last = Segment.create(self._folder, self._destination)
            self._own.append(last)
        return last

    def has_own(self) -> bool:
        """Whether something that this process wrote waits for delivery."""
        return bool(self._own)

    def next_own(self) -> Body | None:
        """Return the oldest record of this process."""
        return _peek(self._own)

    def next_found(self) -> Body | None:
        """Return the oldest record that other processes left."""
        return _peek(self._found)

    def done(self, *, was_own: bool) -> None:
        """Go on behind the record returned last; a segment without further ones is deleted."""
        (self._own if was_own else self._found)[0].advance()

    def leave_found(self) -> None:
        """Do without a segment of others: the server refuses it."""
        segment = self._found.popleft()
        self._left.add(segment.path)
        segment.close()

    def look_for_others(self) -> bool:
        """Take over some of what processes that have ended left for this server, if anything."""
        for path in segment_paths(self._folder) if self._max_bytes else ():
            if len(self._found) >= _FOUND_MAX_COUNT:
                break
            if path not in self._left and (segment := Segment.open(path)) is not None:
                self._found.append(segment)
        return bool(self._found)

    def close(self) -> None:
        """Leave everything to other processes."""
        for segment in (*self._own, *self._found):
            if segment.peek() is None:
                segment.remove()
            segment.close()
        self._own.clear()
        self._found.clear()

    def forget(self) -> None:
        """Drop what a fork brought along: it is the parent's."""
        for segment in (*self._own, *self._found):
            segment.close()
        self._own.clear()
        self._found.clear()


def spool_dir(settings: Settings, environment: Mapping[str, str]) -> Path:
    """Return the folder of all servers' spools: of the settings, else in the user's state.

    Raises:
        RuntimeError: it would be in the home of a user who has none.
    """
    if settings.spool_dir:
        return Path(settings.spool_dir).expanduser()
    state = environment.get("XDG_STATE_HOME")
    if state:
        return Path(state) / "spanloom" / "spool"
    return Path("~/.local/state/spanloom/spool").expanduser()


def open_spool(settings: Settings) -> Spool:
    """Return the spool that the settings name; makes no folder before something is written."""
    destination = Destination(settings.endpoint, settings.project)
    name = hashlib.sha256(settings.endpoint.encode()).hexdigest()[:16]
    try:
        folder = spool_dir(settings, os.environ) / name
    except RuntimeError:
        return Spool(Path(os.devnull), 0, destination)
    return Spool(folder, settings.spool_max_bytes, destination)


def segment_paths(folder: Path) -> Iterator[Path]:
    """Yield the segments in a server's folder, the oldest first; clears failed beginnings away."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return
    for path in paths:
        if path.suffix == SUFFIX:
            yield path
        elif path.suffix == _UNFINISHED_SUFFIX:
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _UNFINISHED_MAX_AGE_S:
                    path.unlink()


def _peek(segments: deque[Segment]) -> Body | None:
    while segments:
        body = segments[0].peek()
        if body is not None:
            return body
        segments.popleft().remove()
    return None


def _size_bytes(folder: Path) -> int:
    total_bytes = 0
    for path in segment_paths(folder):
        with suppress(OSError):
            total_bytes += path.stat().st_size
    return total_bytes


def _header(destination: Destination) -> bytes:
    return json.dumps({"spanloom": FORMAT, **destination._asdict()}).encode() + b"\n"


def _read_header(start: bytes) -> tuple[Destination, int] | None:
    line, end, _ = start.partition(b"\n")
    try:
        header = json.loads(line)
        if end and header["spanloom"] == FORMAT:
            destination = Destination(str(header["endpoint"]), str(header["project"]))
            return destination, len(line) + 1
    except (KeyError, TypeError, ValueError):
        pass
    return None


def _write(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
