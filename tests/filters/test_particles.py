"""Particles live by the scene's clock, stay bounded, and repeat themselves exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from heads import Pixels, broken, head, skin_picture

from omote_filters.builtin.play.hearts import Hearts
from omote_filters.builtin.play.sparkles import Sparkles
from omote_filters.draw.particles import TILE, Manner, Particles, tiles_of
from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_models.face import Face, FloatArray
from omote_models.landmarks import BLENDSHAPE_INDEX

WHITE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
    '<rect width="64" height="64" fill="#fff"/></svg>'
)
KINDS: list[type[Filter]] = [Hearts, Sparkles]


def smiling(score: float = 0.9, track_id: str = "a") -> Face:
    scores = np.zeros(52, np.float32)
    for name in ("mouthSmileLeft", "mouthSmileRight"):
        scores[BLENDSHAPE_INDEX[name]] = score
    face = head(width=100, centre=(264, 270), track_id=track_id)
    return replace(face, blendshapes=scores)


def column(*values: float) -> FloatArray:
    return np.array(values, np.float32)


def swarm(manner: Manner = Manner(), **more: int) -> Particles:
    return Particles(tiles_of(WHITE), manner, **more)


def born(made: Particles, x: float, y: float, vx: float, vy: float, life: float = 10) -> None:
    velocity = column(vx, vy)[None]
    made.emit(column(x, y)[None], velocity, column(0.1), column(life), 100)


def place(made: Particles) -> tuple[float, float]:
    """Where the one particle is drawn."""
    scene = Scene(np.zeros((400, 400, 3), np.uint8))
    made.draw(scene)
    y, x = np.argwhere(scene.picture[:, :, 0] > 20).mean(axis=0) + 0.5
    return float(x), float(y)


def played(filter_: Filter, *frames: list[Face], elapsed: float = 1 / 30) -> list[Pixels]:
    filter_.start()
    pictures = []
    for number, faces in enumerate(frames):
        scene = Scene(skin_picture(), faces, time=number * elapsed, elapsed=elapsed)
        filter_.apply(scene)
        pictures.append(scene.picture.copy())
    return pictures


def changed(picture: Pixels) -> int:
    return int((np.abs(picture.astype(int) - skin_picture()).max(axis=2) > 12).sum())


@pytest.mark.parametrize("steps", [6, 30, 60])
def test_motion_is_the_same_at_every_frame_rate(steps: int) -> None:
    made = swarm(Manner(gravity=1.0, colours=((255, 255, 255, 255),) * 2))
    born(made, 100, 100, 1.0, -0.5)
    for _ in range(steps):
        made.step(1 / steps)
    x, y = place(made)
    assert x == pytest.approx(200, abs=2)
    assert y == pytest.approx(100, abs=12), "up half a unit, down half a unit"


def test_drag_slows_and_life_ends() -> None:
    made = swarm(Manner(drag=3.0, colours=((255, 255, 255, 255),) * 2))
    born(made, 100, 100, 1.0, 0, life=2.0)
    made.step(0.9)
    x, _ = place(made)
    assert 120 < x < 140, "a third of the way at most"
    for _ in range(12):
        made.step(0.1)
    assert len(made) == 0


def test_a_swarm_is_bounded_and_the_oldest_make_room() -> None:
    made = swarm(most=5)
    for x in range(40, 200, 10):
        born(made, x, 100, 0, 0)
    assert len(made) == 5
    assert place(made)[0] == pytest.approx(170, abs=1)


def test_parts_of_particles_are_carried_over() -> None:
    made = swarm()
    assert sum(made.due(10, 1 / 30) for _ in range(90)) == pytest.approx(30, abs=1)
    assert made.due(10, 5.0) == 0, "after a pause nothing is made up for"
    assert made.due(10, -1.0) == 0


def test_a_pause_clears_the_air() -> None:
    made = swarm()
    born(made, 100, 100, 0, 0)
    made.step(0.0)
    assert len(made) == 1
    made.step(5.0)
    assert len(made) == 0


def test_what_is_not_a_number_is_not_born() -> None:
    made = swarm()
    born(made, float("nan"), 1, 0, 0)
    assert len(made) == 0


def test_light_adds_and_matter_covers() -> None:
    solid = ((255, 255, 255, 255),) * 2
    for additive, expected in ((True, 255), (False, 128)):
        grey = tuple((128, 128, 128, 255) for _ in solid)
        made = Particles(tiles_of(WHITE), Manner(colours=grey, additive=additive))
        made.emit(column(50, 50)[None], column(0, 0)[None], column(0.4), column(9), 100)
        scene = Scene(np.full((100, 100, 3), 200, np.uint8))
        made.draw(scene)
        assert scene.picture[50, 50, 0] == pytest.approx(expected, abs=2)


def test_hearts_rise_while_the_face_smiles() -> None:
    seen = played(Hearts(), *[[smiling()]] * 30, *[[smiling(0.1)]] * 70)
    amounts = [changed(picture) for picture in seen]
    assert amounts[29] > 200
    assert amounts[29] > 2 * amounts[5]
    assert amounts[-1] == 0, "the last has faded"
    assert all(changed(p) == 0 for p in played(Hearts(), *[[smiling(0.2)]] * 20))


def test_a_smile_has_hysteresis() -> None:
    kept = played(Hearts(), *[[smiling(0.5)]] * 5, *[[smiling(0.35)]] * 60)
    never = played(Hearts(), *[[smiling(0.35)]] * 65)
    assert changed(kept[-1]) > 100
    assert changed(never[-1]) == 0


def test_sparkles_twinkle_around_the_face_and_not_on_it() -> None:
    seen = played(Sparkles(), *[[smiling()]] * 40)
    face = smiling()
    rect = Scene(skin_picture()).rect(face.box.grown(-0.3, -0.3, -0.3, -0.3))
    on_face = [
        int((np.abs(p.astype(int) - skin_picture())[rect.slices].max(axis=2) > 12).sum())
        for p in seen
    ]
    assert max(changed(p) for p in seen) > 60
    assert sum(on_face) < 0.05 * sum(changed(p) for p in seen)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_recording_gives_the_same_pictures(kind: type[Filter]) -> None:
    frames = [[smiling()]] * 15
    one, other = played(kind(), *frames), played(kind(), *frames)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert changed(one[-1]) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_particles_survive_every_face(kind: type[Filter]) -> None:
    bad_scores = replace(smiling(), blendshapes=np.full(52, np.nan, np.float32))
    unscored = replace(smiling(), blendshapes=None)
    crowd = [smiling(track_id=str(number)) for number in range(8)]
    away = replace(smiling(), landmarks=smiling().landmarks - np.float32(9000))
    frames = [[broken(smiling())], [bad_scores], [unscored], crowd, [], [head(85)], [away]]
    played(kind(), *frames * 3, elapsed=0.2)
    made = kind()
    made.start()
    for size in ((1, 1), (3840, 2160)):
        scene = Scene(skin_picture(*size), [smiling()], elapsed=0.5)
        made.apply(scene)


def test_tiles_stand_side_by_side() -> None:
    assert tiles_of(WHITE, WHITE).shape == (TILE, 2 * TILE, 4)
    with pytest.raises(ValueError, match="SVG"):
        tiles_of("text")
