"""The session core in memory: requests in, responses out; no port, no model, no thread."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

import pytest

from omote_filters.registry import Registry
from omote_filters.words import ChainEntry, Consent, Event, Violation
from omote_server.errors import Busy, CallError, InvalidRequest, Leaving, OutOfOrder, Stuck, TooSlow
from omote_server.frames.engine import Pack, Take
from omote_server.frames.job import Directives, Job, PipelineOptions
from omote_server.messages import (
    ChainApplied,
    ChainRefused,
    ConsentApplied,
    Delivery,
    EncodedPicture,
    EventRefused,
    Finish,
    Frame,
    FrameRefused,
    GoingAway,
    HostEvent,
    Limits,
    Malformed,
    Open,
    PictureFormat,
    Ready,
    Request,
    Response,
    Result,
    SetChain,
    SetConsent,
    Summary,
)
from omote_server.stream import host as host_module
from omote_server.stream.host import SessionHost

FACES = Consent(face_effects=True)


class FakeEngine:
    """Seats without pipelines: a frame comes back as it came, when `gate` lets it."""

    def __init__(self) -> None:
        self.open = 0
        self.jobs: list[Job] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.bad: set[int] = set()
        self.fault: Exception | None = None  # of the next frame

    def seat(self, options: PipelineOptions, pack: Pack | None = None) -> FakeSeat:
        self.open += 1
        return FakeSeat(self)

    def close(self, seconds: float) -> bool:
        return True


class FakeSeat:
    tracks_seen = 1

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.most = Consent(True, True)

    async def prepare(self, directives: Directives) -> None:
        await asyncio.sleep(0)

    async def work(self, take: Take) -> Result | None:
        await self.engine.gate.wait()
        job = take()
        if job is None:
            return None
        self.engine.jobs.append(job)
        await asyncio.sleep(0)
        if self.engine.fault:
            raise self.engine.fault
        if job.frame.sequence in self.engine.bad:
            raise InvalidRequest.at("picture.data", "is damaged")
        revision = job.directives.revision
        return Result(job.frame.sequence, 0, events=job.events, chain_revision=revision)

    def restrict(self, consent: Consent) -> None:
        self.most = consent

    def close(self) -> None:
        self.engine.open -= 1


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


def hosted(engine: FakeEngine, **limits: float) -> SessionHost:
    return SessionHost(engine, Registry(), replace(Limits(), **limits))  # type: ignore[arg-type]


def frame(number: int, data: bytes = b"picture") -> Frame:
    return Frame(number, number * 1000, EncodedPicture(PictureFormat.JPEG, 0, 0, data))


async def told(*requests: Request) -> AsyncIterator[Request]:
    for request in requests:
        yield request


class Line:
    """Requests that are said one by one."""

    def __init__(self, *first: Request) -> None:
        self._queue: asyncio.Queue[Request | None] = asyncio.Queue()
        self.say(*first)

    def say(self, *requests: Request) -> None:
        for request in requests:
            self._queue.put_nowait(request)

    def hang_up(self) -> None:
        self._queue.put_nowait(None)

    def __aiter__(self) -> AsyncIterator[Request]:
        return self

    async def __anext__(self) -> Request:
        request = await self._queue.get()
        if request is None:
            raise StopAsyncIteration
        return request


async def heard(host: SessionHost, requests: AsyncIterator[Request]) -> list[Response]:
    async with aclosing(host.run(requests)) as responses:
        return [response async for response in responses]


def kinds(responses: Sequence[Response]) -> list[str]:
    return [type(response).__name__ for response in responses]


async def test_a_whole_stream(engine: FakeEngine) -> None:
    opening = Open(FACES, delivery=Delivery.EVERY)
    host = hosted(engine)
    answers = await heard(host, told(opening, frame(1), frame(2), Finish()))
    assert kinds(answers) == ["Ready", "Result", "Result", "Summary"]
    assert answers[-1] == Summary(received=2, returned=2, tracks=1)
    assert (engine.open, host.active) == (0, 0)


async def test_an_end_without_finish_has_no_summary(engine: FakeEngine) -> None:
    opening = Open(FACES, delivery=Delivery.EVERY)
    answers = await heard(hosted(engine), told(opening, frame(1)))
    assert kinds(answers) == ["Ready", "Result"]


@pytest.mark.parametrize(
    ("requests", "error"),
    [
        ((), OutOfOrder),
        ((frame(1),), OutOfOrder),
        ((Malformed((Violation("open", "no"),)),), InvalidRequest),
        ((Open(chain=(ChainEntry("no_such_filter"),)),), InvalidRequest),
        ((Open(), Open()), OutOfOrder),
        ((Open(), Malformed((Violation("message", "no"),), broken=True)), InvalidRequest),
    ],
)
async def test_what_ends_a_stream(
    engine: FakeEngine, requests: Sequence[Request], error: type[CallError]
) -> None:
    host = hosted(engine)
    with pytest.raises(error):
        await heard(host, told(*requests))
    assert (engine.open, host.active) == (0, 0)


@pytest.mark.parametrize("fault", [Stuck("it hangs"), RuntimeError("a bug")])
async def test_a_failure_at_work_is_not_taken_for_the_end(
    engine: FakeEngine, fault: Exception
) -> None:
    engine.fault = fault
    host = hosted(engine)
    line = Line(Open(), frame(1))  # the client waits for an answer, and says nothing more
    with pytest.raises(type(fault), match=str(fault)):
        await heard(host, line)
    assert (engine.open, host.active) == (0, 0)


async def test_what_is_refused_and_goes_on(engine: FakeEngine) -> None:
    engine.bad = {5}
    host = hosted(engine, max_message_bytes=100)
    requests = (
        Open(FACES, delivery=Delivery.EVERY),
        frame(2),
        frame(2),
        frame(1),
        Frame(9, 2**60, frame(1).picture),
        frame(3, bytes(101)),
        Malformed((Violation("frame.picture", "no"),), sequence=4),
        Malformed((Violation("event.name", "no"),)),
        SetChain((ChainEntry("no_such_filter"),)),
        SetChain((ChainEntry("vignette"),)),
        SetConsent(FACES),
        frame(5),
        Finish(),
    )
    answers = await heard(host, told(*requests))
    refused = [answer for answer in answers if isinstance(answer, FrameRefused)]
    assert sorted(answer.sequence for answer in refused) == [1, 2, 3, 4, 5, 9]
    fields = {answer.sequence: answer.violations[0].field for answer in refused}
    assert fields[1] == "frame.sequence"
    assert fields[9] == "frame.capture_time_us"
    assert fields[3] == fields[5] == "frame.picture.data"
    heard_kinds = {type(answer) for answer in answers}
    notices = {EventRefused, ChainRefused, ChainApplied, ConsentApplied, FrameRefused}
    assert heard_kinds == {Ready, Result, Summary, *notices}
    assert answers[-1] == Summary(received=7, returned=1, refused=6, tracks=1)


async def test_the_newest_wins_until_its_turn_comes(engine: FakeEngine) -> None:
    """A seat waits for a worker, not a frame: what is taken is the newest by then."""
    engine.gate.clear()
    line = Line(Open(FACES), *(frame(number) for number in range(1, 6)))
    async with aclosing(hosted(engine).run(line)) as responses:
        await anext(responses)
        await settled()
        engine.gate.set()
        result = await anext(responses)
        assert isinstance(result, Result)
        assert (result.sequence, result.dropped_before) == (5, 4)
        line.say(Finish())
        assert await anext(responses) == Summary(received=5, returned=1, dropped=4, tracks=1)


async def test_a_slow_reader_gets_the_newest_result(engine: FakeEngine) -> None:
    line = Line(Open(FACES))
    async with aclosing(hosted(engine).run(line)) as responses:
        await anext(responses)
        for number in range(1, 6):
            line.say(HostEvent(Event(f"event {number}")), frame(number))
            await settled()
        result = await anext(responses)
        assert isinstance(result, Result)
        assert (result.sequence, result.dropped_before) == (5, 4)
        assert len(result.events) == 5, "what filters had to say is not lost with a picture"
        line.say(Finish())
        assert await anext(responses) == Summary(received=5, returned=1, dropped=4, tracks=1)


async def test_every_frame_counts_where_every_frame_is_wanted(engine: FakeEngine) -> None:
    opening = Open(FACES, delivery=Delivery.EVERY)
    requests: list[Request] = [opening, *map(frame, range(1, 40)), Finish()]
    answers = await heard(hosted(engine), told(*requests))
    results = [answer.sequence for answer in answers if isinstance(answer, Result)]
    assert results == list(range(1, 40))


async def test_withdrawn_consent_drops_the_frame_in_work_and_tells_no_event_twice(
    engine: FakeEngine,
) -> None:
    line = Line(Open(FACES), HostEvent(Event("goal")))
    host = hosted(engine)

    class Withdrawing(FakeSeat):
        async def work(self, take: Take) -> Result | None:
            result = await super().work(take)
            if len(engine.jobs) == 1:
                line.say(SetConsent(Consent()))
                await settled()
            return result

    engine.seat = lambda options, pack=None: Withdrawing(engine)  # type: ignore[method-assign]
    async with aclosing(host.run(line)) as responses:
        await anext(responses)
        line.say(frame(1))
        assert isinstance(await anext(responses), ConsentApplied)
        line.say(frame(2), Finish())
        result = await anext(responses)
        assert isinstance(result, Result)
        assert (result.sequence, result.dropped_before) == (2, 1)
    assert [len(job.events) for job in engine.jobs] == [1, 0]


async def test_events_of_a_frame_that_cannot_be_read_go_with_the_next(engine: FakeEngine) -> None:
    engine.bad = {1}
    line = Line(Open(FACES), HostEvent(Event("goal")), frame(1))
    async with aclosing(hosted(engine).run(line)) as responses:
        await anext(responses)
        assert isinstance(await anext(responses), FrameRefused)
        line.say(frame(2))
        await anext(responses)
    assert [[event.name for event in job.events] for job in engine.jobs] == [["goal"], ["goal"]]


async def test_a_rate_of_nothing_still_ends(engine: FakeEngine) -> None:
    """Nobody sleeps for a thousand years: there is a floor, and after `finish` no pacing."""
    wanted = Limits(max_frames_per_second=1e-9)
    requests: list[Request] = [Open(FACES, wanted=wanted), *map(frame, range(1, 9)), Finish()]
    async with asyncio.timeout(60):
        answers = await heard(hosted(engine), told(*requests))
    ready = answers[0]
    assert isinstance(ready, Ready)
    assert ready.limits.max_frames_per_second >= 0.1
    assert isinstance(answers[-1], Summary)


@pytest.mark.parametrize("delivery", list(Delivery))
async def test_who_reads_nothing_is_ended_whatever_they_send(
    engine: FakeEngine, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transport takes no response: the wait for it comes to its end."""
    monkeypatch.setattr("omote_server.stream.session._LINGER_S", 0.01)
    host = hosted(engine, idle_timeout_seconds=0.1)
    line = Line(Open(FACES, delivery=delivery))

    async def serve() -> None:
        async with (
            asyncio.timeout(None) as patience,
            aclosing(host.run(line, patience=patience)) as responses,
        ):
            async for response in responses:
                if isinstance(response, Result | FrameRefused):
                    await asyncio.Event().wait()  # a write that never ends

    async def send() -> None:
        for number in range(1, 10_000):
            line.say(frame(number), frame(0), SetConsent(FACES))
            await asyncio.sleep(0.001)

    sending = asyncio.create_task(send())
    serving = asyncio.create_task(serve())
    await asyncio.wait({serving}, timeout=60)
    sending.cancel()
    assert isinstance(serving.exception(), TimeoutError)
    assert (engine.open, host.active) == (0, 0)


async def test_who_says_nothing_is_told_and_ended(engine: FakeEngine) -> None:
    host = hosted(engine, idle_timeout_seconds=0.05)
    with pytest.raises(TooSlow, match="no message came"):
        await heard(host, Line(Open(FACES)))
    assert (engine.open, host.active) == (0, 0)


async def test_who_only_knocks_keeps_nobody_out(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "_MOST_AT_THE_DOOR", 5)
    host = hosted(engine, max_sessions=1)
    knocking = [asyncio.create_task(heard(host, Line())) for _ in range(20)]
    await settled()
    assert sum(not task.done() for task in knocking) == 5
    answers = await heard(host, told(Open(FACES), Finish()))
    assert kinds(answers) == ["Ready", "Summary"]
    for task in knocking:
        task.cancel()
    ends = await asyncio.gather(*knocking, return_exceptions=True)
    assert sum(isinstance(end, TooSlow) for end in ends) == 16


async def test_a_full_server_and_one_that_leaves(engine: FakeEngine) -> None:
    host = hosted(engine, max_sessions=1)
    line = Line(Open(FACES))
    async with aclosing(host.run(line)) as responses:
        await anext(responses)
        with pytest.raises(Busy):
            await heard(host, told(Open(FACES)))
        going = asyncio.create_task(host.go_away(60))
        assert await anext(responses) == GoingAway(60)
        with pytest.raises(Leaving):
            await heard(host, told(Open(FACES)))
        line.say(Finish())
        assert isinstance(await anext(responses), Summary)
    await going


@pytest.mark.parametrize("delivery", list(Delivery))
async def test_a_seat_comes_back_wherever_a_stream_is_cancelled(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled at every await, and cancelled again while it is being cancelled."""
    # A step of the loop, not of another thread: so that the script has a number of steps.
    monkeypatch.setattr(asyncio, "to_thread", on_the_loop)
    script: list[Request] = [
        Open(FACES, delivery=delivery),
        HostEvent(Event("goal")),
        *map(frame, (1, 2, 3, 1)),
        SetChain((ChainEntry("vignette"),)),
        Finish(),
    ]
    whole = False
    for steps in range(1000):
        engine = FakeEngine()
        host = hosted(engine, max_sessions=1)
        serving = asyncio.create_task(heard(host, told(*script)))
        for _ in range(steps):
            await asyncio.sleep(0)
        whole = serving.done()
        for _ in range(3):
            serving.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(serving, return_exceptions=True)
        await settled()
        assert (engine.open, host.active) == (0, 0), f"after {steps} steps"
        assert len(asyncio.all_tasks()) == 1, f"after {steps} steps"
        if whole:
            break
    assert whole, "the script came to its end"
    gc.collect()  # a task whose exception nobody fetched complains here


async def settled() -> None:
    """Let every task run until it waits."""
    for _ in range(50):
        await asyncio.sleep(0)


async def on_the_loop(function: Callable[..., object], *arguments: object) -> object:
    await asyncio.sleep(0)
    return function(*arguments)
