"""What is not a stream: stills, the catalogue, the server's own facts, health, tokens, TLS."""

from __future__ import annotations

from pathlib import Path

import cv2
import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from numpy.typing import NDArray
from pydantic import ValidationError

from omote.v1 import (
    filter_pb2,
    filter_service_pb2,
    filter_service_pb2_grpc,
    picture_pb2,
    stream_pb2,
)
from omote_server.frames import codec
from omote_server.frames.job import Toolbox
from omote_server.messages import PictureFormat
from omote_server.serving.server import Server
from omote_server.serving.service import SERVICE
from omote_server.serving.settings import Settings

Pixels = NDArray[np.uint8]
FACES = stream_pb2.Consent(face_effects=True)


def channel_to(server: Server) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(server.address)


def still(
    astronaut: Pixels, filter_id: str = "face_paint"
) -> filter_service_pb2.ApplyFiltersRequest:
    data = codec.encode(astronaut, PictureFormat.PNG, 0).data
    return filter_service_pb2.ApplyFiltersRequest(
        picture=picture_pb2.Picture(data=data),
        chain=filter_pb2.Chain(entries=[filter_pb2.ChainEntry(filter_id=filter_id)]),
        consent=FACES,
        output=stream_pb2.OutputOptions(format=picture_pb2.PICTURE_FORMAT_PNG, blendshapes=True),
    )


async def test_a_still_picture(server: Server, astronaut: Pixels) -> None:
    async with channel_to(server) as channel:
        stub = filter_service_pb2_grpc.FilterServiceStub(channel)
        answer = await stub.ApplyFilters(still(astronaut))
    painted = cv2.imdecode(np.frombuffer(answer.picture.data, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert painted is not None
    changed = (np.asarray(painted) != astronaut).any(axis=2)
    box = answer.faces[0].box
    assert changed.sum() > 2000
    rows, columns = np.nonzero(changed)
    assert columns.min() > box.x - 0.3 * box.width
    assert columns.max() < box.x + 1.3 * box.width
    assert rows.max() < box.y + 1.3 * box.height
    assert len(answer.blendshape_names) == len(answer.faces[0].blendshapes) == 52
    assert list(answer.applied_filters) == ["face_paint"]


async def test_a_still_that_does_not_fit(server: Server, astronaut: Pixels) -> None:
    async with channel_to(server) as channel:
        stub = filter_service_pb2_grpc.FilterServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await stub.ApplyFilters(still(astronaut, "no_such_filter"))
        with pytest.raises(grpc.aio.AioRpcError) as empty:
            await stub.ApplyFilters(filter_service_pb2.ApplyFiltersRequest())
    assert unknown.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "chain.entries[0].filter_id" in (unknown.value.details() or "")
    assert empty.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "picture.data" in (empty.value.details() or "")


async def test_the_catalogue_describes_every_setting(server: Server) -> None:
    async with channel_to(server) as channel:
        stub = filter_service_pb2_grpc.FilterServiceStub(channel)
        everything = await stub.ListFilters(filter_service_pb2.ListFiltersRequest())
        one = await stub.ListFilters(filter_service_pb2.ListFiltersRequest(ids=["lipstick"]))
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await stub.ListFilters(filter_service_pb2.ListFiltersRequest(ids=["nope"]))
    by_id = {info.id: info for info in everything.filters}
    assert len(by_id) >= 6
    assert not [info for info in everything.filters if info.error]
    assert by_id["pixelate_face"].appearance == filter_pb2.APPEARANCE_CLASS_ANONYMISE
    assert filter_pb2.NEED_AGE in by_id["life_stages"].needs
    assert [info.id for info in one.filters] == ["lipstick"]
    for info in everything.filters:
        for parameter in info.parameters:
            assert parameter.label
            assert parameter.type != filter_pb2.PARAMETER_TYPE_UNSPECIFIED
            assert parameter.widget != filter_pb2.WIDGET_UNSPECIFIED
    assert "ids[0]" in (unknown.value.details() or "")


async def test_the_server_tells_the_truth_about_itself(server: Server) -> None:
    async with channel_to(server) as channel:
        stub = filter_service_pb2_grpc.FilterServiceStub(channel)
        info = await stub.GetServerInfo(filter_service_pb2.GetServerInfoRequest(include_cards=True))
    assert info.api_version == "omote.v1"
    (mesh,) = [model.runtime for model in info.models if model.runtime]
    assert mesh.startswith(("Omote's own kernel, ", "stock MediaPipe: "))
    assert info.limits.max_pixels == server.settings.max_pixels
    assert {m.name for m in info.models if m.loaded} == {
        "face_landmarker",
        "face-api",
        "gender-dlib",
        "person",
        "person-wide",
    }
    for model in info.models:
        assert len(model.sha256) == 64
        assert model.card.startswith("#")


async def test_health_is_told_per_service(tools: Toolbox) -> None:
    server = Server(Settings(port=0, workers=1), tools)
    await server.start()
    async with channel_to(server) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", SERVICE):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await stub.Check(health_pb2.HealthCheckRequest(service="other.Service"))
        assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        server._say(health_pb2.HealthCheckResponse.NOT_SERVING)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
    await server.stop()


@pytest.mark.parametrize("on", [True, False])
async def test_reflection_is_behind_a_flag(tools: Toolbox, on: bool) -> None:
    server = Server(Settings(port=0, workers=1, reflection=on), tools)
    await server.start()
    async with channel_to(server) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        call = stub.ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        )
        if on:
            answer = await call.read()
            names = {service.name for service in answer.list_services_response.service}
            assert SERVICE in names
        else:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call.read()
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
        call.cancel()
    await server.stop()


async def test_a_token_is_demanded_where_one_is_set(tools: Toolbox) -> None:
    server = Server(Settings(port=0, workers=1, token="open sesame"), tools)
    await server.start()
    async with channel_to(server) as channel:
        stub = filter_service_pb2_grpc.FilterServiceStub(channel)
        request = filter_service_pb2.GetServerInfoRequest()
        for metadata in ((), (("authorization", "Bearer guess"),)):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.GetServerInfo(request, metadata=metadata)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
            assert "sesame" not in (refused.value.details() or "")
            stream = stub.StreamFrames(metadata=metadata)
            assert await stream.code() is grpc.StatusCode.UNAUTHENTICATED
        await stub.GetServerInfo(request, metadata=(("authorization", "Bearer open sesame"),))
        health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert health.status == health_pb2.HealthCheckResponse.SERVING
    await server.stop()


def test_off_loopback_a_server_must_be_protected(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="--insecure"):
        Settings(host="0.0.0.0")
    with pytest.raises(ValidationError, match="OMOTE_TOKEN"):
        Settings(host="0.0.0.0", insecure=True)
    key = tmp_path / "key.pem"
    key.touch()
    with pytest.raises(ValidationError, match="both"):
        Settings(tls_key=key)
    with pytest.raises(ValidationError, match="does not exist"):
        Settings(tls_key=tmp_path / "other.pem")
    assert Settings(host="0.0.0.0", insecure=True, token="t").insecure
    assert Settings(host="localhost").loopback
    assert Settings(host="::1").loopback


async def test_a_taken_port_is_a_clear_error(server: Server, tools: Toolbox) -> None:
    second = Server(Settings(port=server.port, workers=1), tools)
    with pytest.raises(OSError, match="something else listening"):
        await second.start()


async def test_the_catalogue_comes_with_pictures_where_they_are_wanted(server: Server) -> None:
    async with channel_to(server) as channel:
        stub = filter_service_pb2_grpc.FilterServiceStub(channel)
        request = filter_service_pb2.ListFiltersRequest(ids=["lipstick", "birthday"])
        without = await stub.ListFilters(request)
        request.include_previews = True
        with_pictures = await stub.ListFilters(request)
    assert not any(each.HasField("preview") for each in without.filters)
    for each in with_pictures.filters:
        pixels = codec.decode_own(each.preview.data)
        assert pixels.shape == (each.preview.height, each.preview.width, 3)
