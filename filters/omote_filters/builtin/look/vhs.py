"""VHS."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.filter import Filter
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage

Plane = NDArray[np.uint8]

_SEED = 8
_LINES = 240
"""Lines of a picture on tape; also how many steps the noise of the tape has."""
_TICK_S = 1 / 25
_WRAP = 2**40
_WORK = 540
"""The picture is worked on with at most so many rows: tape never had more."""


class Vhs(Filter):
    """A video tape played too often: bleeding colours, soft lines, noise that wanders up."""

    id = "vhs"
    name = "VHS"
    appearance = Appearance.NOVELTY
    stage = Stage.GRADE
    needs = frozenset[Need]()

    class Settings(FilterSettings):
        """How worn."""

        wear: float = slider(0.6, 0, 1, label="Wear", hint="Bleeding, softness and noise")
        tracking: float = slider(
            0.5, 0, 1, label="Tracking", hint="How badly lines lose their place"
        )
        scan_lines: float = slider(0.35, 0, 1, label="Scan lines", hint="How dark the gaps are")

    def start(self) -> None:
        """Record the tape's noise."""
        noise = np.random.default_rng(_SEED).normal(0, 1, (_LINES, 400)).astype(np.float32)
        drawn = cv2.GaussianBlur(noise, (0, 0), sigmaX=1.6, sigmaY=0.4)
        self._noise = np.clip(128 + 60 * drawn / drawn.std(), 0, 255).astype(np.uint8)

    def apply(self, scene: Scene) -> None:
        """Play the tape; the same moment plays in the same way."""
        view = scene.edit()
        height, width = view.shape[:2]
        rows = min(height, _WORK)
        size = (max(1, round(width * rows / height)), rows)
        small = view if rows == height else cv2.resize(view, size, interpolation=cv2.INTER_AREA)
        played = self._played(np.asarray(small, np.uint8), scene.time)
        if rows != height:
            played = np.asarray(cv2.resize(played, (width, height), interpolation=cv2.INTER_LINEAR))
        view[:] = played

    def _played(self, picture: Plane, time: float) -> Plane:
        time = time if math.isfinite(time) else 0.0
        rng = np.random.default_rng((_SEED, math.floor(time / _TICK_S) % _WRAP))
        wear = self.settings.wear
        luma, red, blue = _planes(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb))
        luma = self._grainy(_ringing(luma, wear), rng, wear)
        bled = [_bled(plane, wear) for plane in (red, blue)]
        merged = cv2.cvtColor(cv2.merge((luma, *bled)), cv2.COLOR_YCrCb2RGB)
        played = np.asarray(merged, np.uint8)
        if self.settings.tracking > 0:
            _mistracked(played, time, rng, self.settings.tracking)
        if self.settings.scan_lines > 0:
            step = max(2, round(len(played) / _LINES))
            gaps = played[step // 2 :: step]
            if gaps.size:
                gaps[:] = cv2.convertScaleAbs(gaps, alpha=1 - 0.6 * self.settings.scan_lines)
        return played

    def _grainy(self, luma: Plane, rng: np.random.Generator, wear: float) -> Plane:
        """Add the tape's noise, from another place on it in every frame."""
        shifted = np.roll(self._noise, tuple(rng.integers(0, _LINES, 2).tolist()), axis=(0, 1))
        size = (luma.shape[1], luma.shape[0])
        noise = cv2.resize(shifted, size, interpolation=cv2.INTER_LINEAR)
        amount = 0.13 * wear
        # Tape lifts black and never reaches white.
        lift = 14 * wear - 128 * amount
        return np.asarray(cv2.addWeighted(luma, 1 - 0.1 * wear, noise, amount, lift), np.uint8)


def _planes(picture: NDArray[Any]) -> list[Plane]:
    return [np.asarray(plane, np.uint8) for plane in cv2.split(picture)]


def _ringing(luma: Plane, wear: float) -> Plane:
    """Soft along the line, with an echo of each edge."""
    sigma = max(luma.shape[1] / 640 * 1.5 * wear, 0.3)
    soft = cv2.GaussianBlur(luma, (0, 0), sigmaX=sigma, sigmaY=0.3)
    wide = cv2.GaussianBlur(luma, (0, 0), sigmaX=3 * sigma, sigmaY=0.3)
    return np.asarray(cv2.addWeighted(soft, 1 + 0.7 * wear, wide, -0.7 * wear, 0), np.uint8)


def _bled(plane: Plane, wear: float) -> Plane:
    """Colour has an eighth of the lines' detail and comes late: it lies to the right."""
    height, width = plane.shape
    size = (max(1, round(width / (1 + 9 * wear))), max(1, round(height / (1 + wear))))
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    late = np.array(((1, 0, 0.9 * wear), (0, 1, 0)), np.float32)
    small = cv2.warpAffine(small, late, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def _mistracked(played: Plane, time: float, rng: np.random.Generator, amount: float) -> None:
    """Lines out of place: a band that wanders up, and the foot of the picture."""
    height, width = played.shape[:2]
    middle = height * (1.15 - (0.13 * time % 1.3))
    rows = np.arange(height)
    band = np.exp(-(((rows - middle) / (0.035 * height)) ** 2))
    foot = np.clip((rows - 0.965 * height) / (0.035 * height), 0, 1)
    wobble = rng.normal(0, 1, height)
    shift = width * amount * (band * (0.02 + 0.012 * wobble) + foot * (0.07 + 0.02 * wobble))
    for row in np.flatnonzero(np.abs(shift) >= 1).tolist():
        played[row] = np.roll(played[row], round(shift[row]), axis=0)
    for row in np.flatnonzero(band * amount > 0.25 + 0.6 * rng.random(height)).tolist():
        _dropout(played[row], rng)


def _dropout(row: Plane, rng: np.random.Generator) -> None:
    """White dashes where the tape has lost its coating."""
    width = len(row)
    for start in rng.integers(0, width, 2).tolist():
        length = max(1, round(width * rng.uniform(0.01, 0.07)))
        dash = row[start : start + length]
        dash[:] = np.maximum(dash, np.linspace(235, 90, len(dash))[:, None].astype(np.uint8))
