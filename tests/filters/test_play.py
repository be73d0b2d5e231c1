"""Games, things in motion, and text."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from heads import WIDTH, Pixels, head, skin_picture

from omote_filters.builtin.makeup.face_flag import FaceFlag, Layout, Place
from omote_filters.builtin.play.face_echo import FaceEcho
from omote_filters.builtin.play.fire_breath import FireBreath
from omote_filters.builtin.play.laser_eyes import LaserEyes
from omote_filters.builtin.play.rain_cloud import RainCloud
from omote_filters.builtin.play.snack_catch import SnackCatch
from omote_filters.builtin.play.thought_bubble import ThoughtBubble
from omote_filters.builtin.play.tilt_quiz import TiltQuiz
from omote_filters.builtin.wear.beard import Beard, Style
from omote_filters.builtin.wear.googly_eyes import GooglyEyes
from omote_filters.chain import Chain
from omote_filters.draw.sheet import Art
from omote_filters.draw.sprite import Sprite, draw_sprites
from omote_filters.draw.text import lettering
from omote_filters.filter import Filter
from omote_filters.registry import Registry
from omote_filters.scene import Scene
from omote_filters.words import ChainEntry, Consent, Event
from omote_models.face import Face
from omote_models.landmarks import BLENDSHAPE_INDEX, LEFT_EYE

RED = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10">'
    '<rect width="20" height="10" fill="#f00"/></svg>'
)


def scored(face: Face, **scores: float) -> Face:
    blendshapes = np.zeros(len(BLENDSHAPE_INDEX), np.float32)
    for name, score in scores.items():
        blendshapes[BLENDSHAPE_INDEX[name]] = score
    return replace(face, blendshapes=blendshapes)


def played(
    filter_: Filter, frames: list[list[Face]], picture: Pixels | None = None
) -> tuple[list[Pixels], list[Event]]:
    filter_.start()
    pictures, events = [], []
    for number, faces in enumerate(frames):
        canvas = (skin_picture() if picture is None else picture).copy()
        scene = Scene(canvas, faces, time=number / 30, elapsed=min(number, 1) / 30)
        scene.begin(filter_.id)
        filter_.apply(scene)
        pictures.append(scene.picture)
        events += scene.emitted
    return pictures, events


def changed(picture: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.asarray(np.abs(picture.astype(int) - skin_picture()).max(axis=2) > 8)


@pytest.mark.parametrize(("roll", "answer"), [(20, "right"), (-20, "left")])
def test_a_tilt_answers_the_quiz_once(roll: float, answer: str) -> None:
    quiz = TiltQuiz(TiltQuiz.Settings(correct="left", hold=0.5))
    frames = [[head(width=100)]] * 5 + [[head(roll=roll, width=100)]] * 40
    _, events = played(quiz, frames)
    assert [event.name for event in events] == ["answer"]
    assert events[0].payload == {"track_id": "a", "answer": answer, "correct": answer == "left"}


def test_a_short_tilt_or_none_is_no_answer() -> None:
    wobble = [[head(roll=20, width=100)]] * 8 + [[head(width=100)]] * 4
    _, events = played(TiltQuiz(TiltQuiz.Settings(hold=0.5)), wobble * 5)
    assert not events


def test_a_new_question_may_be_answered_again() -> None:
    quiz = TiltQuiz(TiltQuiz.Settings(hold=0.2))
    tilted = [[head(roll=20, width=100)]] * 20
    assert len(played(quiz, tilted)[1]) == 1
    events: list[Event] = []
    quiz.settings = TiltQuiz.Settings(question="Tea or coffee?", hold=0.2)
    for number in range(20):
        scene = Scene(skin_picture(), tilted[0], time=2 + number / 30, elapsed=1 / 30)
        scene.begin(quiz.id)
        quiz.apply(scene)
        events += scene.emitted
    assert len(events) == 1


def test_only_an_open_mouth_scores() -> None:
    closed, opened = (
        [[scored(head(width=120, mouth=jaw), jawOpen=jaw)] for _ in range(400)]
        for jaw in (0.0, 0.9)
    )
    assert not played(SnackCatch(), closed)[1]
    _, events = played(SnackCatch(SnackCatch.Settings(pace=2.5)), opened)
    scores = [int(str(event.payload["score"])) for event in events]
    assert scores
    assert scores == sorted(scores)
    assert all(event.name == "score" and event.payload["track_id"] == "a" for event in events)


def test_a_loose_pupil_lies_at_the_bottom_of_its_cup_and_stays_inside() -> None:
    def dark(picture: Pixels, face: Face) -> tuple[float, float]:
        x, y = face.points[list(LEFT_EYE)].mean(axis=0)
        ink = np.argwhere(picture.max(axis=2) < 60).astype(float)
        ink = ink[np.hypot(ink[:, 0] - y, ink[:, 1] - x) < 0.165 * face.width]
        down, right = ink.mean(axis=0) - (y, x)
        return float(right), float(down)

    still = [[head(width=150)]] * 60
    right, down = dark(played(GooglyEyes(), still)[0][-1], still[0][0])
    assert abs(right) < 2
    assert down > 6
    shaken = [[head(width=150, centre=(264 + 25 * (-1) ** n, 216))] for n in range(40)]
    pictures, _ = played(GooglyEyes(), shaken)
    seen = [dark(picture, faces[0]) for picture, faces in zip(pictures, shaken, strict=True)]
    assert max(abs(right) for right, _ in seen) > 2
    assert max(math.hypot(*at) for at in seen) < 0.165 * 150


def test_fire_needs_an_open_mouth_and_goes_out() -> None:
    shut, wide = scored(head(width=100)), scored(head(width=100, mouth=1.5), jawOpen=0.9)
    pictures, _ = played(FireBreath(), [[shut]] * 5 + [[wide]] * 20 + [[shut]] * 60)
    assert not changed(pictures[4]).any()
    assert changed(pictures[24]).sum() > 500
    assert not changed(pictures[-1]).any()


def test_laser_eyes_wait_for_their_trigger() -> None:
    eyes = LaserEyes(LaserEyes.Settings(trigger="mouth_open"))
    shut, wide = (scored(head(width=120), jawOpen=score) for score in (0.1, 0.8))
    # The synthetic head's eyes are open.
    pictures, _ = played(eyes, [[shut]] * 3 + [[wide]] * 10)
    assert not changed(pictures[2]).any()
    assert changed(pictures[-1]).any()


def test_rain_falls_and_a_frown_brings_one_flash() -> None:
    calm, cross = (
        scored(head(width=100, centre=(264, 280)), browDownLeft=v, browDownRight=v)
        for v in (0.0, 0.8)
    )
    frames = [[calm]] * 30 + [[cross]] * 30
    with_bolt, _ = played(RainCloud(), frames)
    without, _ = played(RainCloud(RainCloud.Settings(lightning=False)), frames)
    different = [not np.array_equal(a, b) for a, b in zip(with_bolt, without, strict=True)]
    assert not any(different[:30])
    assert different[30]
    assert not different[-1]


def test_an_echo_shows_what_is_on_the_face_by_now() -> None:
    """A face that is covered has covered echoes: nothing under the cover is copied."""
    consent = Consent(face_effects=True)
    face = head(width=90)
    covered = Scene(np.full_like(skin_picture(), 10), [face])
    alone = Chain.build([ChainEntry("solid_face")], Registry())
    alone.apply(covered, consent)
    alone.stop()
    inside = (covered.picture != 10).any(axis=2)
    assert inside.any()
    secret = np.where(inside[:, :, None], np.array([250, 0, 250], np.uint8), np.uint8(10))
    chain = Chain.build([ChainEntry("face_echo"), ChainEntry("solid_face")], Registry())
    for number in range(5):
        scene = Scene(secret.copy(), [face], time=number / 30, elapsed=1 / 30)
        chain.apply(scene, consent)
        assert not (scene.picture.astype(int) == (250, 0, 250)).all(axis=2).any()
    chain.stop()
    open_chain = Chain.build([ChainEntry("face_echo")], Registry())
    scene = Scene(secret.copy(), [face], elapsed=1 / 30)
    open_chain.apply(scene, consent)
    beyond = (scene.picture[:, :, 0] > 100) & ~inside
    assert beyond.sum() > 1000


def test_echoes_are_as_many_as_asked_for() -> None:
    counts = []
    for echoes in (1, 3):
        echo = FaceEcho(FaceEcho.Settings(echoes=echoes))
        picture = np.zeros_like(skin_picture())
        face = head(width=70)
        picture[Scene(picture).rect(face.box).slices] = 200
        (after,), _ = played(echo, [[face]], picture)
        counts.append(int((after.max(axis=2) > 40).sum()))
    assert counts[1] > 1.4 * counts[0]


def test_beards_differ_by_style_and_colour() -> None:
    face = [[head(width=120)]]
    seen = [
        played(Beard(Beard.Settings(style=style, colour=tone)), face)[0][0]
        for style in get_args(Style)
        for tone in ("#3a2415", "#c8a060")
    ]
    assert len({picture.tobytes() for picture in seen}) == len(seen)


def test_flags_differ_by_layout_and_place() -> None:
    face = [[head(width=120)]]
    seen = [
        played(FaceFlag(FaceFlag.Settings(layout=layout, place=place)), face)[0][0]
        for layout in get_args(Layout)
        for place in get_args(Place)
    ]
    assert len({picture.tobytes() for picture in seen}) == len(seen)


def test_a_flag_takes_the_host_apps_colours() -> None:
    settings = FaceFlag.Settings(first="#00ff00", layout="halves", second="#0000ff", opacity=1)
    (picture,), _ = played(FaceFlag(settings), [[head(width=150)]])
    red, green, blue = picture[160, WIDTH // 2].astype(int)
    assert green > red + 60
    assert green > blue + 60


def test_a_thought_is_readable_and_changes() -> None:
    face = [[head(width=90, centre=(150, 300))]]
    one, two = (
        played(ThoughtBubble(ThoughtBubble.Settings(text=words)), face)[0][0]
        for words in ("Tea", "面白い")
    )
    assert changed(one).sum() > 3000
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("words", ["", " ", "\x00\x1b[31m\n", "x" * 500, "a b " * 60, "😀 ‮abc"])
def test_any_text_can_be_lettered(words: str) -> None:
    mask = lettering(words, 30, 200)
    assert mask.ndim == 2
    assert mask.shape[1] <= 260


@pytest.mark.parametrize("sign", ["面", "顔", "お", "é", "Ж", "Ω"])
def test_every_script_that_is_promised_has_its_signs(sign: str) -> None:
    """The mark on an altered picture reads "面 altered", not "? altered"."""
    assert not np.array_equal(lettering(sign, 40), lettering("?", 40))


def test_long_text_is_broken_into_lines() -> None:
    one, more = lettering("tea", 30, 300), lettering("tea and a piece of cake", 30, 150)
    assert one.max() == 255
    assert more.shape[0] > 1.8 * one.shape[0]


def test_a_sprite_is_where_it_was_put() -> None:
    scene = Scene(np.zeros((100, 200, 3), np.uint8))
    draw_sprites(scene, Sprite(Art.of_svg(RED, 40), (60, 50), 40))
    ys, xs = np.nonzero(scene.picture[:, :, 0] > 128)
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == (40, 79, 40, 59)
    draw_sprites(scene, Sprite(Art.of_svg(RED, 40), (math.nan, 50), 40))
    draw_sprites(
        scene, Sprite(Art.of_svg(RED, 40), (-500, 50), 40), Sprite(Art.of_svg(RED), (5, 5), 0)
    )
