"""What Prometheus may scrape: how the server fares, and what policy and audience counted."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.registry import Collector

from omote_server.frames.audience import Audience
from omote_server.frames.audit import Audit


class _Collector(Collector):
    """Reads the numbers when they are asked for; nothing runs in between."""

    def __init__(
        self, sessions: Callable[[], int], audit: Audit, audience: Audience | None
    ) -> None:
        self._sessions = sessions
        self._audit = audit
        self._audience = audience

    def collect(self) -> Iterator[Metric]:
        """Every metric."""
        yield GaugeMetricFamily(
            "omote_sessions", "Streams that are open now.", value=self._sessions()
        )
        restricted = CounterMetricFamily(
            "omote_restricted_faces",
            "Faces that a class of filters left alone because their person may be a minor.",
            labels=["appearance"],
        )
        for appearance, count in self._audit.counts.items():
            restricted.add_metric([appearance], count)
        yield restricted
        if self._audience is None:
            return
        tracks = GaugeMetricFamily(
            "omote_audience_tracks",
            "Faces in the last full window, rounded down; small cells are missing.",
            labels=["age_band", "gender"],
        )
        window = self._audience.last
        for (band, gender), count in (window.tracks if window else {}).items():
            tracks.add_metric([band, gender], count)
        yield tracks


class _Listener(ThreadingWSGIServer):
    """What a client does in mid-sentence is nobody's fault: it is not worth a traceback."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing is to be told."""


class _Exchange(WSGIRequestHandler):
    """Who says nothing keeps no thread for ever."""

    timeout = 10.0

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        """Requests are not logged."""


class MetricsServer:
    """Answers GET /metrics."""

    def __init__(self, host: str, port: int) -> None:
        """Bind; there is nothing to tell before `report`.

        Raises:
            OSError: the port is taken.
        """
        self._registry = CollectorRegistry(auto_describe=False)
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        kind = type("Listener", (_Listener,), {"address_family": family})
        app = make_wsgi_app(self._registry)
        self._server: WSGIServer = make_server(
            str(address[0]), port, app, kind, handler_class=_Exchange
        )
        self._thread = Thread(target=self._server.serve_forever, name="omote-metrics", daemon=True)
        self._thread.start()

    def report(self, sessions: Callable[[], int], audit: Audit, audience: Audience | None) -> None:
        """Tell of these from now on."""
        self._registry.register(_Collector(sessions, audit, audience))

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
