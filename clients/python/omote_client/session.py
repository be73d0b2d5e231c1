"""One call of StreamFrames, from `open` to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import grpc

from omote.v1 import filter_service_pb2_grpc, stream_pb2
from omote_client.errors import OmoteError, ServerError, ServerUnavailable
from omote_client.statuses import failure

T = TypeVar("T")

_INVENTED = "Internal error from Core"
_MOMENTS = 100


@dataclass(frozen=True, slots=True)
class Line:
    """Where a server is and how it is called.

    Attributes:
        timeout: seconds for a session's start.
        finish_timeout: seconds for which a server may say nothing towards its end.
    """

    target: str
    stub: filter_service_pb2_grpc.FilterServiceAsyncStub
    metadata: tuple[tuple[str, str], ...]
    timeout: float
    finish_timeout: float


class Session:
    """One call of StreamFrames. One task may write while another reads."""

    def __init__(self, line: Line) -> None:
        self._target = line.target
        self._call = line.stub.StreamFrames(metadata=line.metadata)
        self._status: tuple[grpc.StatusCode, str, grpc.aio.Metadata] | None = None
        self._call.add_done_callback(self._keep_status)
        # Iterated rather than read: what has arrived stays readable after the call has ended.
        self._responses = cast(
            "AsyncGenerator[stream_pb2.StreamFramesResponse | None]", aiter(self._call)
        )

    @classmethod
    async def open(cls, line: Line, opening: stream_pb2.Open) -> tuple[Session, stream_pb2.Ready]:
        """Opens a session and waits until the server is ready for frames.

        Raises:
            OmoteError: the server does not answer in time, or refuses.
        """
        session = cls(line)
        try:
            async with asyncio.timeout(line.timeout):
                await session.write(stream_pb2.StreamFramesRequest(open=opening))
                first = await session.read()
        except TimeoutError:
            await session.close()
            text = f"{line.target} opened no session within {line.timeout:g} s."
            raise ServerUnavailable(text) from None
        except BaseException:
            await session.close()
            raise
        if not first.HasField("ready"):
            await session.close()
            raise ServerError(f"{line.target} answered before it was ready.")
        return session, first.ready

    async def write(self, request: stream_pb2.StreamFramesRequest) -> bool:
        """Writes, and waits while the transport is full. Cancelling it ends the call.

        Returns whether the transport has taken it. A call that has ended does not: `read` says
        what happened.
        """
        try:
            await self._call.write(request)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return False
        return True

    async def read(self) -> stream_pb2.StreamFramesResponse:
        """The next response.

        Raises:
            OmoteError: the call has ended.
        """
        try:
            response = await anext(self._responses)
        except StopAsyncIteration:
            raise ServerUnavailable(f"{self._target} ended the session.") from None
        except grpc.aio.AioRpcError as error:
            raise await self._failure() from error
        if response is None:  # gRPC's way to say that the bytes are no such message
            raise ServerError(f"{self._target} sends messages that cannot be read.")
        return response

    def cancel(self) -> None:
        """Ends the call at once, if it has not ended yet."""
        self._call.cancel()

    async def close(self) -> None:
        """Ends the call and gives back what it holds. Nobody may be reading any more."""
        self._call.cancel()
        await self._responses.aclose()

    async def _failure(self) -> OmoteError:
        for _ in range(_MOMENTS):
            if self._status is not None:
                return failure(*self._status, self._target)
            await asyncio.sleep(0.01)
        return ServerUnavailable(f"{self._target} ended the session.")

    def _keep_status(self, call: grpc.aio.Call) -> None:
        # A write that meets the end of a call makes gRPC put a status of its own in the place of
        # the server's, before or after that one comes. This callback sees both.
        text = _outcome(call.details())
        if text != _INVENTED:
            self._status = _outcome(call.code()), text, _outcome(call.trailing_metadata())


def _outcome(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise RuntimeError("The call has not ended.")
