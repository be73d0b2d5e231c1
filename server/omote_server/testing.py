"""A real server for tests: in this process, on a free port, with an engine that needs no models.

    async with testing.server() as server, Client(server.address) as client:
        ...

Sessions, chains, limits, consent and the wire are the real ones. Only what happens to a frame is
not: it comes back as it came, or as a function of yours answers. For filters there are `face` and
`drawn`, which need no server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from omote_filters.chain import Chain
from omote_filters.filter import Filter
from omote_filters.registry import GROUP, Registry
from omote_filters.scene import Scene
from omote_filters.words import ChainEntry, Consent
from omote_models.face import AgeBand, Attributes, Box, Estimate, Face, FloatArray
from omote_models.landmarks import BLENDSHAPE_INDEX, LEFT_EYE, RIGHT_EYE
from omote_models.mesh import canonical_mesh
from omote_server.frames.engine import Pack, Seat, Take
from omote_server.frames.job import Directives, Job, PipelineOptions
from omote_server.messages import Limits, PictureFormat, Result
from omote_server.serving.server import channel_options
from omote_server.serving.service import FilterService
from omote_server.stream.host import SessionHost

Pixels = NDArray[np.uint8]
Answer = Callable[[Job], Result]
"""What becomes of a frame; it may raise what an engine raises."""

_AGREED = Consent(face_effects=True, demographics=True)
_RATE = 30.0


def echo(job: Job) -> Result:
    """The frame as it came, with every filter of the chain told as applied."""
    frame, directives = job.frame, job.directives
    return Result(
        frame.sequence,
        frame.capture_time_us,
        replace(frame.picture, format=frame.picture.format or PictureFormat.JPEG),
        applied=[entry.filter_id for entry in directives.chain],
        events=job.events,
        chain_revision=directives.revision,
    )


class LightEngine:
    """Seats without pipelines.

    Attributes:
        gate: cleared, it holds every frame back; set, they go on.
        held: how many streams have a frame that the gate holds back now.
        delay: seconds that each frame takes.
        faults: what is raised instead of an answer, by the frame's sequence, once each: an
            `InvalidRequest` refuses the frame, another `CallError` ends the stream with its
            status, anything else is a bug of the server.
        refusals: what is raised instead of a seat, one after the other, such as `Busy`.
        opened: with which chain and consent each stream was opened.
        jobs: every frame that was taken, with its chain, its consent and its events.
        seats: how many sessions have one now.
    """

    def __init__(self, answer: Answer = echo) -> None:
        self._answer = answer
        self.gate = asyncio.Event()
        self.gate.set()
        self.held = 0
        self.delay = 0.0
        self.faults: dict[int, Exception] = {}
        self.refusals: list[Exception] = []
        self.opened: list[Directives] = []
        self.jobs: list[Job] = []
        self.seats = 0

    def seat(self, options: PipelineOptions, pack: Pack | None = None) -> Seat:
        """A seat, or the next of the refusals."""
        if self.refusals:
            raise self.refusals.pop(0)
        self.seats += 1
        return _LightSeat(self, pack)

    def close(self, seconds: float) -> bool:
        """Nothing runs here."""
        return True

    async def answer(self, job: Job) -> Result:
        """What becomes of a frame, in its time."""
        self.jobs.append(job)
        await asyncio.sleep(self.delay)
        if fault := self.faults.pop(job.frame.sequence, None):
            raise fault
        return self._answer(job)


class _LightSeat:
    tracks_seen = 0

    def __init__(self, engine: LightEngine, pack: Pack | None) -> None:
        self._engine = engine
        self._pack = pack
        self._most = _AGREED
        self._closed = False

    async def prepare(self, directives: Directives) -> None:
        self._engine.opened.append(directives)

    async def work(self, take: Take) -> Result | None:
        self._engine.held += 1
        try:
            await self._engine.gate.wait()
        finally:
            self._engine.held -= 1
        job = take()
        if job is None:
            return None
        job.consent &= self._most
        result = await self._engine.answer(job)
        if self._pack:
            result.pack(self._pack)
        return result

    def restrict(self, consent: Consent) -> None:
        self._most = consent

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._engine.seats -= 1


class LightServer:
    """`omote.v1.FilterService` on loopback. It can go, and come back on the same port.

    Attributes:
        engine: where frames are answered, and where faults are ordered.
    """

    def __init__(
        self,
        engine: LightEngine,
        registry: Registry,
        limits: Limits,
        *,
        token: str | None = None,
        credentials: grpc.ServerCredentials | None = None,
        port: int = 0,
    ) -> None:
        self.engine = engine
        self.credentials = credentials
        self._registry = registry
        self._limits = limits
        self._token = token
        self._port = port
        self._grpc: grpc.aio.Server | None = None
        self._host: SessionHost | None = None

    @property
    def address(self) -> str:
        """Where clients connect, host:port."""
        return f"127.0.0.1:{self._port}"

    @property
    def sessions(self) -> int:
        """How many streams are open."""
        return self._host.active if self._host else 0

    async def start(self) -> None:
        """Listen, on the same port as before.

        Raises:
            RuntimeError: the port is taken.
        """
        self._host = SessionHost(self.engine, self._registry, self._limits)
        self._grpc = grpc.aio.server(options=channel_options(self._limits.max_message_bytes))
        service = FilterService(self._host, self._token, ())
        self._grpc.add_generic_rpc_handlers((service.handlers(),))
        if self.credentials:
            self._port = self._grpc.add_secure_port(self.address, self.credentials)
        else:
            self._port = self._grpc.add_insecure_port(self.address)
        await self._grpc.start()

    async def go_away(self, grace: float = 5.0) -> None:
        """Say so on every stream, answer what was accepted, take no new ones, and stop."""
        if self._host:
            await self._host.go_away(grace)
        await self.stop()

    async def stop(self) -> None:
        """Stop at once: every stream breaks."""
        if self._grpc:
            await self._grpc.stop(0)
            self._grpc = None


@asynccontextmanager
async def server(
    answer: Answer = echo,
    *,
    filters: Iterable[type[Filter]] = (),
    limits: Limits = Limits(),
    token: str | None = None,
    credentials: grpc.ServerCredentials | None = None,
    port: int = 0,
) -> AsyncIterator[LightServer]:
    """A server that runs while the block does.

    Args:
        answer: what becomes of a frame.
        filters: what chains may name; everything that is installed, where none is given.
        limits: what streams are held to.
        token: what every call must carry.
        credentials: for TLS, such as `grpc.ssl_server_credentials`.
        port: 0 takes a free one.
    """
    running = LightServer(
        LightEngine(answer),
        _registry(filters),
        limits,
        token=token,
        credentials=credentials,
        port=port,
    )
    await running.start()
    try:
        yield running
    finally:
        running.engine.gate.set()
        await running.stop()


def face(
    width: float = 160.0,
    centre: tuple[float, float] = (320.0, 240.0),
    *,
    track_id: str = "a",
    age: float | None = None,
    **blendshapes: float,
) -> Face:
    """A face that looks into the camera: MediaPipe's canonical one.

    Args:
        width: from cheek to cheek, pixels.
        centre: of the face in the picture, pixels.
        track_id: a name of its own for each face of a picture.
        age: years, as declared; None leaves age and gender unknown.
        blendshapes: from 0 to 1 by name, such as `jawOpen=0.9`; all others are 0. The landmarks
            stay at rest.

    Raises:
        KeyError: there is no such blendshape.
    """
    vertices = canonical_mesh().vertices
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    scale = width / np.ptp(vertices[:, 0])
    points = (vertices - middle) * (scale, -scale, -scale) + (*centre, 0)
    # Ten points that the mesh has no vertices for: the irises, here in the middle of each eye.
    irises = [np.tile(points[list(ring)].mean(axis=0), (5, 1)) for ring in (RIGHT_EYE, LEFT_EYE)]
    landmarks: FloatArray = np.vstack((points, *irises)).astype(np.float32)
    scores = np.zeros(len(BLENDSHAPE_INDEX), np.float32)
    for name, score in blendshapes.items():
        scores[BLENDSHAPE_INDEX[name]] = score
    box = Box.around(landmarks)
    return Face(track_id, box, landmarks, blendshapes=scores, attributes=_attributes(age))


def drawn(
    which: type[Filter] | str,
    picture: Pixels,
    faces: Sequence[Face] = (),
    *,
    frames: int = 1,
    **settings: Any,
) -> Pixels:
    """The picture after a filter has drawn on it, in a chain as on a server.

    Args:
        which: the filter's class, from a module that can be imported; or the id of a filter or
            pack that is installed.
        picture: (height, width, 3) uint8 RGB; it stays as it is.
        faces: who is in the picture.
        frames: how many times it comes, 30 a second; the last one is returned.
        settings: of the filter.

    Raises:
        ChainError: the class or the settings are not sound; it says everything that is wrong.
        AssertionError: the filter failed; the log has the place.
    """
    filter_id, given = (which, []) if isinstance(which, str) else (which.id, [which])
    chain = Chain.build([ChainEntry(filter_id, settings)], _registry(given))
    chain.start()
    try:
        scene = _scene(picture, faces, 0)
        for number in range(frames):
            scene = _scene(picture, faces, number)
            applied = chain.apply(scene, _AGREED)
            if applied.bypassed:
                told = ", ".join(f"{each.filter_id}: {each.reason}" for each in applied.bypassed)
                raise AssertionError(f"bypassed, see the log: {told}")
    finally:
        chain.stop()
    return scene.picture


def _scene(picture: Pixels, faces: Sequence[Face], number: int) -> Scene:
    elapsed = 1 / _RATE if number else 0.0
    return Scene(picture.copy(), tuple(faces), time=number / _RATE, elapsed=elapsed)


def _registry(filters: Iterable[type[Filter]]) -> Registry:
    given = [
        EntryPoint(kind.id, f"{kind.__module__}:{kind.__qualname__}", GROUP) for kind in filters
    ]
    return Registry(given or None)


def _attributes(age: float | None) -> Attributes:
    if age is None:
        return Attributes()
    return Attributes(age=Estimate.declared(age), age_band=Estimate.declared(AgeBand.of(age)))
