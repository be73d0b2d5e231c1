"""What an operator may restrict and count: the policy, its audit, the audience, Prometheus."""

from __future__ import annotations

import datetime
import re
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from omote_client import Client, Consent, Declared, RawPicture
from omote_filters.policy import Policy
from omote_filters.words import NOT_FOR_MINORS, Appearance
from omote_models.face import AgeBand, Attributes, Box, Estimate, Face, Gender, Source
from omote_server.frames.audience import Audience, AudienceOptions
from omote_server.frames.audit import Audit
from omote_server.frames.job import Toolbox
from omote_server.serving.server import Server
from omote_server.serving.settings import Settings

Pixels = NDArray[np.uint8]
START = datetime.datetime(2026, 11, 25, 10, 0, tzinfo=datetime.UTC)


def face(
    track_id: str,
    age: float | None = None,
    interval: tuple[float, float] | None = None,
    gender: Gender | None = None,
) -> Face:
    known = Attributes()
    if age is not None:
        known = Attributes(
            Estimate(age, interval, 0.9, Source.INFERRED),
            Estimate(AgeBand.of(age), None, 0.9, Source.INFERRED),
            Estimate(gender, None, 0.9 if gender else 0.0),
        )
    points = np.zeros((478, 3), np.float32)
    return Face(track_id, Box(0, 0, 9, 9), points, attributes=known)


def test_a_policy_only_ever_restricts() -> None:
    adult, child, unknown = face("a", 40, (30, 50)), face("c", 9, (6, 12)), face("u")
    loose = Policy(not_for_minors=frozenset())
    for appearance in NOT_FOR_MINORS:
        assert loose.forbids(appearance, child), "whatever an operator gives"
        assert not loose.forbids(appearance, adult)
        assert not loose.forbids(appearance, unknown)
    strict = Policy(NOT_FOR_MINORS | {Appearance.MAKEUP})
    assert strict.forbids(Appearance.MAKEUP, child)
    assert not loose.forbids(Appearance.MAKEUP, child)
    assert not strict.forbids(Appearance.NOVELTY, child)
    with pytest.raises(ValueError, match="uncover"):
        Policy(frozenset({Appearance.ANONYMISE}))


def test_a_careful_policy_counts_whoever_may_be_a_minor() -> None:
    careful = Policy(careful=True)
    maybe, unknown = face("m", 21, (15, 27)), face("u")
    sure, declared = face("s", 40, (30, 50)), face("d", 19)
    assert careful.forbids(Appearance.BEAUTIFY, maybe)
    assert careful.forbids(Appearance.BEAUTIFY, unknown)
    assert not careful.forbids(Appearance.BEAUTIFY, sure)
    assert not careful.forbids(Appearance.BEAUTIFY, declared), "it has no interval: it was stated"
    assert not Policy().forbids(Appearance.BEAUTIFY, maybe)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime.datetime:
        return self.now

    def pass_minutes(self, minutes: float) -> None:
        self.now += datetime.timedelta(minutes=minutes)


def crowd(count: int, prefix: str = "", age: float = 30) -> Iterator[Face]:
    return (face(f"{prefix}{n}", age, (20, 40), Gender.FEMALE) for n in range(count))


def test_people_are_counted_once_a_window_and_small_cells_are_not_told(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "audience.csv"
    audience = Audience(AudienceOptions(600, least=5, rounding=5, file=file), clock)
    one, other = audience.stream(), audience.stream()
    for _ in range(3):
        one.see(crowd(8))
        other.see(crowd(5))
    one.see(crowd(4, "old", 70))
    one.see([face("nobody knows")])
    assert audience.last is None, "nothing is told of a window that is not over"
    one.close()
    clock.pass_minutes(10)
    window = audience.last
    assert window is not None
    assert (window.start, window.end) == (START, START + datetime.timedelta(minutes=10))
    assert window.tracks == {("young_adult", "female"): 10}, "thirteen, rounded down"
    clock.pass_minutes(10)
    empty = audience.last
    assert empty is not None
    assert empty.tracks == {}, "faces are forgotten with their window"
    audience.close()
    assert file.read_text().splitlines()[1:] == [
        "2026-11-25T10:00:00+00:00,2026-11-25T10:10:00+00:00,young_adult,female,10"
    ]


def test_a_file_that_cannot_be_written_harms_no_stream(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, folder = Clock(), tmp_path / "not_yet"
    options = AudienceOptions(600, least=5, rounding=5, file=folder / "audience.csv")
    audience = Audience(options, clock)
    tally = audience.stream()
    tally.see(crowd(8))
    clock.pass_minutes(10)
    tally.see(crowd(9))
    tally.close()
    while not caplog.records:
        time.sleep(0.01)
    assert "cannot be written" in caplog.text
    folder.mkdir()
    clock.pass_minutes(10)
    assert audience.last is not None
    audience.close()
    rows = (folder / "audience.csv").read_text().splitlines()[1:]
    assert [row[-2:] for row in rows] == [",5", ",5"], "nothing that was counted is lost"


def test_a_face_counts_as_what_was_last_known_of_it() -> None:
    clock = Clock()
    audience = Audience(AudienceOptions(600, least=5, rounding=1), clock)
    tally = audience.stream()
    tally.see(face(str(n)) for n in range(6))
    tally.see(crowd(6, age=30))
    clock.pass_minutes(10)
    assert audience.last is not None
    assert audience.last.tracks == {("young_adult", "female"): 6}
    assert not tally.cells


@pytest.mark.parametrize("options", [{"least": 1}, {"rounding": 0}, {"window_s": 1}])
def test_counts_that_could_tell_of_somebody_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"told|round"):
        AudienceOptions(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"not_for_minors": ("anonymise",)}, "anonymise cannot be kept"),
        ({"not_for_minors": ("sparkly",)}, "not_for_minors"),
        ({"audience_file": "x.csv"}, "needs audience_window_seconds"),
        ({"audience_window_seconds": 600, "audience_least": 2}, "audience_least"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Settings(port=0, **given)


def scraped(port: int) -> str:
    # Whatever proxy the machine has, this is not for it.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read(), "utf-8")


async def test_a_server_restricts_counts_and_tells(tools: Toolbox, carphone: list[Pixels]) -> None:
    settings = Settings(port=0, workers=1, metrics_port=0)
    clock = Clock()
    audience = Audience(AudienceOptions(600, least=5, rounding=5), clock)
    policy = Policy(NOT_FOR_MINORS | {Appearance.MAKEUP})
    shared = replace(tools, policy=policy, audit=Audit(), audience=audience)
    server = Server(settings, shared)
    await server.start()
    assert server.metrics_port
    pictures = [RawPicture.of(frame) for frame in carphone[:6]]
    agreed = Consent(face_effects=True, demographics=True)
    try:
        async with Client(server.address) as client:
            for age in (12, 40):
                declared = Declared(age=age)
                async with client.stream(["lipstick"], consent=agreed, declared=declared) as stream:
                    results = [result async for result in stream.process(pictures)]
                ran = [result.applied for result in results]
                assert ("lipstick" in ran[-1]) == (age == 40)
            only_faces = Consent(face_effects=True)
            async with client.stream(["hat"], consent=only_faces) as stream:
                assert [r async for r in stream.process(pictures)]
        clock.pass_minutes(10)
        text = scraped(server.metrics_port)
    finally:
        await server.stop()
    assert re.search(r'omote_restricted_faces_total\{appearance="makeup"\} 1\.0', text)
    assert "omote_sessions 0.0" in text
    assert "omote_audience_tracks{" not in text, "two people are too few to be told of"


async def test_enough_people_are_told_of(tools: Toolbox, carphone: list[Pixels]) -> None:
    clock = Clock()
    audience = Audience(AudienceOptions(600, least=5, rounding=5), clock)
    server = Server(Settings(port=0, workers=1, metrics_port=0), replace(tools, audience=audience))
    await server.start()
    pictures = [RawPicture.of(frame) for frame in carphone[:2]]
    agreed = Consent(face_effects=True, demographics=True)
    try:
        async with Client(server.address) as client:
            for _ in range(6):
                declared = Declared(age=40)
                async with client.stream((), consent=agreed, declared=declared) as stream:
                    assert [r async for r in stream.process(pictures)]
        clock.pass_minutes(10)
        text = scraped(server.metrics_port)
    finally:
        await server.stop()
    (line,) = re.findall(r"omote_audience_tracks\{.*\} .*", text)
    assert 'age_band="middle_aged"' in line
    assert line.endswith(" 5.0")
