"""A running server: bind, warm up, serve, and stop without losing what was accepted."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress

import grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection

from omote_filters.listing import Broken
from omote_filters.registry import Registry
from omote_models.mesh_runtime.opening import open_mesh
from omote_server.frames.audience import Audience
from omote_server.frames.engine import Engine, ThreadEngine
from omote_server.frames.job import Toolbox
from omote_server.frames.warmup import load_tools, warm
from omote_server.serving.health import NAME as HEALTH
from omote_server.serving.health import Health
from omote_server.serving.inventory import model_facts
from omote_server.serving.metrics import MetricsServer
from omote_server.serving.service import SERVICE, FilterService
from omote_server.serving.settings import Settings
from omote_server.stream.host import SessionHost

_log = logging.getLogger(__name__)

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_FENCE = 10_000
"""Calls at once, of every kind: memory's last fence. Sessions, watchers and those who have not
said anything have limits of their own, far inside, so that nobody shuts out `Health.Check`."""
_ENGINE_STOP_S = 10.0
_MOST_HUNG = 2
"""Threads given up: then the process is worn out, and whoever watches its health replaces it."""


class Server:
    """One server in this process.

    It answers, and its health says SERVING, once the models are loaded and warm.

    Attributes:
        port: where it listens, once it is started.
        hung: after `stop`, whether a filter never came back and holds a thread.
    """

    def __init__(self, settings: Settings, tools: Toolbox | None = None) -> None:
        """Prepare a server; `tools` are models and filters that are loaded already."""
        self.settings = settings
        self._tools = tools
        self.port = 0
        self.hung = False
        self._engine: Engine | None = None
        self._host: SessionHost | None = None
        self._metrics: MetricsServer | None = None
        self._audience: Audience | None = None
        self._health = Health()
        self._grpc = grpc.aio.server(
            options=channel_options(settings.max_message_bytes),
            maximum_concurrent_rpcs=settings.max_sessions + _FENCE,
        )

    @property
    def address(self) -> str:
        """Where clients connect, host:port."""
        host = self.settings.host.strip("[]")
        return f"{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def metrics_port(self) -> int:
        """Where Prometheus may ask, 0 where it may not."""
        return self._metrics.port if self._metrics is not None else 0

    async def start(self) -> None:
        """Bind, load and warm the models, and answer SERVING.

        Raises:
            StoreError: a model is missing or damaged.
            EstimatorError: the estimator is missing or cannot be used.
            OSError: a port is taken or the certificate cannot be read.
        """
        # Before the models, which take seconds: who mistyped a port learns it at once.
        self.port = self._bind()
        settings = self.settings
        if settings.metrics_port is not None:
            host_name = settings.metrics_host.strip("[]")
            self._metrics = MetricsServer(host_name, settings.metrics_port)
        tools = self._tools
        if tools is None:
            tools = await asyncio.to_thread(_loaded, settings)
        self._audience = tools.audience
        facts = await asyncio.to_thread(model_facts, tools.estimator, _mesh_words(tools))
        loop = asyncio.get_running_loop()
        self._engine = ThreadEngine(
            tools,
            settings.workers,
            hang_s=settings.hang_seconds,
            on_hang=lambda count: _later(loop, self._note_hang, count),
        )
        host = self._host = SessionHost(self._engine, tools.registry, settings.limits)
        token = settings.token.get_secret_value() if settings.token else None
        self._grpc.add_generic_rpc_handlers(
            (FilterService(host, token, facts).handlers(), self._health.handlers())
        )
        if settings.reflection:
            names = (SERVICE, HEALTH, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._grpc)
        if self._metrics is not None:
            self._metrics.report(lambda: host.active, tools.audit, tools.audience)
        await self._grpc.start()
        self._say(_SERVING)
        _log.info("serving on %s with %d workers", self.address, settings.workers)

    def _note_hang(self, count: int) -> None:
        if count >= _MOST_HUNG:
            _log.error("%d threads hang: this server is worn out, and its health says so", count)
            self._say(_NOT_SERVING)

    async def stop(self) -> None:
        """Say that it goes away, answer what was accepted, then stop."""
        self._say(_NOT_SERVING)
        if self._host is not None:
            await self._host.go_away(self.settings.grace_seconds)
        await self._grpc.stop(0.5)
        if self._metrics is not None:
            await asyncio.to_thread(self._metrics.close)
        if self._engine is not None:
            self.hung = not await asyncio.to_thread(self._engine.close, _ENGINE_STOP_S)
        if self._audience is not None:
            await asyncio.to_thread(self._audience.close)
        if self.hung:
            _log.error("a filter hangs and is left behind")
        _log.info("stopped")

    async def run(self, on_serving: Callable[[], None]) -> None:
        """Start, say so, serve until SIGINT or SIGTERM, and stop; at once at a second signal.

        Raises:
            StoreError, EstimatorError, OSError: as `start`.
        """
        stopping, hurrying = asyncio.Event(), asyncio.Event()

        def on_signal() -> None:
            (hurrying if stopping.is_set() else stopping).set()

        loop = asyncio.get_running_loop()
        # Before anybody can know that we serve: a signal must never be missed.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, on_signal)
        # A terminal that closes is no reason to end; what may be reloaded by it comes later.
        loop.add_signal_handler(signal.SIGHUP, lambda: _log.info("SIGHUP: nothing to reload"))
        await self.start()
        if not stopping.is_set():
            on_serving()
        await stopping.wait()
        stop, hurry = asyncio.create_task(self.stop()), asyncio.create_task(hurrying.wait())
        await asyncio.wait({stop, hurry}, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not stop.done():
            _log.warning("a second signal: stopping at once")
            stop.cancel()
            await self._grpc.stop(None)
            return
        await stop

    def _say(self, status: int) -> None:
        for service in ("", SERVICE):
            self._health.set(service, status)

    def _bind(self) -> int:
        host = self.settings.host.strip("[]")
        wanted = f"{f'[{host}]' if ':' in host else host}:{self.settings.port}"
        why = ""
        try:
            if self.settings.tls_certificate is None or self.settings.tls_key is None:
                port = self._grpc.add_insecure_port(wanted)
            else:
                pair = (
                    self.settings.tls_key.read_bytes(),
                    self.settings.tls_certificate.read_bytes(),
                )
                port = self._grpc.add_secure_port(wanted, grpc.ssl_server_credentials([pair]))
        except RuntimeError as error:
            port, why = 0, str(error)
        if port == 0:
            raise OSError(
                f"cannot listen on {wanted}: is something else listening there, and are the "
                f"certificate and its key sound? {why}"
            )
        return int(port)


def _loaded(settings: Settings) -> Toolbox:
    tools = load_tools(
        Registry(packs=settings.packs),
        policy=settings.policy,
        estimator=settings.estimator,
        audience=Audience(settings.audience) if settings.audience else None,
        mesh_runtime=settings.mesh_runtime,
    )
    warm(tools)
    for found in tools.registry.catalogue():
        if isinstance(found, Broken):
            # Its texts are the operator's own: nothing of a picture was seen yet.
            _log.warning("%s cannot be used: %s", found.id, found.error)
    return tools


def _mesh_words(tools: Toolbox) -> str:
    return open_mesh(tools.face_model, tools.mesh_runtime).words


def _later(loop: asyncio.AbstractEventLoop, function: Callable[[int], None], argument: int) -> None:
    """Call something on the event loop, from any thread; nothing once the loop has ended."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function, argument)


def channel_options(max_message_bytes: int) -> list[tuple[str, int]]:
    """How a gRPC server is tuned that takes messages of so many bytes."""
    return [
        # Between this limit and twice it the session answers with a field's path; beyond,
        # the transport ends the call.
        ("grpc.max_receive_message_length", max_message_bytes * 2),
        ("grpc.max_send_message_length", -1),
        # Small windows: about five frames in the transport instead of seventy.
        ("grpc.http2.lookahead_bytes", 262144),
        ("grpc.http2.bdp_probe", 0),
        # Lets clients ping an idle stream every ten seconds.
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # A peer that vanished without a word is noticed in less than a minute.
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.so_reuseport", 0),
    ]
