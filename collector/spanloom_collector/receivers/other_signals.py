"""Signals that are answered but not kept.

SDKs that are given one endpoint send logs and metrics to it too, and would log an error each time.
"""

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)

LOGS_RESPONSE: Message = ExportLogsServiceResponse(
    partial_success=ExportLogsPartialSuccess(error_message="logs are not stored")
)
METRICS_RESPONSE: Message = ExportMetricsServiceResponse(
    partial_success=ExportMetricsPartialSuccess(error_message="metrics are not stored")
)
