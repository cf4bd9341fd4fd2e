"""What the command line takes: commands, options, and the help that teaches them.

Only the standard library is loaded: an environment with the SDK alone gets its help, too.
"""

import argparse
import os
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

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
  spanloom serve --share-ports                     with 'spanloom receive' on the same OTLP ports
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

_RECEIVE_EPILOG = """\
A front end listens for OTLP, validates, writes into the journal of the data folder, and answers
once that is on disk. It opens no engine and shows no page: 'spanloom serve' on the same folder
loads what it wrote, within half a second, and nothing is lost or doubled when either is killed. Run
as many as there are processors to spare, as the same user, on the same machine as the folder.

All front ends listen on the same OTLP ports, and the kernel gives each new connection to one of
them (SO_REUSEPORT). 'spanloom serve --share-ports' takes its share; without that option give it,
or the front ends, other ports. Health and metrics are on a port of the process's own, --port.

environment, to be the same for all processes on a folder:
  SPANLOOM_DATA            folder for the data (--data)
  SPANLOOM_TOKENS          accepted tokens, as for 'spanloom serve'
  SPANLOOM_JOURNAL_QUOTA_BYTES
                           disk that accepted spans of all processes may take (10 GiB)
  SPANLOOM_CORS_ORIGINS, SPANLOOM_OTLP_PATH_PREFIX, SPANLOOM_LOG_FORMAT, SPANLOOM_LOG_LEVEL

examples:
  spanloom serve --share-ports &                   loads, answers queries, and receives
  spanloom receive & spanloom receive &            two more that receive
  curl http://127.0.0.1:$PORT/readyz               with the port from the line 'spanloom ready'
  spanloom receive --port 4329 --otlp-grpc-port 4327 --otlp-http-port 4328   on ports of its own
"""

_COLLECTOR_EPILOG = """\
It takes OTLP and writes into a ClickHouse server; 'spanloom query' shows what is there. Run as many
as wanted, each on a data folder of its own, which holds the journal. Health and metrics are on
--port.

environment:
  SPANLOOM_CLICKHOUSE_URL  the server, e.g. http://user:password@host:8123
  and all that 'spanloom serve --help' names

examples:
  SPANLOOM_CLICKHOUSE_URL=http://db:8123 spanloom collector --data /var/lib/spanloom
"""

_QUERY_EPILOG = """\
It reads a ClickHouse server and takes no spans. Run as many as wanted. A span is there as soon as
its collector has loaded it, some tenths of a second after it was acknowledged.

environment:
  SPANLOOM_CLICKHOUSE_URL  the server, e.g. http://user:password@host:8123
  SPANLOOM_TOKENS          accepted tokens, as for 'spanloom serve'
  SPANLOOM_LOG_FORMAT, SPANLOOM_LOG_LEVEL

examples:
  SPANLOOM_CLICKHOUSE_URL=http://db:8123 spanloom query --port 4319
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

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def parser() -> argparse.ArgumentParser:
    """The whole command line; what is parsed names its ``command``."""
    whole = argparse.ArgumentParser(
        prog="spanloom", description="Traces and evaluations of LLM and ML applications."
    )
    whole.add_argument("--version", action="version", version=f"spanloom {version('spanloom')}")
    commands = whole.add_subparsers(
        title="commands", dest="command", required=True, metavar="COMMAND"
    )
    for add in (
        _add_serve,
        _add_demo,
        _add_doctor,
        _add_receive,
        _add_collector,
        _add_query,
        _add_sync,
    ):
        add(commands)
    return whole


def _added(
    commands: "_Commands", name: str, text: str, description: str, epilog: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=text,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_serve(commands: "_Commands") -> None:
    serve = _added(
        commands,
        "serve",
        "collect spans, answer queries, serve the page",
        "Collect spans, answer queries and serve the page, all in one process.",
        _SERVE_EPILOG,
    )
    _add_server_options(serve)
    serve.add_argument(
        "--share-ports",
        dest="shares_ports",
        action="store_true",
        help="let 'spanloom receive' listen on the same OTLP ports",
    )


def _add_demo(commands: "_Commands") -> None:
    demo = _added(
        commands,
        "demo",
        "run a small traced app with an evaluation, and show where to look",
        "Run a small traced app and an evaluation of two model versions, then print the addresses "
        "where they can be seen.",
        _DEMO_EPILOG,
    )
    _add_server_options(demo)
    demo.add_argument("--once", action="store_true", help="end after printing the addresses")


def _add_doctor(commands: "_Commands") -> None:
    doctor = _added(
        commands,
        "doctor",
        "look at everything a server needs, and say what to do",
        "Look at packages, clock, folder, disk, ports, engine, journal, quarantine and a running "
        "server, and say what to do about each.",
        _DOCTOR_EPILOG,
    )
    _add_server_options(doctor)
    doctor.add_argument(
        "--endpoint",
        default=os.environ.get("SPANLOOM_ENDPOINT"),
        metavar="URL",
        help="the running server (default: that of the folder, else that on --port)",
    )
    doctor.add_argument("--json", action="store_true", help="answer in JSON, for machines")


def _add_receive(commands: "_Commands") -> None:
    receive = _added(
        commands,
        "receive",
        "collect spans beside a server on the same folder, to take more of them",
        "Collect spans into the journal of a data folder, from which 'spanloom serve' loads them.",
        _RECEIVE_EPILOG,
    )
    _add_data(receive)
    _add_port(receive, "--port", 0, "health and metrics")
    _add_otlp_ports(receive)
    _add_access(receive)
    receive.set_defaults(shares_ports=True)


def _add_collector(commands: "_Commands") -> None:
    collector = _added(
        commands,
        "collector",
        "collect spans alone, into a ClickHouse server",
        "Collect spans and write them into a ClickHouse server, without API and page.",
        _COLLECTOR_EPILOG,
    )
    _add_data(collector)
    _add_port(collector, "--port", DEFAULT_PORT, "health and metrics")
    _add_otlp_ports(collector)
    _add_access(collector)


def _add_query(commands: "_Commands") -> None:
    query = _added(
        commands,
        "query",
        "answer queries and serve the page alone, on a ClickHouse server",
        "Answer queries and serve the page on a ClickHouse server, without collecting spans.",
        _QUERY_EPILOG,
    )
    _add_port(query, "--port", DEFAULT_PORT, "page and API")
    _add_access(query)
    query.set_defaults(data=Path(DEFAULT_DATA_DIR), otlp_grpc_port=0, otlp_http_port=0)


def _add_sync(commands: "_Commands") -> None:
    sync = _added(
        commands,
        "sync",
        "deliver calls that programs left on disk while their server was away",
        "Deliver calls that programs left on disk while their server was away.",
        _SYNC_EPILOG,
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


def _add_server_options(command: argparse.ArgumentParser) -> None:
    _add_data(command)
    _add_port(command, "--port", DEFAULT_PORT, "page and API")
    _add_otlp_ports(command)
    _add_access(command)


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("SPANLOOM_DATA", DEFAULT_DATA_DIR)),
        metavar="DIR",
        help="folder for the data (default: %(default)s)",
    )


def _add_otlp_ports(command: argparse.ArgumentParser) -> None:
    _add_port(command, "--otlp-grpc-port", 4317, "OTLP/gRPC")
    _add_port(command, "--otlp-http-port", 4318, "OTLP/HTTP")


def _add_port(command: argparse.ArgumentParser, option: str, default: int, what: str) -> None:
    command.add_argument(
        option,
        type=_port,
        default=default,
        metavar="PORT",
        help=f"port of {what}; 0 picks a free one (default: %(default)s)",
    )


def _add_access(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    command.add_argument(
        "--insecure",
        action="store_true",
        help="listen beyond this machine without tokens: anyone who reaches it reads and writes",
    )


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)
