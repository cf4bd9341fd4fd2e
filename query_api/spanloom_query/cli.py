"""The command ``spanloom``.

Only the standard library is loaded at the top: an environment with the SDK alone gets an answer
that says what to install.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from spanloom_query.arguments import parser

if TYPE_CHECKING:
    from spanloom_query.serving import ServeOptions, Start


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    options = parser().parse_args(arguments)
    missing = [name for name in ("fastapi", "clickhouse_connect", "grpc") if not find_spec(name)]
    if missing and options.command not in _OF_THE_SDK:
        print(
            "spanloom: this environment has the SDK alone. To run a server, install it with its "
            "embedded engine:\n\n    pip install 'spanloom[local]'\n",
            file=sys.stderr,
        )
        return 1
    try:
        return _COMMANDS[options.command](options)
    except KeyboardInterrupt:
        return 130


def _serve(options: argparse.Namespace) -> int:
    from spanloom_query.serving import start_everything

    return _served(options, start_everything)


def _receive(options: argparse.Namespace) -> int:
    from spanloom_query.parts import start_front_end

    return _served(options, start_front_end)


def _collector(options: argparse.Namespace) -> int:
    from spanloom_query.parts import start_collector

    return _served(options, start_collector)


def _query(options: argparse.Namespace) -> int:
    from spanloom_query.parts import start_query

    return _served(options, start_query)


def _served(options: argparse.Namespace, start: "Start") -> int:
    from spanloom_collector.logs import LogSettings, LogSettingsError, write_log
    from spanloom_query.serving import ServingError, serve_until_stopped

    try:
        write_log(LogSettings.from_environment(os.environ))
        serve_until_stopped(
            _server_options(options),
            lambda addresses: print(addresses.ready_line, flush=True),
            start,
        )
    except (LogSettingsError, ServingError) as error:
        return _failed(error)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from spanloom_query.checkups import Patient
    from spanloom_query.doctor import examined
    from spanloom_query.serving import ServingError

    try:
        server = _server_options(options)
    except ServingError as error:
        return _failed(error)
    token = os.environ.get("SPANLOOM_API_KEY") or next(iter(server.tokens or {}), None)
    report = examined(Patient(server, options.endpoint, token))
    print(report.json() if options.json else "\n".join(report.lines()))
    return 1 if report.failed else 0


def _demo(options: argparse.Namespace) -> int:
    from spanloom_query.demo import DemoError, run_demo
    from spanloom_query.serving import ServingError

    try:
        run_demo(_server_options(options), once=options.once)
    except (ServingError, DemoError) as error:
        return _failed(error)
    return 0


def _sync(options: argparse.Namespace) -> int:
    from spanloom.errors import ConfigurationError
    from spanloom.sync import sync

    span_count = left_count = 0
    try:
        for synced in sync(options.endpoint, options.spool_dir):
            span_count += synced.span_count
            left_count += bool(synced.problem)
            outcome = synced.problem or f"{synced.span_count} spans to {synced.endpoint}"
            print(f"{synced.path}: {outcome}", flush=True)
    except ConfigurationError as error:
        return _failed(error)
    print(f"{span_count} spans delivered, {left_count} files left")
    return 1 if left_count else 0


def _failed(error: Exception) -> int:
    print(f"spanloom: {error}", file=sys.stderr)
    return 1


def _server_options(options: argparse.Namespace) -> "ServeOptions":
    from spanloom_query.serving import ServeOptions

    return ServeOptions(
        data_dir=options.data,
        host=options.host,
        port=options.port,
        otlp_grpc_port=options.otlp_grpc_port,
        otlp_http_port=options.otlp_http_port,
        insecure=options.insecure,
        clickhouse_url=os.environ.get("SPANLOOM_CLICKHOUSE_URL") or None,
        tokens=_tokens(os.environ.get("SPANLOOM_TOKENS", "")),
        cors_origins=_listed(os.environ.get("SPANLOOM_CORS_ORIGINS", "")),
        otlp_path_prefix=_prefix(os.environ.get("SPANLOOM_OTLP_PATH_PREFIX", "")),
        journal_quota_bytes=_quota_bytes(),
        shares_ports=getattr(options, "shares_ports", False),
    )


def _quota_bytes() -> int:
    from spanloom_collector.settings import DEFAULT_JOURNAL_QUOTA_BYTES
    from spanloom_query.serving import ServingError

    text = os.environ.get("SPANLOOM_JOURNAL_QUOTA_BYTES") or str(DEFAULT_JOURNAL_QUOTA_BYTES)
    if not text.isdigit():
        raise ServingError(f"SPANLOOM_JOURNAL_QUOTA_BYTES must be a number, not {text!r}")
    return int(text)


def _tokens(text: str) -> dict[str, str | None]:
    """Tokens from ``token``, ``token=project``, separated by commas."""
    entries = (entry.strip().partition("=") for entry in text.split(",") if entry.strip())
    return {token: project or None for token, _, project in entries}


def _listed(text: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


def _prefix(text: str) -> str:
    path = text.strip().strip("/")
    return f"/{path}" if path else ""


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "serve": _serve,
    "demo": _demo,
    "doctor": _doctor,
    "receive": _receive,
    "collector": _collector,
    "query": _query,
    "sync": _sync,
}
_OF_THE_SDK: Final = ("sync",)
