"""Starts a server as a process of its own, for the demo and the benchmark."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_START_S = 120
_STOP_S = 30


class ServerProcessError(Exception):
    """The server did not start or did not stop as it should."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A serving process: where it listens, and its process id."""

    address: str
    pid: int


@contextmanager
def local_server(*options: str) -> Iterator[LocalServer]:
    """A server on a free loopback port, serving with defaults; stopped cleanly at the end.

    Args:
        options: of `omote serve`. Nothing else is set: neither omote.toml nor the environment
            is read.

    Raises:
        ServerProcessError: it did not come up, or did not end with exit code 0.
    """
    # What an operator has set for this machine or this folder is not what is shown or measured.
    serve = ("serve", "--defaults", "--port", "0", "--json")
    command = [sys.executable, "-m", "omote_server", *serve, *options]
    # A file, not a pipe: nobody reads along, and a full pipe would stop the server.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as complaints:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True)
        try:
            server = LocalServer(_address(process, complaints), process.pid)
            _wait_until_serving(server.address)
            yield server
        finally:
            _stop(process)
    if process.returncode != 0:
        raise ServerProcessError(f"the server ended with exit code {process.returncode}")


def _address(process: subprocess.Popen[str], complaints: IO[str]) -> str:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    line = process.stdout.readline()
    if not line:
        process.wait(_STOP_S)
        complaints.seek(0)
        complaint = complaints.read().strip()
        raise ServerProcessError(f"the server did not start: {complaint or 'it said nothing'}")
    return str(json.loads(line)["address"])


def _wait_until_serving(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service="omote.v1.FilterService")
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                request, timeout=_START_S, wait_for_ready=True
            )
        except grpc.RpcError as error:
            raise ServerProcessError(f"the server's health cannot be read: {error}") from None
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise ServerProcessError("the server's health check does not say SERVING")


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
