import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

import spanloom
from spanloom import _client, conventions
from spanloom._client import (
    _after_fork_in_child,
    _after_fork_in_parent,
    _before_fork,
    _leave,
    current_settings,
)
from spanloom._provider import Relay
from spanloom.errors import ConfigurationError
from tests.unit.sdk.sink import Sink, attributes_of


@spanloom.op
def double(n: int) -> int:
    return 2 * n


def test_a_call_arrives_with_its_project_service_and_token(sink: Sink) -> None:
    spanloom.init(
        "my-team/my project",
        endpoint=sink.url,
        api_key="key-1",
        service_name="checkout",
        attributes={"deployment.environment.name": "test"},
    )

    double(4)

    assert spanloom.flush()
    (request,) = sink.requests
    assert request.path == "/v1/traces"
    assert request.headers["x-spanloom-project"] == "my-team/my project"
    assert request.headers["Authorization"] == "Bearer key-1"
    assert request.resource()["spanloom.project"] == "my-team/my project"
    assert request.resource()["service.name"] == "checkout"
    assert request.resource()["deployment.environment.name"] == "test"
    assert request.resource()["telemetry.sdk.name"] == "opentelemetry"
    (span,) = request.spans()
    assert span.name == "double"
    assert attributes_of(span)[conventions.OUTPUT_VALUE] == "8"


def test_a_project_in_any_script_is_named_in_the_header_as_in_a_url(sink: Sink) -> None:
    spanloom.init("팀/100%", endpoint=sink.url)

    double(1)

    assert spanloom.flush()
    assert sink.requests[0].headers["x-spanloom-project"] == "%ED%8C%80/100%25"
    assert sink.requests[0].resource()["spanloom.project"] == "팀/100%"


def test_the_environment_says_where_to_send_what_init_does_not(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPANLOOM_PROJECT", "from-env")
    monkeypatch.setenv("SPANLOOM_ENDPOINT", sink.url)

    client = spanloom.init()
    monkeypatch.setenv("SPANLOOM_PROJECT", "too late")
    double(1)

    assert client.flush()
    assert (client.project, client.endpoint) == ("from-env", sink.url)
    assert sink.requests[0].resource()["spanloom.project"] == "from-env"


@pytest.mark.parametrize(
    "arguments",
    [{"project": ""}, {"endpoint": "nowhere"}, {"settings": {"queue_max_byte": 1}}],
)
def test_misuse_is_refused_at_once_and_changes_nothing(arguments: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        spanloom.init(**arguments)  # type: ignore[arg-type]

    assert spanloom.get_client() is None


def test_init_again_sends_to_the_new_project_and_loses_nothing(sink: Sink) -> None:
    spanloom.init("first", endpoint=sink.url)
    double(1)
    spanloom.init("second", endpoint=sink.url)
    double(2)
    spanloom.flush()

    assert len(sink.await_spans(2)) == 2
    by_project = {
        request.headers["x-spanloom-project"]: request.resource()["spanloom.project"]
        for request in sink.requests
    }
    assert by_project == {"first": "first", "second": "second"}


def test_after_finish_ops_run_untraced(sink: Sink) -> None:
    spanloom.init("p", endpoint=sink.url)
    double(1)
    spanloom.finish()

    assert double(2) == 4
    assert sink.names() == ["double"]
    assert spanloom.get_client() is None
    assert spanloom.flush()


def test_spans_of_other_libraries_arrive_and_nest(sink: Sink) -> None:
    spanloom.init("p", endpoint=sink.url)

    @spanloom.op
    def outer() -> None:
        with trace.get_tracer("some.library").start_as_current_span("theirs"):
            double(1)

    with spanloom.attributes({"session.id": "s1"}):
        outer()

    spanloom.flush()
    spans = {span.name: span for span in sink.spans()}
    assert spans["theirs"].parent_span_id == spans["outer"].span_id
    assert spans["double"].parent_span_id == spans["theirs"].span_id
    assert attributes_of(spans["theirs"]) == {"session.id": "s1"}


def test_ids_do_not_repeat_when_the_app_seeds_its_random_numbers(sink: Sink) -> None:
    import random

    spanloom.init("p", endpoint=sink.url)
    for _ in range(2):
        random.seed(42)
        double(1)

    spanloom.flush()
    first, second = sink.spans()
    assert first.trace_id != second.trace_id
    assert first.span_id != second.span_id


def test_a_dead_server_costs_the_app_nothing_and_is_told_of_once(
    dead_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    started = time.perf_counter()
    spanloom.init("p", endpoint=dead_url, settings={"batch_delay_s": 0.01, "exit_timeout_s": 1.0})
    init_s = time.perf_counter() - started
    started = time.thread_time()
    for n in range(1000):
        double(n)
    calls_s = time.thread_time() - started

    flushed = spanloom.flush(timeout_s=0.3)
    started = time.perf_counter()
    spanloom.finish()
    finish_s = time.perf_counter() - started

    assert not flushed
    assert init_s < 0.5
    assert calls_s < 1.0
    assert finish_s < 1.5
    kept, lost = [record for record in caplog.records if record.name == "spanloom"]
    assert kept.levelno == logging.WARNING
    assert "They are kept, up to 64 MB" in kept.getMessage()
    assert lost.getMessage().startswith("1000 spans wait in ")


def test_calls_made_while_the_server_is_down_arrive_when_it_is_back(
    sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    port = sink.port
    sink.stop()
    settings = {"batch_delay_s": 0.01, "retry_initial_s": 0.05, "retry_max_s": 0.1}
    spanloom.init("p", endpoint=f"http://127.0.0.1:{port}", settings=settings)
    for n in range(500):
        double(n)
    assert not spanloom.flush(timeout_s=0.2)

    sink.start(port)

    assert len(sink.await_spans(500)) == 500
    assert spanloom.flush()
    said = [record.getMessage() for record in caplog.records if record.name == "spanloom"]
    assert len(said) == 2
    assert "works again; 0 were dropped" in said[1]


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_program_that_just_ends_has_delivered_its_calls(sink: Sink, tmp_path: Path) -> None:
    script = tmp_path / "my_program.py"
    script.write_text(
        "import sys, spanloom\n"
        "spanloom.init('p', endpoint=sys.argv[1])\n"
        "@spanloom.op\n"
        "def f(): return 1\n"
        "for _ in range(300): f()\n"
    )

    result = run(script, sink.url)

    assert result.stderr == ""
    assert len(sink.spans()) == 300
    assert sink.requests[0].resource()["service.name"] == "my_program"


def test_a_program_ends_soon_although_its_server_hangs(sink: Sink, tmp_path: Path) -> None:
    sink.delay_s = 3.0
    script = tmp_path / "program.py"
    script.write_text(
        "import sys, time, spanloom\n"
        "spanloom.init('p', endpoint=sys.argv[1], settings={'exit_timeout_s': 0.5})\n"
        "@spanloom.op\n"
        "def f(): return 1\n"
        "f()\n"
        "import atexit\n"
        "started = time.perf_counter()\n"
        "spanloom.finish()\n"
        "print(time.perf_counter() - started)\n"
    )

    result = run(script, sink.url)

    assert float(result.stdout) < 1.0
    assert "1 spans wait in " in result.stderr


def test_a_tracer_provider_that_the_app_has_is_joined(sink: Sink, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        "import sys, spanloom\n"
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.resources import Resource\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "own = TracerProvider(resource=Resource({'service.name': 'theirs'}))\n"
        "trace.set_tracer_provider(own)\n"
        "spanloom.init('p', endpoint=sys.argv[1], attributes={'service.version': '7'})\n"
        "assert trace.get_tracer_provider() is own\n"
        "@spanloom.op\n"
        "def f(): return 1\n"
        "with trace.get_tracer('x').start_as_current_span('theirs'):\n"
        "    f()\n"
        "with spanloom.attributes({'a': 1}): f()\n"
    )

    result = run(script, sink.url)

    assert (result.stdout, result.stderr) == ("", "")
    assert sorted(sink.names()) == ["f", "f", "theirs"]
    assert sink.requests[0].resource()["service.name"] == "theirs"
    assert sink.requests[0].headers["x-spanloom-project"] == "p"
    assert {attributes_of(span)["service.version"] for span in sink.spans()} == {"7"}


def test_a_provider_that_cannot_be_joined_is_left_alone(sink: Sink, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        "import sys, spanloom\n"
        "from opentelemetry import trace\n"
        "trace.set_tracer_provider(trace.NoOpTracerProvider())\n"
        "spanloom.init('p', endpoint=sys.argv[1])\n"
        "@spanloom.op\n"
        "def f(): return 1\n"
        "f()\n"
    )

    result = run(script, sink.url)

    assert (result.stdout, result.stderr) == ("", "")
    assert sink.names() == ["f"]


def test_a_provider_that_shuts_down_takes_the_exporter_with_it(sink: Sink) -> None:
    spanloom.init("p", endpoint=sink.url)
    double(1)

    provider = trace.get_tracer_provider()
    assert provider.force_flush()  # type: ignore[attr-defined]
    assert sink.names() == ["double"]


def test_an_op_without_a_recorded_span_still_works_when_opentelemetry_is_off(
    sink: Sink, tmp_path: Path
) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        "import os, sys\n"
        "os.environ['OTEL_SDK_DISABLED'] = 'true'\n"
        "import spanloom\n"
        "spanloom.init('p', endpoint=sys.argv[1])\n"
        "@spanloom.op\n"
        "def f(): return 1\n"
        "result, call = f.call()\n"
        "print(result, repr(call.id), repr(call.ui_url))\n"
    )

    result = run(script, sink.url)

    assert (result.stdout, result.stderr) == ("1 '' ''\n", "")
    assert sink.requests == []


def test_hooks_around_a_fork_reach_every_exporter(sink: Sink) -> None:
    spanloom.init("first", endpoint=sink.url)
    spanloom.init("second", endpoint=sink.url)

    _before_fork()
    _after_fork_in_parent()
    _after_fork_in_child()
    double(1)

    assert spanloom.flush()
    assert sink.requests[-1].headers["x-spanloom-project"] == "second"


def test_the_end_of_the_process_waits_for_replaced_clients_too(sink: Sink) -> None:
    spanloom.init("first", endpoint=sink.url, settings={"batch_delay_s": 30.0})
    double(1)
    spanloom.init("second", endpoint=sink.url)
    double(2)

    _leave()

    assert len(sink.spans()) == 2


def test_settings_that_cannot_work_are_no_reason_to_fail_without_init(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SPANLOOM_PARALLELISM", "3")
    assert current_settings().parallelism == 3
    monkeypatch.setenv("SPANLOOM_PARALLELISM", "many")
    assert current_settings().parallelism == 20


class Broken(SpanProcessor):
    def on_end(self, span: object) -> None:
        raise RuntimeError("broken")


def test_the_relay_without_a_target_takes_everything_and_keeps_nothing() -> None:
    relay = Relay(lambda: {"a": 1})
    provider = TracerProvider()
    provider.add_span_processor(relay)
    with provider.get_tracer("t").start_as_current_span("s") as span:
        assert span.attributes == {}  # type: ignore[attr-defined]

    assert relay.force_flush()
    relay.shutdown()


def test_the_relay_keeps_its_targets_faults_and_hands_on_the_end() -> None:
    relay = Relay(lambda: None)
    relay.target = Broken()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(relay)

    provider.get_tracer("t").start_span("s").end()

    assert provider.force_flush()
    provider.shutdown()


def test_the_first_process_of_a_container_outlives_sigterm_and_goes_on_recording(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    spanloom.init("p", endpoint=sink.url, settings={"batch_delay_s": 30.0})
    double(1)

    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 1)
        _client._deliver_and_end(signal.SIGTERM, None)

    assert len(sink.spans()) == 1
    double(2)
    assert spanloom.flush()
    assert len(sink.spans()) == 2


def test_a_programs_own_handler_of_sigterm_stays(sink: Sink) -> None:
    def own(number: int, frame: object) -> None:
        pass

    signal.signal(signal.SIGTERM, own)
    spanloom.init("p", endpoint=sink.url)

    assert signal.getsignal(signal.SIGTERM) is own


def test_init_in_another_thread_leaves_signals_alone(sink: Sink) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    thread = threading.Thread(target=spanloom.init, args=("p",), kwargs={"endpoint": sink.url})
    thread.start()
    thread.join()

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
