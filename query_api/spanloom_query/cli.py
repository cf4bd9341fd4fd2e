"""The command ``spanloom``.

Only the standard library is loaded at the top: an environment with the SDK alone gets an answer
that says what to install.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spanloom_query.serving import ServeOptions

DEFAULT_DATA_DIR = "spanloom-data"
DEFAULT_PORT = 4319

_SERVE_EPILOG = """\
environment:
  SPANLOOM_DATA            folder for the data (--data)
  SPANLOOM_CLICKHOUSE_URL  use this ClickHouse server instead of the embedded engine,
                           e.g. http://user:password@host:8123
  SPANLOOM_TOKENS          accepted tokens, e.g. 'secret1,secret2=my-project'; the second one may
                           only read and write my-project
  SPANLOOM_CORS_ORIGINS    web pages that may send spans, e.g. 'https://app.example.org', or '*'
  SPANLOOM_OTLP_PATH_PREFIX
                           a path before /v1/traces on the port for OTLP/HTTP, e.g. /otlp
  SPANLOOM_JOURNAL_QUOTA_BYTES
                           disk that accepted spans may take while the engine is away (10 GiB)
  SPANLOOM_LOG_FORMAT      text, or json for one JSON object a line
  SPANLOOM_LOG_LEVEL       DEBUG, INFO (the default), WARNING or ERROR

examples:
  spanloom serve                                   everything on this machine, data in ./spanloom-data
  spanloom serve --data /var/lib/spanloom --port 0 any free port for page and API
  SPANLOOM_TOKENS=secret spanloom serve --host 0.0.0.0
"""

_DEMO_EPILOG = """\
The demo's language model is a deterministic stand-in: it needs no network and no key.

examples:
  spanloom demo            start a server, run the demo app, keep serving until Ctrl-C
  spanloom demo --once     the same, but end after printing the addresses
  SPANLOOM_ENDPOINT=http://127.0.0.1:4319 spanloom demo   send to a server that is running
"""


_DOCTOR_EPILOG = """\
Nothing is changed. A server that runs on the folder is asked how it is; the engine is opened only
when no server holds it. Each line begins with ok, warn or fail; the exit code is 1 when one fails.
Give the ports, the host and the environment that 'spanloom serve' gets.

environment:
  SPANLOOM_ENDPOINT        the running server (--endpoint)
  SPANLOOM_API_KEY         a token of that server; without it, the first one of SPANLOOM_TOKENS

examples:
  spanloom doctor                                  before the first start, or when something is odd
  spanloom doctor --data /var/lib/spanloom         of a server that runs, or does not start
  spanloom doctor --endpoint http://host:4319      of a server elsewhere, asked from here
  spanloom doctor --json | jq '.checks[] | select(.level != "ok")'
"""

_SYNC_EPILOG = """\
Programs whose server was away, and programs that ran offline, leave their calls on disk. The next
program that reaches the same server takes them along; this command does it now. What has arrived
is deleted. What a running program still writes is left to it. Needs the SDK alone.

environment:
  SPANLOOM_SPOOL_DIR       folder of the files (--spool-dir)
  SPANLOOM_API_KEY         token of the server

examples:
  spanloom sync                                    each file to the server it was meant for
  spanloom sync --endpoint http://host:4319        all of them to this server
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    options = _parser().parse_args(arguments)
    missing = [name for name in ("fastapi", "clickhouse_connect", "grpc") if not find_spec(name)]
    if missing and options.needs_server:
        print(
            "spanloom: this environment has the SDK alone. To run a server, install it with its "
            "embedded engine:\n\n    pip install 'spanloom[local]'\n",
            file=sys.stderr,
        )
        return 1
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spanloom", description="Traces and evaluations of LLM and ML applications."
    )
    parser.add_argument("--version", action="version", version=f"spanloom {version('spanloom')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_demo(commands)
    _add_doctor(commands)
    _add_sync(commands)
    return parser


def _add_serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    serve = commands.add_parser(
        "serve",
        help="collect spans, answer queries, serve the page",
        description="Collect spans, answer queries and serve the page, all in one process.",
        epilog=_SERVE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_server_options(serve)
    serve.set_defaults(run=_serve, needs_server=True)


def _add_demo(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    demo = commands.add_parser(
        "demo",
        help="run a small traced app with an evaluation, and show where to look",
        description="Run a small traced app and an evaluation of two model versions, then print "
        "the addresses where they can be seen.",
        epilog=_DEMO_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_server_options(demo)
    demo.add_argument("--once", action="store_true", help="end after printing the addresses")
    demo.set_defaults(run=_demo, needs_server=True)


def _add_doctor(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    doctor = commands.add_parser(
        "doctor",
        help="look at everything a server needs, and say what to do",
        description="Look at packages, clock, folder, disk, ports, engine, journal, quarantine "
        "and a running server, and say what to do about each.",
        epilog=_DOCTOR_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_server_options(doctor)
    doctor.add_argument(
        "--endpoint",
        default=os.environ.get("SPANLOOM_ENDPOINT"),
        metavar="URL",
        help="the running server (default: that of the folder, else that on --port)",
    )
    doctor.add_argument("--json", action="store_true", help="answer in JSON, for machines")
    doctor.set_defaults(run=_doctor, needs_server=True)


def _add_sync(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    sync = commands.add_parser(
        "sync",
        help="deliver calls that programs left on disk while their server was away",
        description="Deliver calls that programs left on disk while their server was away.",
        epilog=_SYNC_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sync.add_argument(
        "--endpoint", metavar="URL", help="the server (default: the one each file was meant for)"
    )
    sync.add_argument(
        "--spool-dir",
        type=Path,
        metavar="DIR",
        help="folder of the files (default: spanloom/spool in the user's state folder)",
    )
    sync.set_defaults(run=_sync, needs_server=False)


def _add_server_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("SPANLOOM_DATA", DEFAULT_DATA_DIR)),
        metavar="DIR",
        help="folder for the data (default: %(default)s)",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    for option, default, what in (
        ("--port", DEFAULT_PORT, "page and API"),
        ("--otlp-grpc-port", 4317, "OTLP/gRPC"),
        ("--otlp-http-port", 4318, "OTLP/HTTP"),
    ):
        parser.add_argument(
            option,
            type=_port,
            default=default,
            metavar="PORT",
            help=f"port of {what}; 0 picks a free one (default: %(default)s)",
        )
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="listen beyond this machine without tokens: anyone who reaches it reads and writes",
    )


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def _serve(options: argparse.Namespace) -> int:
    from spanloom_collector.logs import LogSettings, LogSettingsError, write_log
    from spanloom_query.serving import ServingError, serve_until_stopped

    try:
        write_log(LogSettings.from_environment(os.environ))
        serve_until_stopped(
            _server_options(options),
            on_ready=lambda addresses: print(addresses.ready_line, flush=True),
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
