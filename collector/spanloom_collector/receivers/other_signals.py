"""The signal that is answered but not kept.

SDKs that are given one endpoint send metrics to it too, and would log an error each time.
"""

from google.protobuf.message import Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)

METRICS_RESPONSE: Message = ExportMetricsServiceResponse(
    partial_success=ExportMetricsPartialSuccess(error_message="metrics are not stored")
)
