"""Counts the answers over HTTP by their status."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from spanloom_collector.metrics import Metrics

_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_App = Callable[[MutableMapping[str, Any], _Receive, _Send], Awaitable[None]]


class MeteredApp:
    """An ASGI application whose answers are counted."""

    def __init__(self, app: _App, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: _Receive, send: _Send
    ) -> None:
        """Pass one request on."""

        async def counted_send(event: MutableMapping[str, Any]) -> None:
            if event["type"] == "http.response.start":
                self._metrics.answered("http", event["status"])
            await send(event)

        await self._app(scope, receive, counted_send)
