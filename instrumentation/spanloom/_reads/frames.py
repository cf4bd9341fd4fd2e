"""Arrow streams as tables of the libraries that an app has; each is loaded when it is used."""

import importlib
import io
from collections.abc import Iterator
from typing import Any

from spanloom.errors import MissingLibraryError


def to_arrow(pages: Iterator[bytes]) -> Any:
    """Return all pages as one ``pyarrow.Table``."""
    pyarrow = _library("pyarrow")
    ipc = _library("pyarrow.ipc")
    return pyarrow.concat_tables([ipc.open_stream(page).read_all() for page in pages])


def to_polars(pages: Iterator[bytes]) -> Any:
    """Return all pages as one ``polars.DataFrame``."""
    polars = _library("polars")
    return polars.concat([polars.read_ipc_stream(io.BytesIO(page)) for page in pages])


def to_pandas(pages: Iterator[bytes]) -> Any:
    """Return all pages as one ``pandas.DataFrame``."""
    _library("pandas")
    return to_arrow(pages).to_pandas()


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingLibraryError(
            f"this needs {package}, which is not installed: pip install {package}"
        ) from error
