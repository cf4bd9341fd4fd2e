"""OTLP over gRPC.

The method is registered with its raw bytes: gRPC's generated deserialiser would answer a malformed
message with INTERNAL, where OTLP wants INVALID_ARGUMENT.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanloom_collector.delivery.backpressure import InFlightBytes, RetryLaterError
from spanloom_collector.pipeline.decode import Encoding, MalformedRequestError
from spanloom_collector.pipeline.intake import Sink, accept
from spanloom_collector.pipeline.projects import ProjectNameError
from spanloom_collector.receivers.access import (
    ForbiddenError,
    UnauthenticatedError,
    granted_project,
)
from spanloom_collector.settings import CollectorSettings

_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
_WORKERS = 16
# Exporters give a batch up when the delay exceeds what is left of their ten seconds.
_RETRY_AFTER = RetryInfo(retry_delay=Duration(seconds=1))


class OtlpGrpcServer:
    """The listening server. Requests are answered in a pool of threads."""

    def __init__(self, settings: CollectorSettings, sink: Sink, in_flight: InFlightBytes) -> None:
        self._settings = settings
        self._sink = sink
        self._in_flight = in_flight
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="spanloom-otlp-grpc")
        self._server = grpc.server(
            self._pool,
            options=[
                ("grpc.max_receive_message_length", settings.max_request_bytes),
                ("grpc.so_reuseport", 0),  # a second server on the port must fail, not share it
            ],
        )
        handler: grpc.RpcMethodHandler[bytes, ExportTraceServiceResponse] = (
            grpc.unary_unary_rpc_method_handler(
                self._export, response_serializer=ExportTraceServiceResponse.SerializeToString
            )
        )
        self._server.add_registered_method_handlers(_SERVICE, {"Export": handler})
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(_SERVICE, {"Export": handler}),)
        )

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
        self._server.start()
        return port

    def stop(self, grace_s: float) -> None:
        """Refuse new calls, answer those under way, end."""
        self._server.stop(grace_s).wait()
        self._pool.shutdown()

    def _export(self, body: bytes, context: grpc.ServicerContext) -> ExportTraceServiceResponse:
        try:
            project = granted_project(
                self._settings.tokens, _headers(context.invocation_metadata())
            )
            with self._in_flight.held(len(body)):
                accepted = accept(body, Encoding.PROTOBUF, project, self._sink)
                accepted.durable.result(self._settings.durable_timeout_s)
        except UnauthenticatedError as error:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))
        except ForbiddenError as error:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
        except (MalformedRequestError, ProjectNameError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except (RetryLaterError, FutureTimeoutError) as error:
            retry = _RETRY_AFTER.SerializeToString()
            context.set_trailing_metadata((("google.rpc.retryinfo-bin", retry),))
            context.abort(grpc.StatusCode.UNAVAILABLE, f"try again shortly: {error}")
        return accepted.response


def _headers(metadata: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    return {key: value for key, value in metadata if isinstance(value, str)}
