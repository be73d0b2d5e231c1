"""The standard health service, for a port that anybody can reach."""

from __future__ import annotations

from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1._async import HealthServicer

_MOST_WATCHERS = 32
"""Calls that stay open for ever and that nobody admitted: balancers keep a few of them. A `Check`
is answered at once, so it needs no place."""


class Health(HealthServicer):  # type: ignore[misc]  # the package has no types
    """SERVING or not, to whoever asks; only so many may keep asking."""

    def __init__(self) -> None:
        super().__init__()
        self._watchers = 0

    async def Watch(  # noqa: N802 - the wire's name
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> None:
        """Every change of a service's health, for a limited number of watchers."""
        if self._watchers >= _MOST_WATCHERS:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{_MOST_WATCHERS} others watch already; use Health.Check from time to time",
            )
        self._watchers += 1
        try:
            await super().Watch(request, context)
        finally:
            self._watchers -= 1
