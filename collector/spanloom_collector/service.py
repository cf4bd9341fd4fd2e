"""The collector as one service: wire the parts, start, drain, stop."""

import socket
import threading
from dataclasses import dataclass

import uvicorn

from spanloom_collector.delivery.loader import Loader
from spanloom_collector.receivers.otlp_grpc import OtlpGrpcServer
from spanloom_collector.receivers.otlp_http import OtlpHttpApp
from spanloom_collector.settings import CollectorSettings
from spanloom_collector.storage.connect import Engine


@dataclass(frozen=True)
class Ports:
    """Where the collector listens."""

    otlp_grpc: int
    otlp_http: int


class Collector:
    """Receivers in front of one loader. Making one takes its HTTP port, if that is free.

    Raises:
        OSError: the port is taken.

    Example:
        >>> collector = Collector(CollectorSettings(), engine)  # doctest: +SKIP
        >>> ports = collector.start()  # doctest: +SKIP
        >>> collector.stop()  # doctest: +SKIP
    """

    def __init__(self, settings: CollectorSettings, engine: Engine) -> None:
        self._settings = settings
        self.loader = Loader(engine, settings.max_pending_bytes)
        self.otlp_http_app = OtlpHttpApp(settings, self.loader)
        self._grpc = OtlpGrpcServer(settings, self.loader)
        listener = bound_socket(settings.host, settings.otlp_http_port)
        self._http = HttpServer(self.otlp_http_app, listener)

    def start(self) -> Ports:
        """Listen on both ports.

        Raises:
            OSError: a port is taken.
        """
        self.loader.start()
        return Ports(otlp_grpc=self._grpc.start(), otlp_http=self._http.start())

    def stop(self) -> None:
        """Answer what is under way, make it durable, end."""
        self._grpc.stop(self._settings.drain_timeout_s)
        self._http.stop()
        self.loader.stop()


class HttpServer:
    """An ASGI application served on a listening socket by a thread of its own."""

    def __init__(self, app: object, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,  # type: ignore[arg-type]
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=10,
            timeout_keep_alive=60,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="spanloom-http"
        )
        self.port = int(listener.getsockname()[1])

    def start(self) -> int:
        """Serve.

        Returns:
            The port.
        """
        self._thread.start()
        return self.port

    def stop(self) -> None:
        """Answer what is under way, end."""
        self._server.should_exit = True
        self._thread.join()


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        OSError: the port is taken; the text names it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from None
    listener.listen(128)
    return listener
