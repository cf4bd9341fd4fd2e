"""``/metrics``: what the server counts, for Prometheus."""

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client.exposition import choose_encoder

from spanloom_query.routes.context import CurrentProcess, granted_project

router = APIRouter()


@router.get(
    "/metrics",
    include_in_schema=False,  # the API's description is of JSON, and this is none
    dependencies=[Depends(granted_project)],
)
def metrics(process: CurrentProcess, request: Request) -> Response:
    """All metrics, in Prometheus's text format or in OpenMetrics, as the caller prefers."""
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(process.registry), headers={"content-type": content_type})
