"""What can be set: arguments of ``init`` over ``SPANLOOM_*`` variables over the defaults here."""

import dataclasses
import difflib
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from spanloom.errors import ConfigurationError

ENVIRONMENT_PREFIX: Final = "SPANLOOM_"
PROJECT_MAX_CHARS: Final = 256
COMPRESSIONS: Final = ("auto", "gzip", "none")
_TRUTHS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def _setting(default: Any, meaning: str) -> Any:
    return dataclasses.field(default=default, metadata={"meaning": meaning})


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, each field also as ``SPANLOOM_<NAME>`` in the environment."""

    project: str = _setting("default", "Where the spans go: `project` or `entity/project`.")
    endpoint: str = _setting("http://127.0.0.1:4319", "Base URL of the Spanloom server.")
    api_key: str = _setting("", "Token sent as `Authorization: Bearer`; empty: none is sent.")
    service_name: str = _setting("", "`service.name`; empty: OTEL_SERVICE_NAME or the program.")
    value_max_bytes: int = _setting(
        2 << 20, "Longest recorded input or output, as JSON; longer ones are cut and marked."
    )
    redact: bool = _setting(True, "Whether values under secret-looking keys become `***`.")
    redact_keys: tuple[str, ...] = _setting(
        (), "More keys to redact, besides the built-in ones (comma-separated in the environment)."
    )
    integrations: tuple[str, ...] = _setting(
        ("all",), "Model clients whose calls are recorded: names, `all` or `none`."
    )
    redact_hook: Callable[[str], str] | None = _setting(  # noqa: RUF009  # it is a field()
        None,
        "Given each payload as text once its keys are masked, returns what is recorded instead;"
        " runs in the delivery thread. Not in the environment: `init(redact=…)`.",
    )
    blobs: bool = _setting(
        True, "Whether images, arrays, frames and long texts are uploaded beside the spans."
    )
    blob_max_bytes: int = _setting(
        16 << 20, "Largest content that is uploaded; what is larger is only described."
    )
    blob_queue_max_bytes: int = _setting(
        64 << 20, "Memory for content that waits for upload; beyond it none is taken."
    )
    parallelism: int = _setting(20, "How many examples an evaluation works on at once.")
    propagate_to_thread_pools: bool = _setting(
        True, "Whether work given to any `ThreadPoolExecutor` belongs to the call that gives it."
    )
    queue_max_bytes: int = _setting(
        64 << 20, "Memory for spans that wait for delivery; beyond it new spans are dropped."
    )
    batch_max_spans: int = _setting(2048, "Most spans in one request.")
    batch_max_bytes: int = _setting(4 << 20, "Most bytes in one request, before compression.")
    batch_delay_s: float = _setting(0.5, "Longest time a finished span waits for company.")
    backpressure_s: float = _setting(
        0.2,
        "Longest wait of an op for room in a full queue, and only while the server takes spans.",
    )
    compression: str = _setting(
        "auto", "`gzip`, `none`, or `auto`: gzip unless the server is on this machine."
    )
    running_after_s: float = _setting(
        1.0, "How long a call runs before the server is told that it does; 0: only its end counts."
    )
    request_timeout_s: float = _setting(10.0, "How long one request may take.")
    read_timeout_s: float = _setting(60.0, "How long the server may think about a question to it.")
    retry_initial_s: float = _setting(0.5, "Pause after a first failed request; it doubles.")
    retry_max_s: float = _setting(30.0, "Longest pause between two attempts.")
    exit_timeout_s: float = _setting(5.0, "How long the process's end may wait for delivery.")
    deliver_on_sigterm: bool = _setting(
        True, "Whether SIGTERM waits for delivery, in a program that does not handle it itself."
    )
    spool_dir: str = _setting(
        "",
        "Folder for spans while the server is away; empty: `spanloom/spool` in the user's state.",
    )
    spool_max_bytes: int = _setting(
        256 << 20, "Disk for spans while one server is away; 0: they are kept in memory alone."
    )
    offline: bool = _setting(
        False, "Whether spans only go to the spool, for `spanloom sync` to deliver them later."
    )

    def __post_init__(self) -> None:
        check_project(self.project)
        object.__setattr__(self, "endpoint", clean_endpoint(self.endpoint))
        object.__setattr__(self, "integrations", _clean_choice(self.integrations))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and value < 0:
                raise ConfigurationError(f"{field.name} must not be negative, but is {value!r}")
        if self.parallelism < 1:
            raise ConfigurationError("parallelism must be at least 1")
        if self.compression not in COMPRESSIONS:
            raise ConfigurationError(
                f"compression must be one of {', '.join(COMPRESSIONS)}, not {self.compression!r}"
            )
        if self.offline and not self.spool_max_bytes:
            raise ConfigurationError("offline needs a spool: spool_max_bytes must not be 0")


def read_settings(
    arguments: Mapping[str, object | None], environment: Mapping[str, str]
) -> Settings:
    """Merge arguments (``None``: not given) over the environment over the defaults.

    Raises:
        ConfigurationError: an unknown name, a value of the wrong type or one that cannot work.
    """
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    values: dict[str, Any] = {}
    for name, field in fields.items():
        variable = ENVIRONMENT_PREFIX + name.upper()
        if field.default is not None and environment.get(variable):
            values[name] = _parse(variable, environment[variable], field.default)
    for name, value in arguments.items():
        if name not in fields:
            raise ConfigurationError(_unknown(name, list(fields)))
        if value is not None:
            values[name] = _checked(name, value, fields[name].default)
    return Settings(**values)


def check_project(project: str) -> None:
    """Raise ConfigurationError unless ``project`` is `project` or `entity/project`."""
    parts = project.split("/")
    if (
        len(project) > PROJECT_MAX_CHARS
        or len(parts) > 2
        or not all(_is_name(part) for part in parts)
    ):
        raise ConfigurationError(
            f"{project!r} is no project: use a name such as 'my-project' or 'my-team/my-project'"
        )


def _clean_choice(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names to choose from a list, where one truth or ``none`` stands for all or none of it."""
    if len(names) == 1:
        word = names[0].lower()
        chosen = _TRUTHS.get(word, False if word == "none" else None)
        if chosen is not None:
            return ("all",) if chosen else ()
    return names


def _is_name(text: str) -> bool:
    return bool(text) and text == text.strip() and text.isprintable()


def clean_endpoint(endpoint: str) -> str:
    """Return the server's base URL without trailing slash; raise ConfigurationError if it is none.

    The full OTLP URL (``…/v1/traces``) is understood as well.
    """
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or re.search(r"[\s?#]", endpoint):
        raise ConfigurationError(
            f"{endpoint!r} is no server address: use a URL such as 'http://127.0.0.1:4319'"
        )
    return endpoint.rstrip("/").removesuffix("/v1/traces")


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
    return f"there is no setting {name!r}: {hint}"


def _parse(variable: str, text: str, default: object) -> object:
    try:
        if isinstance(default, bool):
            return _TRUTHS[text.strip().lower()]
        if isinstance(default, int | float):
            return type(default)(text)
    except (KeyError, ValueError):
        kind = "true or false" if isinstance(default, bool) else "a number"
        raise ConfigurationError(f"{variable} must be {kind}, but is {text!r}") from None
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _checked(name: str, value: object, default: object) -> object:
    if default is None and callable(value):
        return value
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, str) and isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(default, tuple) and isinstance(value, list | tuple):
        return tuple(str(item) for item in value)
    if type(value) is not type(default):
        wanted = "a function" if default is None else type(default).__name__
        given = type(value).__name__
        raise ConfigurationError(f"{name} must be {wanted}, but is {given} {value!r}")
    return value
