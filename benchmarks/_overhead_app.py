"""The app that is instrumented in one of many ways and measured; runs in each one's environment.

Knows nothing of this repository. Started by ``overhead.py`` with the name of a runner and the URL
of the sink; reads one JSON object a line and answers each with one.
"""

import asyncio
import contextlib
import json
import os
import resource
import sys
import time
from collections import deque
from typing import Any, NamedTuple

TREE_FAN_OUT, TREE_DEPTH = 3, 4
TREE_CALLS = 121
YIELDS = 1000
TASKS = 1000


class Runner(NamedTuple):
    """A way to instrument."""

    plain: Any
    """Decorates a function."""
    later: Any
    """Decorates a coroutine function."""
    generator: Any
    """Decorates a generator function."""
    flush: Any


# The app


def body(x, y="abc"):
    return x


def swallow(x):
    return None


async def body_later(x):
    await asyncio.sleep(0)
    return x


def numbers(count):
    yield from range(count)


def nested(size_bytes):
    row = {"text": "lorem ipsum dolor sit amet " * 4, "n": [1, 2, 3], "ok": True}
    row_bytes = len(json.dumps(row)) + 12
    return {f"key{number}": dict(row) for number in range(size_bytes // row_bytes)}


def repeated(function):
    def children(count):
        for _ in range(count):
            function(1)

    return children


class Case(NamedTuple):
    calls: int
    """How many calls one round of it makes."""
    run: Any


def cases(runner):
    """Return the cases, by name; each is prepared when it is first asked for."""
    plain, swallowing = runner.plain(body), runner.plain(swallow)
    later, many = runner.later(body_later), runner.generator(numbers)
    text = "hello world " * 340

    def tree(depth):
        if depth:
            for _ in range(TREE_FAN_OUT):
                node(depth - 1)

    node = runner.plain(tree)

    async def tasks():
        await asyncio.gather(*(later(number) for number in range(TASKS)))

    def child():
        parent = runner.plain(repeated(plain))
        return Case(100, lambda: parent(100))

    def with_value(size_bytes):
        value = nested(size_bytes)
        return Case(1, lambda: swallowing(value))

    return {
        "a": lambda: Case(1, lambda: plain(1)),
        "a2": child,
        "b": lambda: Case(1, lambda: plain(text)),
        "c": lambda: with_value(1 << 20),
        "c50": lambda: with_value(50 << 20),
        "d": lambda: Case(TASKS, lambda: asyncio.run(tasks())),
        "e": lambda: Case(TREE_CALLS, lambda: node(TREE_DEPTH)),
        "f": lambda: Case(1, lambda: deque(many(YIELDS), maxlen=0)),
    }


# Ways to instrument it


def _tracer(url):
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    return provider, provider.get_tracer("bench")


def floor(url):
    """A plain OpenTelemetry span that records nothing, exported as OpenTelemetry does it."""
    provider, tracer = _tracer(url)

    def plain(function):
        name = function.__name__

        def wrapper(*args):
            with tracer.start_as_current_span(name):
                return function(*args)

        return wrapper

    def later(function):
        name = function.__name__

        async def wrapper(*args):
            with tracer.start_as_current_span(name):
                return await function(*args)

        return wrapper

    def generator(function):
        name = function.__name__

        def wrapper(*args):
            with tracer.start_as_current_span(name):
                yield from function(*args)

        return wrapper

    return Runner(plain, later, generator, provider.force_flush)


def otel_json(url):
    """The same with inputs and output in two attributes, by json.dumps."""
    provider, tracer = _tracer(url)

    def plain(function):
        name = function.__name__

        def wrapper(*args):
            with tracer.start_as_current_span(name) as span:
                span.set_attribute("input.value", json.dumps(args))
                output = function(*args)
                span.set_attribute("output.value", json.dumps(output))
                return output

        return wrapper

    def later(function):
        name = function.__name__

        async def wrapper(*args):
            with tracer.start_as_current_span(name) as span:
                span.set_attribute("input.value", json.dumps(args))
                output = await function(*args)
                span.set_attribute("output.value", json.dumps(output))
                return output

        return wrapper

    def generator(function):
        name = function.__name__

        def wrapper(*args):
            with tracer.start_as_current_span(name) as span:
                span.set_attribute("input.value", json.dumps(args))
                items = []
                for item in function(*args):
                    items.append(item)
                    yield item
                span.set_attribute("output.value", json.dumps(items))

        return wrapper

    return Runner(plain, later, generator, provider.force_flush)


def _spanloom(url):
    import spanloom

    spanloom.init("bench", endpoint=url)
    return Runner(spanloom.op, spanloom.op, spanloom.op, lambda: spanloom.flush(60))


def spanloom(url):
    """Spanloom with its own tracer provider."""
    return _spanloom(url)


def spanloom_joined(url):
    """Spanloom in an app that has a tracer provider of its own."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    trace.set_tracer_provider(TracerProvider())
    return _spanloom(url)


def spanloom_off(url):
    """Spanloom before init."""
    import spanloom

    return Runner(spanloom.op, spanloom.op, spanloom.op, lambda: None)


def spanloom_unsampled(url):
    """Spanloom with a sampling rate of 0."""
    import spanloom

    spanloom.init("bench", endpoint=url)
    op = spanloom.op(tracing_sample_rate=0)
    return Runner(op, op, op, lambda: spanloom.flush(60))


def weave(url):
    os.environ |= {
        "WANDB_API_KEY": "x" * 40,
        "WANDB_BASE_URL": url,
        "WANDB_ERROR_REPORTING": "false",
        "WEAVE_PRINT_CALL_LINK": "false",
        "WEAVE_USE_SERVER_CACHE": "false",
    }
    import weave

    client = weave.init("bench/bench")
    return Runner(weave.op, weave.op, weave.op, client.flush)


def langfuse(url):
    os.environ |= {
        "LANGFUSE_PUBLIC_KEY": "pk",
        "LANGFUSE_SECRET_KEY": "sk",
        "LANGFUSE_HOST": url,
        "LANGFUSE_BASE_URL": url,
    }
    from langfuse import get_client, observe

    return Runner(observe(), observe(), observe(), get_client().flush)


def mlflow(url):
    os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = f"{url}/v1/traces"
    os.environ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf"
    import mlflow

    mlflow.set_tracking_uri(url)
    return Runner(mlflow.trace, mlflow.trace, mlflow.trace, mlflow.flush_trace_async_logging)


def opik(url):
    os.environ |= {"OPIK_URL_OVERRIDE": url, "OPIK_TRACK_DISABLE": "false"}
    os.environ |= {"OPIK_SENTRY_ENABLE": "false", "OPIK_CHECK_TLS_CERTIFICATE": "false"}
    import opik

    return Runner(opik.track, opik.track, opik.track, opik.flush_tracker)


def logfire(url):
    import logfire
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = OTLPSpanExporter(f"{url}/v1/traces")
    logfire.configure(
        send_to_logfire=False,
        console=False,
        additional_span_processors=[BatchSpanProcessor(exporter)],
    )
    instrument = logfire.instrument(record_return=True)
    generator = logfire.instrument(allow_generator=True)
    return Runner(instrument, instrument, generator, logfire.force_flush)


def langsmith(url):
    os.environ |= {
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_ENDPOINT": url,
        "LANGSMITH_API_KEY": "x",
    }
    from langsmith import Client, traceable

    client = Client()
    decorate = traceable(client=client)
    return Runner(decorate, decorate, decorate, client.flush)


def traceloop(url):
    os.environ["TRACELOOP_TELEMETRY"] = "false"
    from opentelemetry import trace
    from traceloop.sdk import Traceloop
    from traceloop.sdk.decorators import task

    Traceloop.init(app_name="bench", api_endpoint=url, api_key="x", telemetry_enabled=False)
    decorate = task()
    return Runner(decorate, decorate, decorate, trace.get_tracer_provider().force_flush)


def phoenix(url):
    from phoenix.otel import register

    provider = register(endpoint=f"{url}/v1/traces", batch=True, verbose=False)
    chain = provider.get_tracer("bench").chain
    return Runner(chain, chain, chain, provider.force_flush)


# The measurements


def cpu_us(case, seconds):
    """CPU of the calling thread and wall time, per call."""
    case.run()
    repeats, cpu_ns, wall_ns = 0, 0, 0
    while wall_ns < seconds * 1e9:
        wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
        for _ in range(max(1, 100 // case.calls)):
            case.run()
            repeats += 1
            if time.perf_counter_ns() - wall > seconds * 1e9:
                break
        cpu_ns += time.thread_time_ns() - cpu
        wall_ns += time.perf_counter_ns() - wall
    calls = repeats * case.calls
    return {"cpu_us": cpu_ns / calls / 1000, "wall_us": wall_ns / calls / 1000}


def process_us(case, seconds, flush):
    """CPU of all threads per call, until everything is exported."""
    repeats, wall, cpu = 0, time.perf_counter(), time.process_time_ns()
    while time.perf_counter() - wall < seconds:
        case.run()
        repeats += 1
    flush()
    return {"cpu_us": (time.process_time_ns() - cpu) / repeats / case.calls / 1000}


def burst(runner, count):
    """As many calls as fast as possible, then a flush."""
    function = runner.plain(body)
    function(1)
    runner.flush()
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    for number in range(count):
        function(number)
    called = time.perf_counter()
    runner.flush()
    flushed = time.perf_counter()
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    return {
        "call_us": (called - begun) / count * 1e6,
        "flush_s": flushed - called,
        "grown_mb": grown_kb / 1024,
    }


RUNNERS = {
    "floor": floor,
    "otel-json": otel_json,
    "spanloom": spanloom,
    "spanloom-joined": spanloom_joined,
    "spanloom-off": spanloom_off,
    "spanloom-unsampled": spanloom_unsampled,
    "weave": weave,
    "langfuse": langfuse,
    "mlflow": mlflow,
    "opik": opik,
    "logfire": logfire,
    "langsmith": langsmith,
    "traceloop": traceloop,
    "phoenix": phoenix,
}


def main():
    # What a peer prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with contextlib.redirect_stdout(sys.stderr):
        runner = RUNNERS[sys.argv[1]](sys.argv[2])
        makers, made = cases(runner), {}
        print(json.dumps({"ready": True}), file=answers, flush=True)
        for line in sys.stdin:
            asked = json.loads(line)
            if asked["measure"] == "burst":
                answer = burst(runner, asked["count"])
            else:
                name = asked["case"]
                case = made.get(name) or made.setdefault(name, makers[name]())
                if asked["measure"] == "thread":
                    answer = cpu_us(case, asked["seconds"])
                    runner.flush()
                else:
                    answer = process_us(case, asked["seconds"], runner.flush)
            print(json.dumps(answer), file=answers, flush=True)
    answers.flush()
    os._exit(0)  # some peers wait for ever for a server that is gone


if __name__ == "__main__":
    main()
