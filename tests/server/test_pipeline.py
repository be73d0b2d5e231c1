"""The life of a frame, without asyncio and without a wire."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from omote_filters.words import ChainEntry, Consent
from omote_models.demographics import Reading
from omote_server.frames.job import Directives, Job, PipelineOptions, Toolbox
from omote_server.frames.pipeline import Pipeline
from omote_server.messages import EncodedPicture, Frame, OutputOptions, PictureFormat, Result

Pixels = NDArray[np.uint8]
ALL = Consent(face_effects=True, demographics=True)
RAW = OutputOptions(format=PictureFormat.RGB, attributes=True, landmarks=True)


def job(number: int, pixels: Pixels, *filters: str, consent: Consent = ALL) -> Job:
    height, width = pixels.shape[:2]
    picture = EncodedPicture(PictureFormat.RGB, width, height, pixels.tobytes())
    chain = tuple(ChainEntry(filter_id) for filter_id in filters)
    return Job(Frame(number, number * 33_333, picture), Directives(chain, 1, consent))


def run(tools: Toolbox, frames: list[Pixels], *filters: str) -> list[Result]:
    pipeline = Pipeline(tools, PipelineOptions(RAW))
    results = [pipeline.run(job(i, pixels, *filters)) for i, pixels in enumerate(frames)]
    pipeline.close()
    return results


def test_the_same_recording_gives_the_same_result(tools: Toolbox, carphone: list[Pixels]) -> None:
    first, second = (run(tools, carphone[:12], "life_stages", "big_eyes") for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.picture == other.picture
        np.testing.assert_array_equal(one.faces[0].landmarks, other.faces[0].landmarks)
        assert one.faces[0].attributes == other.faces[0].attributes
        assert one.faces[0].track_id != other.faces[0].track_id, "ids are random"


def test_two_sessions_do_not_share_anything(tools: Toolbox, carphone: list[Pixels]) -> None:
    alone = run(tools, carphone[:6], "life_stages")
    one, other = (Pipeline(tools, PipelineOptions(RAW)) for _ in range(2))
    mixed = []
    for i in range(6):
        mixed.append(one.run(job(i, carphone[i], "life_stages")))
        other.run(job(i, carphone[60 + i], "life_stages", "pixelate_face"))
    one.close()
    other.close()
    assert [r.picture for r in mixed] == [r.picture for r in alone]


def test_a_heavily_compressed_clip_is_survived(
    tools: Toolbox, carphone_distorted: list[Pixels]
) -> None:
    results = run(tools, carphone_distorted, "face_paint", "lipstick", "big_eyes", "pixelate_face")
    seen = sum(bool(result.faces) for result in results)
    assert 30 < seen < len(results), "it is found in some frames and lost in others"
    assert not any(result.bypassed for result in results)


def test_without_consent_the_networks_do_not_run(tools: Toolbox, carphone: list[Pixels]) -> None:
    class Never:
        calibration = tools.estimator.calibration

        def read(self, *_: object, **__: object) -> Reading:
            raise AssertionError("a network ran without consent")

    guarded = replace(tools, estimator=Never())  # type: ignore[arg-type]
    pipeline = Pipeline(guarded, PipelineOptions(RAW))
    faces_only = Consent(face_effects=True)
    for i in range(5):
        result = pipeline.run(job(i, carphone[i], "life_stages", consent=faces_only))
        assert not result.attributes
    with pytest.raises(AssertionError, match="without consent"):
        pipeline.run(job(9, carphone[9], "life_stages"))
    pipeline.close()


def test_a_frame_of_one_pixel_and_a_strip(tools: Toolbox) -> None:
    pipeline = Pipeline(tools, PipelineOptions(RAW, max_faces=4))
    names = ("face_paint", "smooth_skin", "lipstick", "big_eyes", "pixelate_face", "life_stages")
    for i, shape in enumerate([(1, 1, 3), (1, 700, 3), (700, 2, 3)]):
        pixels = np.full(shape, 99, np.uint8)
        result = pipeline.run(job(i, pixels, *names))
        assert result.picture is not None
        assert result.picture.data == pixels.tobytes()
    pipeline.close()


def test_a_real_blink_is_counted(tools: Toolbox, carphone: list[Pixels]) -> None:
    """The man in the car blinks once in the clip's first four seconds."""
    results = run(tools, carphone, "wellness")
    told = [event.payload for result in results for event in result.events]
    assert told
    last = told[-1]
    assert 60 / float(str(last["seen_s"])) * 0.9 < float(str(last["blinks_per_minute"])) < 45
    assert float(str(last["perclos"])) < 0.1
    assert last["age_band"] in ("young_adult", "middle_aged", "unknown")
