"""Content is stored whole and under its digest, or not at all."""

import hashlib
import os
from pathlib import Path

import pytest

from spanloom_collector.storage.blobs import (
    BlobStore,
    BlobTooLargeError,
    DigestMismatchError,
    parsed_digest,
)

CONTENT = b"content"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def store_content(store: BlobStore, project: str = "p", content: bytes = CONTENT) -> None:
    with store.writer(project, DIGEST) as writer:
        for byte in content:
            writer.write(bytes([byte]))
        writer.commit()


def test_content_is_found_by_project_and_digest(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    store_content(store)

    found = store.find("p", DIGEST)

    assert found is not None
    assert (found.head(), found.size_bytes) == (CONTENT, len(CONTENT))
    assert store.find("other", DIGEST) is None
    assert found.path.relative_to(tmp_path).parts[1:] == (DIGEST[:2], DIGEST[2:])


def test_content_that_is_stored_twice_takes_one_file(tmp_path: Path) -> None:
    for _ in range(2):
        store_content(BlobStore(tmp_path))

    assert len(files(tmp_path)) == 1


def test_what_is_not_committed_leaves_no_trace(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, max_bytes=10)

    with store.writer("p", DIGEST) as writer:
        writer.write(CONTENT)
    with pytest.raises(DigestMismatchError, match="digest is sha256:"):
        store_content(store, content=b"other")
    with pytest.raises(BlobTooLargeError, match="10 bytes"):
        store_content(store, content=b"more than ten")

    assert files(tmp_path) == []


def test_what_a_killed_process_left_half_is_cleared_away(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    store_content(store)
    half, recent = tmp_path / "incoming" / "half", tmp_path / "incoming" / "recent"
    for part in (half, recent):
        part.write_bytes(b"con")
    os.utime(half, (0, 0))

    store.clear_incoming()

    assert not half.exists()
    assert recent.exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DIGEST, DIGEST),
        (f"sha256:{DIGEST}", DIGEST),
        (f"SHA256:{DIGEST.upper()}", DIGEST),
        (f"{DIGEST}\n", None),
        (DIGEST[1:], None),
        (f"md5:{DIGEST}", None),
        ("../../etc/passwd", None),
    ],
)
def test_a_digest_is_64_hex_digits_and_nothing_else(text: str, expected: str | None) -> None:
    assert parsed_digest(text) == expected
