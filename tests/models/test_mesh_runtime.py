"""Our own runtime of the face mesh, held against stock MediaPipe and plain numpy."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from omote_models.face import Face
from omote_models.mesh_runtime import build, opening
from omote_models.mesh_runtime.build import KernelUnavailable
from omote_models.mesh_runtime.graph import UnknownGraph
from omote_models.mesh_runtime.networks import read_blendshapes, read_detector, read_mesh
from omote_models.mesh_runtime.opening import open_mesh
from omote_models.mesh_runtime.pose import read_basis
from omote_models.mesh_runtime.regions import Region
from omote_models.mesh_runtime.runtime import MeshRuntime
from omote_models.meshes import MeshChoice
from omote_models.store import cache_folder
from omote_models.tracker import FaceTracker, TrackerOptions

Pixels = NDArray[np.uint8]
ALL = TrackerOptions(blendshapes=True, pose=True)
HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def runtime(face_model: bytes) -> MeshRuntime:
    opened = open_mesh(face_model)
    if opened.runtime is None:
        pytest.skip(opened.words)
    return opened.runtime


@pytest.fixture(scope="module")
def parts(face_model: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(face_model)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _tracked(
    frames: Sequence[Pixels], model: bytes, choice: MeshChoice, options: TrackerOptions = ALL
) -> list[list[Face]]:
    tracker = FaceTracker(model, options, choice)
    try:
        return [tracker.track(frame, i / 30) for i, frame in enumerate(frames)]
    finally:
        tracker.close()


def _errors(ours: Sequence[list[Face]], theirs: Sequence[list[Face]]) -> NDArray[np.float32]:
    """(faces, 478) distances in percent of the distance between the outer corners of the eyes."""
    pairs = [(a[0], b[0]) for a, b in zip(ours, theirs, strict=True) if a and b]
    assert pairs
    return np.stack(
        [
            np.linalg.norm(a.points - b.points, axis=1)
            / np.linalg.norm(b.points[33] - b.points[263])
            * 100
            for a, b in pairs
        ]
    )


@pytest.mark.usefixtures("runtime")
def test_it_equals_stock_mediapipe_on_the_clip(carphone: list[Pixels], face_model: bytes) -> None:
    ours = _tracked(carphone, face_model, MeshChoice.OWN)
    theirs = _tracked(carphone, face_model, MeshChoice.STOCK)
    assert [len(faces) for faces in ours] == [len(faces) for faces in theirs] == [1] * 120
    errors = _errors(ours, theirs)
    assert errors.mean() < 0.02
    assert np.percentile(errors, 95) < 0.06
    depths = np.stack([a[0].landmarks - b[0].landmarks for a, b in zip(ours, theirs, strict=True)])
    assert np.abs(depths[..., 2]).mean() < 0.03, "pixels"
    shapes = np.stack([_shapes(a[0]) - _shapes(b[0]) for a, b in zip(ours, theirs, strict=True)])
    assert np.abs(shapes).mean() < 0.001
    assert np.abs(shapes).max() < 0.05
    poses = np.stack([_pose(a[0]) - _pose(b[0]) for a, b in zip(ours, theirs, strict=True)])
    assert np.abs(poses[:, :3, :3]).max() < 0.01
    assert np.abs(poses[:, :3, 3]).max() < 0.1


@pytest.mark.usefixtures("runtime")
def test_it_loses_and_finds_faces_when_stock_does(
    carphone: list[Pixels], face_model: bytes
) -> None:
    scenes = [*_scenes(carphone)]
    ours = _tracked(scenes, face_model, MeshChoice.OWN)
    theirs = _tracked(scenes, face_model, MeshChoice.STOCK)
    found = [len(faces) for faces in theirs]
    assert [len(faces) for faces in ours] == found
    assert 0.3 < sum(found) / len(found) < 0.95, "the scenes hold both"
    errors = _errors(ours, theirs)
    assert errors.mean() < 0.15
    assert np.percentile(errors, 95) < 0.5


@pytest.mark.usefixtures("runtime")
def test_two_faces_lie_where_stock_finds_them(astronaut: Pixels, face_model: bytes) -> None:
    head = astronaut[20:260, 100:340]
    pair = np.full((240, 440, 3), 90, np.uint8)
    pair[40:, :200] = cv2.resize(head, (200, 200))
    pair[:, 200:] = head
    frames = [np.ascontiguousarray(np.roll(pair, i, 1)) for i in range(5)]
    options = TrackerOptions(max_faces=3)
    ours = _tracked(frames, face_model, MeshChoice.OWN, options)
    theirs = _tracked(frames, face_model, MeshChoice.STOCK, options)
    assert [len(faces) for faces in ours] == [len(faces) for faces in theirs] == [2] * 5
    for mine, other in zip(ours, theirs, strict=True):
        for a, b in zip(mine, other, strict=True):
            assert np.abs(a.points - b.points).mean() < 0.3


def test_the_kernel_equals_plain_numpy(runtime: MeshRuntime, face_model: bytes) -> None:
    assert runtime.deviation(face_model, np.random.default_rng(7)) < 0.001


@pytest.mark.parametrize("size", [(2, 2), (3, 2000), (480, 640), (97, 31)])
def test_crops_are_opencvs(size: tuple[int, int], runtime: MeshRuntime) -> None:
    height, width = size
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    picture = np.asarray(cv2.blur(picture, (3, 3)), np.uint8)
    for angle in (0.0, 0.7, 2.5, -1.6):
        for scale in (0.2, 1.0, 3.0):
            region = Region(width * 0.4, height * 0.6, scale * max(size), angle)
            ours = runtime.crop(picture, region).transpose(1, 2, 0).astype(int)
            theirs = region.crop(picture, 256, cv2.BORDER_REPLICATE)
            off = np.abs(ours - theirs)
            assert off.mean() < 0.02
            assert off.max() <= 1


def test_a_kernel_that_is_wrong_does_not_run(runtime: MeshRuntime, face_model: bytes) -> None:
    broken = MeshRuntime(face_model, runtime._kernel)
    broken._body[1000] += 0.5
    with pytest.raises(KernelUnavailable, match="self-test"):
        opening._test(broken, face_model)
    broken._body[1000] = np.nan
    with pytest.raises(KernelUnavailable, match="self-test"):
        opening._test(broken, face_model)


def test_what_is_no_number_is_no_face(
    runtime: MeshRuntime, face_model: bytes, astronaut: Pixels
) -> None:
    broken = MeshRuntime(face_model, runtime._kernel)
    (region,) = broken.detect(astronaut)
    assert broken.landmarks(astronaut, region) is not None
    broken._body[:] = np.nan
    assert broken.landmarks(astronaut, region) is None
    broken._detector[:] = np.nan
    assert broken.detect(astronaut) == []
    assert not Region(np.nan, 0, 100, 0).usable
    assert not Region(0, 0, np.inf, 0).usable
    assert not Region(0, 0, 0, 0).usable


@pytest.mark.usefixtures("runtime")
def test_the_same_pictures_give_the_same_bits_on_every_thread(
    carphone: list[Pixels], face_model: bytes
) -> None:
    def run(_: int) -> list[NDArray[np.float32]]:
        found = _tracked(carphone[:20], face_model, MeshChoice.OWN)
        return [faces[0].landmarks for faces in found]

    alone = run(0)
    with ThreadPoolExecutor(4) as pool:
        for together in pool.map(run, range(8)):
            np.testing.assert_array_equal(alone, together)


@pytest.mark.usefixtures("runtime")
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (3, 2000), (2000, 3), (16, 16), (2160, 3840)])
def test_any_picture_will_do(size: tuple[int, int], face_model: bytes) -> None:
    random = np.random.default_rng(0)
    tracker = FaceTracker(face_model, ALL, MeshChoice.OWN)
    for i, value in enumerate((0, 255, None)):
        noise = random.integers(0, 256, (*size, 3), np.uint8)
        picture = noise if value is None else np.full((*size, 3), value, np.uint8)
        for face in tracker.track(picture, i / 30):
            assert np.isfinite(face.landmarks).all()
    tracker.close()


@pytest.mark.usefixtures("runtime")
def test_a_face_may_reach_over_the_border(astronaut: Pixels, face_model: bytes) -> None:
    cut = np.ascontiguousarray(astronaut[60:260, 170:330])
    ours = _tracked([cut] * 3, face_model, MeshChoice.OWN)
    theirs = _tracked([cut] * 3, face_model, MeshChoice.STOCK)
    assert [len(faces) for faces in ours] == [len(faces) for faces in theirs]
    if any(ours):
        assert _errors(ours, theirs).mean() < 0.3


@pytest.mark.usefixtures("runtime")
def test_more_is_computed_from_one_frame_to_the_next(
    carphone: list[Pixels], face_model: bytes
) -> None:
    tracker = FaceTracker(face_model, TrackerOptions(), MeshChoice.OWN)
    (before,) = tracker.track(carphone[0], 0.0)
    tracker.require(ALL)
    (after,) = tracker.track(carphone[1], 1 / 30)
    tracker.close()
    assert (before.blendshapes, before.pose) == (None, None)
    assert after.blendshapes is not None
    assert after.pose is not None
    assert after.track_id == before.track_id


def test_another_network_is_refused(parts: dict[str, bytes]) -> None:
    mesh, detector = parts["face_landmarks_detector.tflite"], parts["face_detector.tflite"]
    for read in (read_mesh, read_detector, read_blendshapes):
        for other in (b"", b"no network at all", mesh[: len(mesh) // 2], bytes(1000)):
            with pytest.raises(UnknownGraph):
                read(other)
    with pytest.raises(UnknownGraph, match="not the one"):
        read_mesh(detector)
    with pytest.raises(UnknownGraph, match="not the one"):
        read_detector(mesh)
    for other in (b"", b"\xff" * 20, mesh[:500]):
        with pytest.raises(ValueError, match="geometry"):
            read_basis(other)


def test_another_model_file_runs_on_stock(parts: dict[str, bytes]) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, parts["face_detector.tflite"] if "blend" in name else data)
    opened = open_mesh(packed.getvalue())
    assert opened.runtime is None
    assert opened.words.startswith("stock MediaPipe: ")
    with pytest.raises(KernelUnavailable):
        open_mesh(packed.getvalue(), MeshChoice.OWN)
    assert open_mesh(b"no model").runtime is None


def test_stock_runs_when_it_is_wanted(face_model: bytes) -> None:
    assert open_mesh(face_model, MeshChoice.STOCK).runtime is None


_SCRIPT = """
import numpy as np
from omote_models.mesh_runtime.opening import open_mesh
from omote_models.store import model_store
from omote_models.tracker import FaceTracker
model = model_store().read("face_landmarker")
FaceTracker(model).track(np.zeros((64, 64, 3), np.uint8), 0)
print(open_mesh(model).words)
"""


def _words(cache: Path, **environment: str) -> str:
    """What runs in a process of its own, with a cache of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env={**os.environ, "OMOTE_CACHE": str(cache), "CC": "", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache with the models of the real one, and without a kernel."""
    (tmp_path / "models").symlink_to(cache_folder() / "models")
    return tmp_path


def test_without_a_compiler_stock_runs_and_says_why(cache: Path) -> None:
    nowhere = str(cache / "nowhere")
    words = _words(cache, PATH=nowhere)
    assert words.startswith("stock MediaPipe: no C compiler") or "own kernel" in words  # ziglang
    assert "own kernel" in words or not (cache / "kernels").exists()


def test_a_compiler_that_fails_is_told(cache: Path) -> None:
    words = _words(cache, PATH=str(cache / "nowhere"), CC="/bin/false")
    assert words.startswith("stock MediaPipe: /bin/false failed") or "own kernel" in words


@pytest.mark.usefixtures("runtime")
def test_the_kernel_is_compiled_once_and_kept(cache: Path) -> None:
    assert "own kernel" in _words(cache)
    (kept,) = (cache / "kernels").iterdir()
    made = kept.stat().st_mtime_ns
    # No compiler is there any more, and none is needed.
    assert "own kernel" in _words(cache, PATH=str(cache / "nowhere"))
    assert kept.stat().st_mtime_ns == made


@pytest.mark.skipif(os.name != "posix", reason="rights are POSIX's")
@pytest.mark.usefixtures("runtime")
def test_a_library_that_others_may_write_is_not_loaded(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMOTE_CACHE", str(cache))
    kind = build.target()
    with build.library(kind):
        pass
    (kept,) = (cache / "kernels").iterdir()
    kept.write_bytes(b"somebody else's")
    kept.chmod(0o777)
    with build.library(kind) as path:
        assert path.read_bytes() != b"somebody else's"


@pytest.mark.usefixtures("runtime")
def test_a_cache_that_cannot_be_written_is_done_without(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMOTE_CACHE", str(cache))
    (cache / "kernels").write_text("a file is in the way")
    with build.library(build.target()) as path:
        assert path.stat().st_size > 0


def test_sanitizers_find_nothing(
    runtime: MeshRuntime, parts: dict[str, bytes], tmp_path: Path
) -> None:
    mesh = read_mesh(parts["face_landmarks_detector.tflite"])
    arrays = (
        mesh.packed(),
        mesh.head,
        read_detector(parts["face_detector.tflite"]),
        read_blendshapes(parts["face_blendshapes.tflite"]),
    )
    files = [tmp_path / str(i) for i in range(len(arrays))]
    for file, array in zip(files, arrays, strict=True):
        file.write_bytes(np.ascontiguousarray(array).tobytes())
    program = tmp_path / "driver"
    compiler = next(build.compilers())
    sources = [HERE / "kernel_driver.c", *(s for s in build.sources() if s.suffix == ".c")]
    flags = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
    command = (*compiler, *flags, *build.target().flags, *sources, "-o", program, "-lm")
    compiled = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if compiled.returncode:
        pytest.skip(f"the compiler has no sanitizers: {compiled.stderr[-200:]}")
    done = subprocess.run([program, *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def _shapes(face: Face) -> NDArray[np.float32]:
    assert face.blendshapes is not None
    return face.blendshapes


def _pose(face: Face) -> NDArray[np.float32]:
    assert face.pose is not None
    return face.pose


def _scenes(clip: list[Pixels]) -> Iterator[Pixels]:
    """Faces that come, go, turn, blur, hide, fade and shrink."""
    height, width = clip[0].shape[:2]
    empty = np.full_like(clip[0], 96)
    yield from clip[:5]
    yield from [np.zeros_like(empty)] * 4
    yield from clip[5:9]
    yield from [empty] * 3
    for i in range(20):  # slides out, and in again
        shift = np.array([[1, 0, width / 12 * min(i, 20 - i)], [0, 1, 0]], np.float64)
        yield _warped(clip[10 + i], shift)
    for i in range(12):  # something comes before the face
        covered = clip[30 + i].copy()
        covered[:, : round(width * min(i, 12 - i) / 7)] = 40
        yield covered
    for i in range(10):
        side = 1 + 5 * min(i, 10 - i)
        yield np.asarray(cv2.blur(clip[45 + i], (side, side)), np.uint8)
    for i in range(24):  # all the way round
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), 15 * i, 1)
        yield _warped(clip[60 + i], turn)
    for i in range(12):
        yield np.asarray(clip[85 + i] * (abs(i - 6) / 6), np.uint8)
    for i in range(16):
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), 0, 0.85 ** min(i, 16 - i))
        yield _warped(clip[100 + i], turn)


def _warped(picture: Pixels, matrix: cv2.typing.MatLike) -> Pixels:
    height, width = picture.shape[:2]
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height)), np.uint8)
