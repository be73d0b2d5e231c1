"""Glitch."""

from __future__ import annotations

import math

import numpy as np

from omote_filters.filter import Filter
from omote_filters.scene import Picture, Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage

_TICK_S = 1 / 14
"""A fault lasts so long, in capture time."""
_CALM, _BURST = 0.3, 1.0
_WRAP = 2**40


class Glitch(Filter):
    """A signal that breaks up: colours split, bands jump, blocks freeze, in bursts."""

    id = "glitch"
    name = "Glitch"
    appearance = Appearance.NOVELTY
    stage = Stage.GRADE
    needs = frozenset[Need]()

    class Settings(FilterSettings):
        """How broken."""

        amount: float = slider(0.8, 0, 1, label="Amount", hint="How far things jump")
        bursts: float = slider(0.6, 0, 1, label="Bursts", hint="How often it breaks up badly")

    def apply(self, scene: Scene) -> None:
        """Break the picture up; the same moment breaks in the same way."""
        if self.settings.amount == 0:
            return
        tick = math.floor(scene.time / _TICK_S) if math.isfinite(scene.time) else 0
        rng = np.random.default_rng(tick % _WRAP)
        # A burst lasts six ticks.
        bad = np.random.default_rng((tick // 6) % _WRAP).random() < self.settings.bursts
        force = self.settings.amount * (_BURST if bad else _CALM)
        view = scene.edit()
        _split(view, round(force * view.shape[1] * 0.03 * rng.uniform(0.6, 1.4)))
        for _ in range(round(1 + 9 * force * rng.random())):
            _jump(view, rng, force)
        if bad:
            for _ in range(round(5 * force)):
                _block(view, rng)


def _split(view: Picture, shift: int) -> None:
    """Red to the left, blue to the right."""
    width = view.shape[1]
    shift = min(max(shift, 1), width - 1)
    if shift > 0:
        view[:, : width - shift, 0] = view[:, shift:, 0].copy()
        view[:, shift:, 2] = view[:, : width - shift, 2].copy()


def _jump(view: Picture, rng: np.random.Generator, force: float) -> None:
    """Shift a band of rows sideways."""
    height, width = view.shape[:2]
    thick = max(1, round(height * rng.uniform(0.008, 0.07)))
    top = int(rng.integers(0, max(1, height - thick)))
    shift = round(width * 0.16 * force * rng.uniform(-1, 1))
    band = np.roll(view[top : top + thick], shift, axis=1)
    if rng.random() < 0.3:
        band[..., int(rng.integers(0, 3))] //= 3
    view[top : top + thick] = band


def _block(view: Picture, rng: np.random.Generator) -> None:
    """Repeat a piece of the picture elsewhere, coarse and in a false colour."""
    height, width = view.shape[:2]
    tall, wide = max(1, round(height * rng.uniform(0.02, 0.08))), max(1, round(width * 0.25))
    top, left = int(rng.integers(0, height - tall + 1)), int(rng.integers(0, width - wide + 1))
    from_top = int(rng.integers(0, height - tall + 1))
    side = max(1, height // 60)
    piece = view[from_top : from_top + tall : side, left : left + wide : side]
    coarse = piece.repeat(side, axis=0).repeat(side, axis=1)[:tall, :wide]
    order = ((0, 1, 2), (2, 0, 1), (1, 2, 0))[int(rng.integers(0, 3))]
    view[top : top + tall, left : left + wide] = coarse[:, :, order]
