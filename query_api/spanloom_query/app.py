"""The application on the main port: API, page, and OTLP at ``/v1/traces``; or health and OTLP alone."""

import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from spanloom_collector.storage.connect import EngineUnavailableError
from spanloom_query import problems
from spanloom_query.routes import (
    blobs,
    calls,
    edits,
    evaluations,
    feedback,
    health,
    metrics,
    objects,
    projects,
    traces,
)
from spanloom_query.routes import server as server_routes
from spanloom_query.routes.context import Process, Server

STATIC_DIR = Path(__file__).parent / "static"
_API_PREFIX = "/api/v1"
_OPENAPI_PATH = "/api/openapi.json"
_DOCS_PATH = "/api/docs"
_BLOB_PATH = re.compile(f"{_API_PREFIX}/projects/.+/blobs/[^/]+$")
_GZIP_MINIMUM_BYTES = 1_000
_GZIP_LEVEL = 4  # level 9 takes four times as long for 1.6 % fewer bytes of a large tree

_STATUS_PATHS = ("/healthz", "/readyz", "/metrics")

_CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; script-src 'self'"
)
# FastAPI writes the call of Swagger UI into the document.
_DOCS_SECURITY_POLICY = f"{_CONTENT_SECURITY_POLICY} 'unsafe-inline'"
_NOT_BUILT = """<!doctype html><title>Spanloom</title>
<h1>The page is not built</h1>
<p>The server works, and so does its API, which <a href="/api/openapi.json">openapi.json</a>
describes. To build the page and the API's documentation, run <code>python hatch_build.py</code>
in the repository, then start the server again.</p>"""


def create_app(server: Server, otlp_app: ASGIApp | None, static_dir: Path = STATIC_DIR) -> ASGIApp:
    """The ASGI application.

    Args:
        server: what the API works on.
        otlp_app: takes ``/v1/traces``, ``/v1/logs`` and ``/v1/metrics``; None where nobody does.
        static_dir: the built page; its place is taken by a notice when it is not there.
    """
    api = create_api(server)
    _serve_page(api, static_dir)
    compressed = GZipMiddleware(api, minimum_size=_GZIP_MINIMUM_BYTES, compresslevel=_GZIP_LEVEL)
    # Blobs mostly are compressed already, and a range of one must be that.
    app = _Split(lambda path: bool(_BLOB_PATH.match(path)), api, compressed)
    if otlp_app is None:
        return app
    return _Split(lambda path: path.startswith("/v1/"), otlp_app, app)


def create_status_app(process: Process, otlp_app: ASGIApp) -> ASGIApp:
    """OTLP beside health and metrics, for a process without API and page."""
    app = FastAPI(openapi_url=None)
    app.state.server = process
    problems.install(app)
    app.include_router(health.router)
    app.include_router(metrics.router)
    return _Split(lambda path: path in _STATUS_PATHS, app, otlp_app)


def create_api(server: Server) -> FastAPI:
    """The API alone."""
    app = FastAPI(
        title="Spanloom",
        version=version("spanloom"),
        summary="Traces and evaluations, rebuilt from OpenTelemetry spans.",
        openapi_url=_OPENAPI_PATH,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        responses={"default": {"model": problems.Problem, "description": "Problem details"}},
    )
    app.state.server = server
    problems.install(app)
    app.add_exception_handler(ClickHouseError, _on_engine_error)
    app.add_exception_handler(EngineUnavailableError, _on_engine_error)
    for resource in (projects, traces, calls, edits, feedback, evaluations, objects, blobs):
        app.include_router(resource.router, prefix=_API_PREFIX)
    app.include_router(server_routes.router)
    app.include_router(health.router)
    app.include_router(metrics.router)
    return app


class _Split:
    """One application answers the paths that are its own, another one all others."""

    def __init__(self, is_own: Callable[[str], bool], app: ASGIApp, other: ASGIApp) -> None:
        self._is_own = is_own
        self._app = app
        self._other = other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = scope["type"] == "http" and self._is_own(scope["path"])
        await (self._app if own else self._other)(scope, receive, send)


def _operation_id(route: APIRoute) -> str:
    return route.name


def _on_engine_error(_: Request, error: Exception) -> JSONResponse:
    if "TIMEOUT_EXCEEDED" in str(error) or "MEMORY_LIMIT_EXCEEDED" in str(error):
        return problems.problem_response(
            503, "the query needs too much time or memory: narrow it with 'where' or a page's limit"
        )
    return problems.problem_response(503, f"the engine does not answer: {error}")


class _WebPage(StaticFiles):
    """The built page: its files, and its one document for every address within it."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, the document, or 404."""
        document = path in (".", "index.html") or path.startswith("p/")
        response = await super().get_response("index.html" if document else path, scope)
        if document:
            response.headers["cache-control"] = "no-cache"
            response.headers["content-security-policy"] = _CONTENT_SECURITY_POLICY
        elif path.startswith("assets/"):  # their names hold their digest: they never change
            response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def _serve_page(app: FastAPI, static_dir: Path) -> None:
    if (static_dir / "index.html").exists():
        app.add_api_route(_DOCS_PATH, _docs_page, include_in_schema=False)
        app.mount("/", _WebPage(directory=static_dir), name="page")
    else:
        for path in ("/", _DOCS_PATH):
            app.add_api_route(path, _not_built, include_in_schema=False)


def _docs_page() -> HTMLResponse:
    """Swagger UI from the bundle: by itself FastAPI has the browser fetch it from elsewhere."""
    page = get_swagger_ui_html(
        openapi_url=_OPENAPI_PATH,
        title="Spanloom API",
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/favicon.svg",
    )
    page.headers["content-security-policy"] = _DOCS_SECURITY_POLICY
    return page


def _not_built() -> HTMLResponse:
    return HTMLResponse(_NOT_BUILT, status_code=503)
