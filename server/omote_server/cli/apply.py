"""`omote apply`: filter a picture or a video file, without a server."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from omote_filters.registry import Registry
from omote_filters.words import ChainEntry, Consent
from omote_models.estimators import EstimatorError
from omote_models.face import Declared
from omote_server.cli.common import Packs, checked_chain, models_of, pull_missing
from omote_server.cli.terminal import errors, fail, words
from omote_server.frames.codec import Pixels
from omote_server.frames.job import Directives, Job, PipelineOptions
from omote_server.frames.pipeline import Pipeline
from omote_server.frames.warmup import load_tools
from omote_server.messages import EncodedPicture, Frame, OutputOptions, PictureFormat
from omote_server.serving.egress import seal_egress
from omote_server.workshop.video import VideoError, VideoReader, VideoWriter

app = typer.Typer()
_EXAMPLE = "Example: omote apply face_paint+lipstick:coverage=0.9 in.mp4 out.mp4"

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


@app.command("apply", epilog=_EXAMPLE)
def apply(
    filters: Annotated[
        str, typer.Argument(metavar="FILTER", help="Filters joined by +, settings after a colon.")
    ],
    source: Annotated[Path, typer.Argument(metavar="IN", exists=True, dir_okay=False)],
    target: Annotated[Path, typer.Argument(metavar="OUT", dir_okay=False)],
    demographics: Annotated[
        bool, typer.Option("--demographics", help="The people agreed to an age estimate.")
    ] = False,
    age: Annotated[
        float | None, typer.Option(min=0, max=120, help="Declared age of the largest face.")
    ] = None,
    packs: Packs = None,
    faces: Annotated[int, typer.Option(min=1, max=16, help="Faces to look for.")] = 4,
    estimator: Annotated[
        str, typer.Option(help="Age and gender: light, accurate, or the path of your own.")
    ] = "light",
    compare: Annotated[
        bool, typer.Option("--compare", help="Put the original beside the result.")
    ] = False,
) -> None:
    """Filter a picture or a video. The sound of a video is kept.

    Asking for a filter of faces is taken as consent to find and change the faces in the file.
    """
    if target.exists() and target.samefile(source):
        fail("OUT is IN; give it another name", code=2)
    chain = checked_chain([filters], packs or ())
    pull_missing(*models_of(estimator))
    seal_egress()
    with _pipeline(faces, age, packs or (), estimator) as pipeline:
        directives = _directives(chain, demographics)
        if source.suffix.lower() in _PICTURES:
            _picture(pipeline, directives, source, target, compare)
        else:
            _video(pipeline, directives, source, target, compare)


@contextmanager
def _pipeline(
    faces: int, age: float | None, packs: Sequence[Path], estimator: str
) -> Iterator[Pipeline]:
    declared: Declared = Declared(age=age)
    output = OutputOptions(format=PictureFormat.RGB)
    options = PipelineOptions(output, declared, faces, max_pixels=sys.maxsize)
    try:
        tools = load_tools(Registry(packs=packs), estimator=estimator)
    except EstimatorError as error:
        fail(str(error), code=2)
    pipeline = Pipeline(tools, options)
    try:
        yield pipeline
    finally:
        pipeline.close()


def _directives(chain: tuple[ChainEntry, ...], demographics: bool) -> Directives:
    return Directives(chain, 1, Consent(face_effects=True, demographics=demographics))


def _run(
    pipeline: Pipeline, directives: Directives, pixels: Pixels, number: int, time: float
) -> Pixels:
    height, width = pixels.shape[:2]
    picture = EncodedPicture(PictureFormat.RGB, width, height, pixels.tobytes())
    result = pipeline.run(Job(Frame(number, round(time * 1e6), picture), directives))
    for bypass in result.disabled:
        errors.print(f"the filter {bypass.filter_id} failed and is switched off", style="yellow")
    assert result.picture is not None  # noqa: S101 - the output mode is FRAME
    return np.frombuffer(result.picture.data, np.uint8).reshape(height, width, 3)


def _beside(before: Pixels, after: Pixels, compare: bool) -> Pixels:
    return np.hstack([before, after]) if compare else after


def _picture(
    pipeline: Pipeline, directives: Directives, source: Path, target: Path, compare: bool
) -> None:
    before = cv2.imread(str(source), cv2.IMREAD_COLOR_RGB)
    if before is None:
        fail(f"{source} is not a picture that can be read")
    pixels = np.ascontiguousarray(before, np.uint8)
    after = _run(pipeline, directives, pixels, 1, 0.0)
    picture = cv2.cvtColor(_beside(pixels, after, compare), cv2.COLOR_RGB2BGR)
    try:
        written = cv2.imwrite(str(target), picture)
    except cv2.error:
        written = False
    if not written:
        fail(f"{target} cannot be written; give it the ending of a picture, such as .png")


def _video(
    pipeline: Pipeline, directives: Directives, source: Path, target: Path, compare: bool
) -> None:
    try:
        with (
            VideoReader(source) as reader,
            VideoWriter(target, reader.frames_per_second, reader.sound) as writer,
            _progress() as progress,
        ):
            task = progress.add_task(target.name, total=reader.frame_count)
            for number, frame in enumerate(reader.frames(writer.copy_sound)):
                after = _run(pipeline, directives, frame.pixels, number, frame.time)
                writer.write(_beside(frame.pixels, after, compare), frame.time)
                progress.advance(task)
    except VideoError as error:
        fail(str(error))


def _progress() -> Progress:
    return Progress(
        words(),
        BarColumn(),
        MofNCompleteColumn(),
        words("frames"),
        TimeRemainingColumn(),
        console=errors,
    )
