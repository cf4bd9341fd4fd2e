"""What tracing costs the app that is traced: by Spanloom, by OpenTelemetry alone, and by peers.

    make bench NAME=overhead                              Spanloom and the floor, about a minute
    make bench NAME=overhead ARGS=--peers                 all peers, installed from PyPI, half an hour
    make bench NAME=overhead ARGS="--runners weave,spanloom --cases a,e --rounds 9"
    make bench NAME=overhead ARGS=--check                 fail when a target is missed

Run it with nothing else running. The floor is a plain OpenTelemetry span that records nothing,
with OpenTelemetry's batch processor and OTLP exporter; everything is told as a ratio to it, since
absolute times are those of one machine. Every way to instrument runs in a process of its own, peers
in environments of their own under `benchmarks/.peers`, with their settings as they come, batching
and capture on; all send to a sink in another process, which answers at once. Rounds are
interleaved: in each, every runner is measured in turn, and a ratio is the median of the rounds'
ratios. Cases:

a     f(x, y="abc") as the root of a trace       a2    the same below another call
b     4 kB of text in and out                    c     a nested dict of 1 MB in
c50   a nested dict of 50 MB in                  d     async, 1,000 tasks at once
e     a tree of 121 calls                        f     a generator of 1,000 items, by item

First table: CPU of the calling thread, µs a call (an item in f). Second: CPU of the whole process
until everything is exported. Third: as many calls as fast as possible; how many different spans
arrived is known of those that send OTLP. Targets follow; those in microseconds are scaled to a
machine on which the floor costs 14 µs.
"""

import argparse
import json
import os
import select
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from _processes import load_average
from _servers import installed
from _sink import count_spans, forget_spans, running_sink

APP = Path(__file__).with_name("_overhead_app.py")
ITEMS = 1000
ANSWER_TIMEOUT_S = 120

OWN = ("floor", "otel-json", "spanloom", "spanloom-joined", "spanloom-off", "spanloom-unsampled")
PEERS: Mapping[str, str] = {
    "traceloop": "traceloop-sdk==0.62.4 httpx",
    "phoenix": "arize-phoenix-otel==0.17.2 openinference-instrumentation==0.1.72",
    "logfire": "logfire==5.2.0 opentelemetry-exporter-otlp-proto-http",
    "langfuse": "langfuse==5.0.4",
    "langsmith": "langsmith==0.15.0",
    "opik": "opik==2.2.122",
    "mlflow": "mlflow-tracing==3.17.2 opentelemetry-exporter-otlp-proto-http",
    "weave": "weave==0.54.0",
}
CASES = ("a", "a2", "b", "c", "c50", "d", "e", "f")
PROCESS_CASES = ("a", "a2", "d", "e")
SLOW_CASES = ("c50",)
"""Asked of peers only by name: some take minutes."""


NOMINAL_FLOOR_US = 14.0
"""The floor of case a on the machine that absolute targets are about; others are scaled to it."""


class Target(NamedTuple):
    """What Spanloom promises."""

    table: str
    runner: str
    case: str
    limit: float
    unit: str
    """``x``: of the floor; ``us``: microseconds where the floor of case a is the nominal one."""


TARGETS = (
    *(Target("thread", "spanloom", case, 0.5, "x") for case in ("a", "a2", "d", "e")),
    *(Target("thread", "spanloom-joined", case, 1.3, "x") for case in ("a", "a2", "d", "e")),
    Target("thread", "spanloom", "b", 1.0, "x"),
    Target("thread", "spanloom", "c", 2000.0, "us"),
    Target("thread", "spanloom", "c50", 5000.0, "us"),
    Target("thread", "spanloom", "f", 0.5, "us"),
    Target("thread", "spanloom-off", "a", 1.0, "us"),
    Target("thread", "spanloom-unsampled", "a", 1.0, "us"),
    *(Target("process", "spanloom", case, 0.6, "x") for case in PROCESS_CASES),
)


class App:
    """A running, instrumented app."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._answer()

    def ask(self, **question: object) -> dict[str, float]:
        """Have something measured."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], ANSWER_TIMEOUT_S)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            raise RuntimeError("it ended" if ready else "it hangs")
        parsed: dict[str, float] = json.loads(line)
        return parsed


@contextmanager
def app(runner: str, url: str) -> Iterator[App]:
    """Start the app; RuntimeError when it cannot be installed or does not start."""
    python = sys.executable
    if runner in PEERS:
        try:
            python = str(installed(f"sdk-{runner}", PEERS[runner]) / "python")
        except subprocess.CalledProcessError as error:
            raise RuntimeError("it cannot be installed") from error
    log = APP.parent / ".peers" / f"{runner}.log"
    log.parent.mkdir(exist_ok=True)
    command = [python, str(APP), runner, url]
    environment = os.environ | {"DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            cwd=log.parent,
            text=True,
        )
        try:
            yield App(process)
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]


Table = dict[str, dict[str, list[float]]]
"""Runner, case: a figure for each round."""


def measure(
    apps: dict[str, App], kind: str, cases: Sequence[str], rounds: int, seconds: float
) -> Table:
    """Ask every app for every case in turn, round after round; leave out those that hang."""
    table: Table = {runner: {} for runner in apps}
    for case in cases:
        for _ in range(rounds):
            for runner, running in list(apps.items()):
                if runner in PEERS and case in SLOW_CASES:
                    continue
                try:
                    answer = running.ask(measure=kind, case=case, seconds=seconds)
                except (RuntimeError, OSError) as error:
                    print(f"{runner}: left out from case {case} on, {error}")
                    del apps[runner]
                    table[runner].pop(case, None)
                    continue
                per_item = ITEMS if case == "f" else 1
                table[runner].setdefault(case, []).append(answer["cpu_us"] / per_item)
    return table


def ratio(table: Table, runner: str, case: str) -> float:
    """The median of the rounds' ratios to the floor."""
    pairs = zip(table[runner][case], table["floor"][case], strict=True)
    return statistics.median(own / floor for own, floor in pairs)


def show(title: str, table: Table, cases: Sequence[str]) -> None:
    print(f"\n{title}\n\n| runner | {' | '.join(cases)} |\n|---|{'---|' * len(cases)}")
    for runner, by_case in table.items():
        cells = [
            f"{statistics.median(by_case[case]):,.2f} ({ratio(table, runner, case):,.2f}x)"
            if case in by_case
            else "-"
            for case in cases
        ]
        print(f"| {runner} | {' | '.join(cells)} |")


def show_bursts(runners: Sequence[str], url: str, count: int) -> None:
    print(f"\n{count:,} calls as fast as possible\n\n| runner | µs a call | flush s |", end="")
    print(" arrived | RSS grew MB |\n|---|---|---|---|---|")
    for runner in runners:
        try:
            with app(runner, url) as running:
                forget_spans(url)
                answer = running.ask(measure="burst", count=count)
                arrived = count_spans(url)
        except RuntimeError as error:
            print(f"| {runner} | {error} |")
            continue
        share = f"{arrived / (count + 1):.1%}" if arrived else "?"
        print(f"| {runner} | {answer['call_us']:.1f} | {answer['flush_s']:.2f} | {share} |", end="")
        print(f" {answer['grown_mb']:.0f} |")


def missed(tables: Mapping[str, Table]) -> list[str]:
    """Say which targets are missed; print all."""
    lines = []
    floor_us = statistics.median(next(iter(tables["thread"]["floor"].values())))
    print(f"\ntargets; µs as if the floor were {NOMINAL_FLOOR_US:.0f} µs, not {floor_us:.1f} µs")
    for target in TARGETS:
        table = tables[target.table]
        if target.case not in table.get(target.runner, {}):
            continue
        figure = (
            ratio(table, target.runner, target.case)
            if target.unit == "x"
            else statistics.median(table[target.runner][target.case])
            * (NOMINAL_FLOOR_US / floor_us)
        )
        verdict = "ok" if figure <= target.limit else "MISSED"
        line = f"{target.runner} {target.case} ({target.table}): {figure:,.2f} {target.unit}"
        print(f"  {verdict:6} {line}, at most {target.limit:,} {target.unit}")
        lines += [line] if verdict == "MISSED" else []
    return lines


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", action="store_true", help="measure all peers, too")
    parser.add_argument("--runners", help=f"some of {','.join([*OWN, *PEERS])}; floor always")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.1, help="of each measurement")
    parser.add_argument("--burst", type=int, default=100_000, help="calls; 0: none")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[str]:
    if options.runners:
        return list(dict.fromkeys(["floor", *options.runners.split(",")]))
    return [*OWN, *(PEERS if options.peers else ())]


def main() -> int:
    options = arguments()
    cases = options.cases.split(",")
    print(f"load average before: {load_average():.1f}")
    tables: dict[str, Table] = {}
    with running_sink() as url, ExitStack() as stack:
        apps: dict[str, App] = {}
        for runner in chosen(options):
            try:
                apps[runner] = stack.enter_context(app(runner, url))
            except RuntimeError as error:
                print(f"{runner}: left out, {error}; see benchmarks/.peers/{runner}.log")
        tables["thread"] = measure(apps, "thread", cases, options.rounds, options.seconds)
        show("CPU of the calling thread, µs a call (x floor)", tables["thread"], cases)
        some = [case for case in PROCESS_CASES if case in cases]
        tables["process"] = measure(apps, "process", some, options.rounds, options.seconds)
        show("CPU of the whole process, µs a call (x floor)", tables["process"], some)
        if options.burst:
            show_bursts([runner for runner in apps if runner not in OWN[4:]], url, options.burst)
    lines = missed(tables)
    return 1 if options.check and lines else 0


if __name__ == "__main__":
    sys.exit(main())
