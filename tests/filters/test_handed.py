"""What a plugin is handed belongs to everybody: it cannot be written to."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import numpy as np
import pytest

from omote_filters import Appearance, Filter, Need, Scene, Stage
from omote_filters.chain import Chain
from omote_filters.registry import Registry
from omote_filters.words import Bypass, ChainEntry, Consent, Reason
from omote_models.face import Attributes, Box, Face, FloatArray
from omote_models.networks import at_age
from omote_models.segmenter import PersonSegmenter
from omote_models.store import model_store

ALL = Consent(face_effects=True, demographics=True)


class Scribbles(Filter):
    """Moves the points of every face it is handed, as if they were its own."""

    id, name = "scribbles", "Scribbles"
    appearance, stage = Appearance.NOVELTY, Stage.STICKER
    needs = frozenset({Need.MESH})

    def apply(self, scene: Scene) -> None:
        for face in scene.faces:
            face.landmarks[:, :2] += 5


class _Here(EntryPoint):
    """An entry point to the class above; this module is not importable by name."""

    def load(self) -> type[Filter]:
        return Scribbles


def points() -> FloatArray:
    return np.random.default_rng(1).uniform(5, 40, (478, 3)).astype(np.float32)


def test_a_plugin_that_moves_landmarks_is_bypassed_and_moves_nothing() -> None:
    registry = Registry([_Here("scribbles", "here:Scribbles", "omote.filters")])
    chain = Chain.build([ChainEntry("scribbles")], registry)
    landmarks = points()
    face = Face("a", Box.around(landmarks), landmarks)
    scene = Scene(np.zeros((60, 80, 3), np.uint8), [face])
    applied = chain.apply(scene, ALL)
    assert applied.bypassed == [Bypass("scribbles", Reason.ERROR)]
    np.testing.assert_array_equal(face.landmarks, points())


@pytest.mark.parametrize("name", ["landmarks", "points", "blendshapes", "pose"])
def test_every_array_of_a_face_is_read_only(name: str) -> None:
    face = Face(
        "a", Box(0, 0, 1, 1), points(), np.zeros(52, np.float32), np.eye(4, dtype=np.float32)
    )
    with pytest.raises(ValueError, match="read-only"):
        getattr(face, name)[0] = 1


def test_whoever_made_a_face_may_go_on_with_the_array() -> None:
    mine = points()
    Face("a", Box(0, 0, 1, 1), mine)
    mine[0] = 7


def test_a_distribution_of_ages_is_read_only() -> None:
    ages = Attributes(ages=at_age(30)).ages
    assert ages is not None
    with pytest.raises(ValueError, match="read-only"):
        ages[0] = 1


def test_a_mask_of_people_is_read_only() -> None:
    store = model_store()
    store.pull_all(["person", "person-wide"])
    segmenter = PersonSegmenter(store.read("person"), store.read("person-wide"))
    mask = segmenter.segment(np.zeros((64, 64, 3), np.uint8), 0.0)
    segmenter.close()
    with pytest.raises(ValueError, match="read-only"):
        mask[0] = 255
