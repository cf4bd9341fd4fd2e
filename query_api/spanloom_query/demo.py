"""``spanloom demo``: a server, if none runs, and the demo app against it.

The app is a program of its own, as a user's would be: it knows the server by its address alone.
"""

import os
import subprocess
import sys
import urllib.error
import urllib.request

from spanloom_query.serving import Addresses, ServeOptions, serve_until_stopped, start_everything

_PROBE_TIMEOUT_S = 2


class DemoError(Exception):
    """The demo app failed."""


def run_demo(options: ServeOptions, *, once: bool) -> None:
    """Run the demo app against the server that runs already, else against one of our own.

    Args:
        options: of the server to start.
        once: end after the app has printed its addresses; else serve until Ctrl-C.

    Raises:
        ServingError: no server runs and none can be started.
        DemoError: the server that SPANLOOM_ENDPOINT names does not answer, or the app failed.
    """
    running = _running_endpoint(options)
    if running is not None:
        print(f"using the server at {running}", flush=True)
        _run_app(running)
        return
    print(f"starting a server, data in {options.data_dir}", flush=True)
    serve_until_stopped(options, _run_app_on, start_everything, once=once)


def _run_app_on(addresses: Addresses) -> None:
    print(addresses.ready_line, flush=True)
    _run_app(addresses.endpoint)


def _run_app(endpoint: str) -> None:
    environment = os.environ | {"SPANLOOM_ENDPOINT": endpoint}
    result = subprocess.run([sys.executable, "-m", "spanloom.demo"], env=environment, check=False)
    if result.returncode != 0:
        raise DemoError(f"the demo app ended with exit code {result.returncode}")


def _running_endpoint(options: ServeOptions) -> str | None:
    named = os.environ.get("SPANLOOM_ENDPOINT")
    if named:
        _refuse_silence(named.rstrip("/"))
        return named.rstrip("/")
    endpoint = f"http://{options.host}:{options.port}"
    return endpoint if options.port and _is_spanloom(endpoint) else None


def _refuse_silence(endpoint: str) -> None:
    try:
        urllib.request.urlopen(f"{endpoint}/healthz", timeout=_PROBE_TIMEOUT_S).close()
    except urllib.error.HTTPError as error:
        error.close()  # it answers: the app will be told what is wrong
    except (OSError, ValueError) as error:
        raise DemoError(
            f"no server answers at {endpoint}, which SPANLOOM_ENDPOINT names: start one there, or "
            "unset the variable, and the demo starts its own"
        ) from error


def _is_spanloom(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(
            f"{endpoint}/api/v1/server", timeout=_PROBE_TIMEOUT_S
        ) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False
