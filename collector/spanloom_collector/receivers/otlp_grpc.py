"""OTLP over gRPC.

The methods are registered with their raw bytes: gRPC's generated deserialiser would answer a
malformed message with INTERNAL, where OTLP wants INVALID_ARGUMENT. And as methods with a stream of
requests, which look the same to clients: so a handler runs before the message has arrived, can
refuse it for its headers alone, and can give up on a client that does not send it.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import NoReturn

import grpc
from google.protobuf.message import Message

from spanloom_collector.delivery.backpressure import InFlightBytes
from spanloom_collector.metrics import Meter
from spanloom_collector.pipeline.decode import Encoding, MalformedRequestError, expanded
from spanloom_collector.pipeline.intake import Intake, Intakes, accept
from spanloom_collector.receivers.access import granted_project
from spanloom_collector.receivers.other_signals import METRICS_RESPONSE
from spanloom_collector.receivers.refusals import REFUSED_ERRORS, Refusal, refusal
from spanloom_collector.settings import CollectorSettings

_PACKAGE = "opentelemetry.proto.collector"
# A thread waits with each call whose message is on its way. They are made as they are needed, and
# there are many, so that clients that do not send their message keep nobody else waiting.
_WORKERS = 512
_STREAMS_PER_CONNECTION = _WORKERS // 2  # beyond them calls fail as UNAVAILABLE
_HANDSHAKE_TIMEOUT_MS = 5_000  # a stop waits for connections that say nothing
_STALLED_CHECK_S = 1.0
_CODES = {code.value[0]: code for code in grpc.StatusCode}

_Answer = Callable[[bytes, str | None], Message]


class OtlpGrpcServer:
    """The listening server. Requests are answered in a pool of threads."""

    def __init__(
        self,
        settings: CollectorSettings,
        intakes: Intakes,
        in_flight: InFlightBytes,
        meter: Meter,
    ) -> None:
        self._settings = settings
        self._meter = meter
        self._in_flight = in_flight
        self._stalled = _StalledCalls(settings.body_timeout_s)
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="spanloom-otlp-grpc")
        self._server = grpc.server(
            self._pool,
            options=[
                ("grpc.max_receive_message_length", settings.max_request_bytes),
                ("grpc.per_message_decompression", 0),  # it would fill 64 MiB with each bomb
                ("grpc.max_concurrent_streams", _STREAMS_PER_CONNECTION),
                ("grpc.server_handshake_timeout_ms", _HANDSHAKE_TIMEOUT_MS),
                # Unless it is meant, a second server on the port must fail, not share it.
                ("grpc.so_reuseport", int(settings.shares_ports)),
            ],
        )
        self._serve("trace.v1.TraceService", partial(self._stored, intakes.traces))
        self._serve("logs.v1.LogsService", partial(self._stored, intakes.logs))
        self._serve("metrics.v1.MetricsService", lambda _body, _project: METRICS_RESPONSE)

    def start(self) -> int:
        """Listen.

        Returns:
            The port.

        Raises:
            OSError: the port is taken.
        """
        address = f"{self._settings.host}:{self._settings.otlp_grpc_port}"
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address} for OTLP/gRPC: {error}") from None
        self._stalled.start()
        self._server.start()
        return port

    def stop(self, grace_s: float) -> None:
        """Refuse new calls, answer those under way, end."""
        self._server.stop(grace_s).wait()
        self._pool.shutdown()
        self._stalled.stop()

    def _serve(self, service: str, answer: _Answer) -> None:
        def export(messages: Iterator[bytes], context: grpc.ServicerContext) -> Message:
            return self._export(messages, context, answer)

        handler: grpc.RpcMethodHandler[bytes, Message] = grpc.stream_unary_rpc_method_handler(
            export, response_serializer=lambda message: message.SerializeToString()
        )
        name = f"{_PACKAGE}.{service}"
        self._server.add_registered_method_handlers(name, {"Export": handler})
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(name, {"Export": handler}),)
        )

    def _export(
        self, messages: Iterator[bytes], context: grpc.ServicerContext, answer: _Answer
    ) -> Message:
        try:
            headers = _headers(context.invocation_metadata())
            project = granted_project(self._settings.tokens, headers)
            with self._stalled.watched(context):
                body = next(messages, None)
            if body is None:
                raise MalformedRequestError("the call has no message")
            with self._in_flight.held(len(body)):
                message = self._answered(body, project, answer)
        except REFUSED_ERRORS as error:
            refused = refusal(error)
            self._count(_CODES[refused.status.code])
            _abort(context, refused)
        self._count(grpc.StatusCode.OK)
        return message

    def _answered(self, body: bytes, project: str | None, answer: _Answer) -> Message:
        plain = expanded(body, self._settings.max_request_bytes)
        with self._in_flight.held(0 if plain is body else len(plain)):
            return answer(plain, project)

    def _stored(self, intake: Intake, body: bytes, project: str | None) -> Message:
        accepted = accept(body, Encoding.PROTOBUF, project, intake, self._meter)
        accepted.durable.result(self._settings.durable_timeout_s)
        return accepted.response

    def _count(self, code: grpc.StatusCode) -> None:
        self._meter.metrics.answered(self._meter.transport, code.name)


class _StalledCalls:
    """Ends the calls whose message does not arrive in time; Python's gRPC has no such setting."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._began_monotonic: dict[grpc.ServicerContext, float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spanloom-otlp-stalled", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    @contextmanager
    def watched(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Watch a call while its message is being received."""
        self._began_monotonic[context] = time.monotonic()
        try:
            yield
        finally:
            del self._began_monotonic[context]

    def _run(self) -> None:
        while not self._stopped.wait(_STALLED_CHECK_S):
            too_early = time.monotonic() - self._timeout_s
            for context, began in list(self._began_monotonic.items()):
                if began < too_early:
                    context.cancel()


def _headers(metadata: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    return {key: value for key, value in metadata if isinstance(value, str)}


def _abort(context: grpc.ServicerContext, refused: Refusal) -> NoReturn:
    trailers = [("grpc-status-details-bin", refused.status.SerializeToString())]
    if refused.retry_info is not None:
        # Python's exporter looks for the delay here alone.
        trailers.append(("google.rpc.retryinfo-bin", refused.retry_info.SerializeToString()))
    context.set_trailing_metadata(tuple(trailers))
    context.abort(_CODES[refused.status.code], refused.status.message)
