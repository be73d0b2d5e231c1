"""What holds for every filter that ships, whatever it draws."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from heads import Pixels, broken, head, noise

from omote_filters.chain import Chain, Clock
from omote_filters.listing import Listing
from omote_filters.registry import Registry
from omote_filters.scene import Scene
from omote_filters.words import FACE_NEEDS, NOT_FOR_MINORS, ChainEntry, Consent
from omote_models.face import AgeBand, Box, Face
from omote_models.landmarks import BLENDSHAPE_INDEX

CONSENT = Consent(face_effects=True, demographics=True)
REGISTRY = Registry()
EVERY = [listing for listing in REGISTRY.catalogue() if isinstance(listing, Listing)]
# What this machine cannot run is left out, such as 3D where there is no OpenGL.
LISTINGS = [listing for listing in EVERY if not listing.lack]
PLAIN = [listing for listing in LISTINGS if not listing.layers]


def scored(face: Face, score: float) -> Face:
    return replace(face, blendshapes=np.full(len(BLENDSHAPE_INDEX), score, np.float32))


def stream(
    filter_id: str, frames: list[tuple[Pixels, list[Face]]], clock: Clock | None = None
) -> list[Pixels]:
    """What a filter makes of a stream; a failure of it fails the test."""
    chain = Chain.build([ChainEntry(filter_id)], REGISTRY, clock=clock)
    chain.start()
    pictures = []
    for number, (picture, faces) in enumerate(frames):
        scene = Scene(picture.copy(), faces, time=number / 30, elapsed=min(number, 1) / 30)
        applied = chain.apply(scene, CONSENT)
        reasons = {bypass.reason for bypass in applied.bypassed} - {"minor"}
        assert not reasons, f"{filter_id}, frame {number}: {reasons}"
        assert scene.picture.shape == picture.shape
        pictures.append(scene.picture.copy())
    chain.stop()
    return pictures


def test_the_catalogue_is_whole() -> None:
    assert len(EVERY) == len(REGISTRY.ids)
    assert len(EVERY) >= 65
    assert len({listing.name for listing in EVERY}) == len(EVERY)


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.id)
def test_no_face_and_no_picture_breaks_it(listing: Listing) -> None:
    face = scored(head(width=110), 0.6)
    small = replace(head(width=20, centre=(100, 100)), track_id="small")
    crowd = [
        scored(head(width=44, centre=(50 + 60 * n, 90), track_id=str(n)), 0.3) for n in range(8)
    ]
    flat = replace(face, landmarks=face.landmarks * np.array([1, 1, 0], np.float32))
    far = replace(face, landmarks=face.landmarks + np.array([9e4, -9e4, 0], np.float32))
    point = replace(face, landmarks=np.full_like(face.landmarks, 50), box=Box(50, 50, 0, 0))
    short = replace(face, landmarks=face.landmarks[:468])
    picture, dot = noise(264, 216), noise(1, 1)
    stream(
        listing.id,
        [
            (picture, []),
            (picture, [face]),
            (picture, [broken(face)]),
            (picture, [scored(face, math.nan)]),
            (picture, [scored(face, 1.0)]),
            (picture, [replace(face, blendshapes=None)]),
            (dot, [face]),
            (dot, []),
            (picture, [small]),
            (picture, crowd),
            (picture, []),
            (picture, [head(yaw=88, width=90)]),
            (picture, [head(roll=178, width=90)]),
            (picture, [head(width=120, centre=(0, 0))]),
            (picture, [head(width=120, centre=(264, 216))]),
            (picture, [flat]),
            (picture, [far]),
            (picture, [point]),
            (picture, [short]),
            (noise(40, 300), [head(width=200, centre=(20, 150))]),
        ],
    )


@pytest.mark.parametrize("listing", PLAIN, ids=lambda listing: listing.id)
def test_the_same_recording_gives_the_same_pictures(listing: Listing) -> None:
    frames = [
        (noise(264, 216), [scored(head(width=90, centre=(120 + 3 * n, 110)), 0.1 * n)])
        for n in range(6)
    ]
    # With a clock a filter is warmed up before, which must leave nothing behind.
    live = stream(listing.id, frames, clock=lambda: 0.0)
    for one, two in zip(stream(listing.id, frames), live, strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize("listing", PLAIN, ids=lambda listing: listing.id)
def test_a_clock_that_jumps_breaks_nothing(listing: Listing) -> None:
    chain = Chain.build([ChainEntry(listing.id)], REGISTRY)
    face = scored(head(width=90, centre=(130, 110)), 0.7)
    for before, now in pairwise((0.0, 0.0, 1e6, 3.0, -5.0, 1e-9, 0.5, 1e9)):
        scene = Scene(noise(264, 216), [face], time=now, elapsed=max(0.0, now - before))
        applied = chain.apply(scene, CONSENT)
        assert not applied.bypassed
    chain.stop()


@pytest.mark.parametrize("listing", PLAIN, ids=lambda listing: listing.id)
def test_only_what_is_reported_as_changed_is_changed(listing: Listing) -> None:
    chain = Chain.build([ChainEntry(listing.id)], REGISTRY)
    for number in range(4):
        before = noise(264, 216)
        face = scored(head(width=80, centre=(130, 120)), 0.7)
        scene = Scene(before.copy(), [face], time=number / 30, elapsed=1 / 30)
        chain.apply(scene, CONSENT)
        told = np.zeros(before.shape[:2], bool)
        for rect in scene.touched:
            told[rect.slices] = True
        assert not ((scene.picture != before).any(axis=2) & ~told).any()
    chain.stop()


@pytest.mark.parametrize(
    "listing",
    [listing for listing in PLAIN if listing.appearance in NOT_FOR_MINORS],
    ids=lambda listing: listing.id,
)
def test_what_is_not_for_minors_leaves_them_alone(listing: Listing) -> None:
    picture = noise(264, 216)
    child = scored(head(width=90, centre=(130, 110), band=AgeBand.CHILD), 0.5)
    assert np.array_equal(stream(listing.id, [(picture, [child])] * 3)[-1], picture)


@pytest.mark.parametrize("listing", PLAIN, ids=lambda listing: listing.id)
def test_what_does_not_look_at_faces_does_not_ask_for_them(listing: Listing) -> None:
    if listing.needs & FACE_NEEDS:
        return
    picture = noise(264, 216)
    face = head(width=90, centre=(130, 110))
    one, two = (stream(listing.id, [(picture, faces)])[0] for faces in ([], [face]))
    assert np.array_equal(one, two)
