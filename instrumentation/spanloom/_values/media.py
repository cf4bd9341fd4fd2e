"""Large or binary values as content beside the span: copied now, made into a file later."""

import io
import sys
from collections.abc import Callable
from typing import Any, Final

from spanloom._client import state
from spanloom._outgoing.blobs import Content
from spanloom._outgoing.payloads import media_type_of, reference

COPY_MAX_BYTES: Final = 8 << 20
"""What may change is copied in the app's own thread; a larger one is only described."""
TEXT_MIN_CHARS: Final = 64 << 10
"""A shorter text is cut where it does not fit, not taken out."""
BYTES_MIN_COUNT: Final = 4096
PREVIEW_CHARS: Final = 2000

NPY_MEDIA_TYPE: Final = "application/x-npy"
PARQUET_MEDIA_TYPE: Final = "application/vnd.apache.parquet"


def apart(facts: dict[str, Any], make: Callable[[], Content], weight_bytes: int) -> dict[str, Any]:
    """Offer content and return the reference to it; the facts alone where it cannot go anywhere.

    Args:
        facts: what is known of the value.
        make: makes the content in a background thread, of what the app cannot change.
        weight_bytes: how much memory that holds.
    """
    client = state.client
    if client is None or client.outbox is None:
        return facts
    return reference({**client.outbox.offer(make, weight_bytes), **facts})


def has_outbox() -> bool:
    """Whether content has somewhere to go."""
    return state.client is not None and state.client.outbox is not None


def text_apart(text: str) -> dict[str, Any]:
    """Return the reference to a long text, with its beginning."""
    settings = state.client.settings if state.client is not None else None

    def make() -> Content:
        from spanloom._outgoing.redaction import redactor_of

        redactor = redactor_of(settings) if settings is not None else None
        shown = text if redactor is None else redactor.redacted(text)
        return Content(shown.encode("utf-8", "backslashreplace"), "text/plain; charset=utf-8")

    facts = {"type": "str", "length": len(text), "preview": text[:PREVIEW_CHARS]}
    return apart(facts, make, len(text))


def bytes_apart(content: bytes | bytearray) -> dict[str, Any]:
    """Return the reference to bytes."""
    facts = {"type": type(content).__name__, "length": len(content)}
    if isinstance(content, bytearray) and len(content) > COPY_MAX_BYTES:
        return facts
    data = bytes(content)
    return apart(
        facts, lambda: Content(data, media_type_of(data) or "application/octet-stream"), len(data)
    )


def array_apart(facts: dict[str, Any], array: Any) -> dict[str, Any]:
    """Return the reference to a numpy array, kept in numpy's own file format."""
    if array.nbytes > COPY_MAX_BYTES or array.dtype.hasobject or not has_outbox():
        return facts
    copied = array.copy()
    return apart(facts, lambda: _npy(copied), copied.nbytes)


def tensor_apart(facts: dict[str, Any], tensor: Any) -> dict[str, Any]:
    """Return the reference to a torch tensor in main memory, kept as a numpy array."""
    size_bytes = tensor.numel() * tensor.element_size()
    if size_bytes > COPY_MAX_BYTES or "numpy" not in sys.modules or not has_outbox():
        return facts
    copied = tensor.detach().clone()
    return apart(facts, lambda: _npy(copied.numpy()), size_bytes)


def picture_apart(facts: dict[str, Any], picture: Any) -> dict[str, Any]:
    """Return the reference to a PIL image, kept as PNG."""
    width, height = picture.size
    size_bytes = width * height * len(picture.getbands())
    if size_bytes > COPY_MAX_BYTES or not has_outbox():
        return facts
    copied = picture.copy()
    return apart(facts, lambda: _png(copied), size_bytes)


def polars_apart(facts: dict[str, Any], frame: Any) -> dict[str, Any]:
    """Return the reference to a polars frame, kept as Parquet."""
    if not has_outbox():
        return facts
    shared = frame.clone()  # its columns are shared, and nobody can change them

    def make() -> Content:
        file = io.BytesIO()
        shared.write_parquet(file)
        return Content(file.getvalue(), PARQUET_MEDIA_TYPE)

    return apart(facts, make, int(shared.estimated_size()))


def pandas_apart(facts: dict[str, Any], frame: Any) -> dict[str, Any]:
    """Return the reference to a pandas frame, kept as Parquet where pyarrow is loaded, else CSV."""
    size_bytes = int(frame.memory_usage(index=True).sum())
    if size_bytes > COPY_MAX_BYTES or not has_outbox():
        return facts
    copied = frame.copy()

    def make() -> Content:
        if "pyarrow" not in sys.modules:
            return Content(copied.to_csv().encode(), "text/csv; charset=utf-8")
        return Content(copied.to_parquet(engine="pyarrow"), PARQUET_MEDIA_TYPE)

    return apart(facts, make, size_bytes)


def _npy(array: Any) -> Content:
    numpy: Any = sys.modules["numpy"]
    file = io.BytesIO()
    numpy.save(file, array, allow_pickle=False)
    return Content(file.getvalue(), NPY_MEDIA_TYPE)


def _png(picture: Any) -> Content:
    file = io.BytesIO()
    try:
        picture.save(file, "PNG")
    except OSError:  # no such mode in PNG, such as CMYK
        file = io.BytesIO()
        picture.convert("RGB").save(file, "PNG")
    return Content(file.getvalue(), "image/png")
