"""A connection to a server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar

import grpc

from omote.v1 import filter_service_pb2, filter_service_pb2_grpc, picture_pb2
from omote_client import reading
from omote_client.catalogue import FilterInfo, ServerInfo
from omote_client.channel import Address, Tls, connect
from omote_client.errors import InvalidRequest, ServerUnavailable
from omote_client.forks import HOME
from omote_client.pictures import FrameLike, write_picture
from omote_client.reconnect import Reconnect
from omote_client.requests import (
    ChainLike,
    Consent,
    Declared,
    Limits,
    Opening,
    Output,
    chain_to_wire,
)
from omote_client.results import Filtered, Notice
from omote_client.session import Line
from omote_client.statuses import failure
from omote_client.stream import Stream
from omote_client.words import Delivery

Response = TypeVar("Response")

_GRACE = 1.0  # seconds


class Client:
    """A connection to the server at `target`, "host:port". Use it with `async with`.

    Args:
        target: where the server listens, such as "127.0.0.1:8560" or "unix:/run/omote.sock".
        token: sent with every call, where the server demands one.
        tls: True for the system's certificates, PEM bytes of your own authority, or gRPC
            credentials. False only for this machine, or with `insecure`.
        insecure: allows an unencrypted connection to another machine.
        connect_timeout: seconds to wait for the server, and for each session to open.
        name: for the server's logs, such as "my-game/1.4"; at most 64 characters.

    Raises:
        ServerUnavailable: no server answers in time (on entering the `async with` block). Its
            class says why: `NothingListens`, `UnknownHost`, `ConnectionBroken`, or a `TlsFailed`,
            which is raised at once.
        InvalidRequest: the connection would be unencrypted, or is open already.
        Forked: gRPC was used before this process was forked.
    """

    def __init__(
        self,
        target: str,
        *,
        token: str | None = None,
        tls: Tls = False,
        insecure: bool = False,
        connect_timeout: float = 10.0,
        name: str = "omote-client-python",
    ) -> None:
        self._address = Address(target, tls, insecure)
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._timeout = connect_timeout
        self._name = name
        self._channel: grpc.aio.Channel | None = None
        self._entered = False

    async def __aenter__(self) -> Client:
        if self._entered:
            raise InvalidRequest("This client is open already: make one for each `async with`.")
        self._entered = True
        try:
            self._channel = await connect(self._address, self._timeout)
        finally:
            self._entered = self._channel is not None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        channel, self._channel, self._entered = self._channel, None, False
        if channel is not None:
            await channel.close()

    async def server_info(self, *, cards: bool = False, timeout: float = 10.0) -> ServerInfo:
        """Versions, limits and models, with their cards in Markdown where `cards` is True.

        Raises:
            OmoteError: the server does not answer within `timeout` seconds, or refuses.
        """
        request = filter_service_pb2.GetServerInfoRequest(include_cards=cards)
        answer = await self._call(self._stub.GetServerInfo, request, timeout)
        return ServerInfo.from_wire(answer)

    async def list_filters(
        self, ids: Sequence[str] = (), *, previews: bool = False, timeout: float = 10.0
    ) -> list[FilterInfo]:
        """The catalogue, broken filters included; only some filters where `ids` names them.

        With `previews` each comes with a small picture of its effect, where it has one.

        Raises:
            OmoteError: the server does not answer within `timeout` seconds, or refuses.
        """
        request = filter_service_pb2.ListFiltersRequest(ids=ids, include_previews=previews)
        answer = await self._call(self._stub.ListFilters, request, timeout)
        return [FilterInfo.from_wire(each) for each in answer.filters]

    async def apply(
        self,
        picture: FrameLike,
        chain: ChainLike,
        *,
        consent: Consent = Consent(),
        declared: Declared = Declared(),
        output: Output = Output(),
        rotation: int = 0,
        mirrored: bool = False,
        timeout: float = 60.0,
    ) -> Filtered:
        """Filters one still picture; `rotation` and `mirrored` are those of `stream`.

        Raises:
            OmoteError: the server does not answer within `timeout` seconds, or refuses.
        """
        opening = Opening(
            chain_to_wire(chain), consent, declared, output, rotation=rotation, mirrored=mirrored
        )
        message = picture_pb2.Picture()
        write_picture(message, picture)
        request = opening.for_picture(message)
        return reading.applied(await self._call(self._stub.ApplyFilters, request, timeout))

    def stream(
        self,
        chain: ChainLike = (),
        *,
        consent: Consent = Consent(),
        declared: Declared = Declared(),
        output: Output = Output(),
        limits: Limits = Limits(),
        delivery: Delivery = Delivery.NEWEST,
        rotation: int = 0,
        mirrored: bool = False,
        in_flight: int = 32,
        reconnect: Reconnect | None = Reconnect(),
        finish_timeout: float = 30.0,
        on_notice: Callable[[Notice], None] | None = None,
    ) -> Stream:
        """A stream of frames, to be opened with `async with`.

        Args:
            chain: filters to begin with, see `FilterUse`; `Stream.set_chain` changes it.
            consent: what the person agreed to; `Stream.set_consent` changes it.
            declared: what the person said of themselves.
            output: what results carry.
            limits: what the stream may use, below the server's own limits.
            delivery: live, where the newest frame wins, or every frame.
            rotation: degrees by which frames must be turned clockwise to be upright, as phones
                tell them: 0, 90, 180 or 270. `Stream.send` may say otherwise of a frame.
            mirrored: whether frames, once turned, are as in a mirror: a selfie feed.
            in_flight: frames that may be on their way or unread at once; they stay in memory.
            reconnect: patience with a server that goes away; None fails at once.
            finish_timeout: seconds for which the server may say nothing while the stream is being
                finished, or while it goes away itself.
            on_notice: called in the event loop; None logs to "omote_client".

        Raises:
            InvalidRequest: an argument makes no sense.
        """
        opening = Opening(
            chain_to_wire(chain),
            consent,
            declared,
            output,
            limits,
            delivery,
            self._name,
            rotation,
            mirrored,
        )
        opening.to_wire()  # complains here rather than later
        line = Line(self._address.target, self._stub, self._metadata, self._timeout, finish_timeout)
        return Stream(line, opening, in_flight=in_flight, reconnect=reconnect, on_notice=on_notice)

    @property
    def _stub(self) -> filter_service_pb2_grpc.FilterServiceAsyncStub:
        HOME.settle()
        if self._channel is None:
            raise InvalidRequest("Open the client with `async with` first.")
        return filter_service_pb2_grpc.FilterServiceStub(self._channel)

    async def _call(
        self, method: Callable[..., Awaitable[Response]], request: Any, seconds: float
    ) -> Response:
        try:
            # gRPC keeps the time; where it does not come to that itself, the loop does.
            async with asyncio.timeout(seconds + _GRACE):
                return await method(request, metadata=self._metadata, timeout=seconds)
        except TimeoutError:
            text = f"{self._address.target} did not answer within {seconds:g} s."
            raise ServerUnavailable(text) from None
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                text = f"{self._address.target} did not answer within {seconds:g} s."
                raise ServerUnavailable(text) from error
            text, metadata = error.details() or "", error.trailing_metadata()
            raise failure(error.code(), text, metadata, self._address.target) from error
