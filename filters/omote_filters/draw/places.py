"""Painted backgrounds: places that do not exist, made of formulas and seeded noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_models.face import FloatArray

Place = NDArray[np.uint8]
Colour = tuple[float, float, float]

WIDTH, HEIGHT = 1280, 960


@lru_cache(maxsize=2)
def place(name: str) -> Place:
    """A background by its name in `PLACES`, (960, 1280, 3) uint8 RGB, read-only."""
    picture = np.clip(PLACES[name]() * 255, 0, 255)
    noise = np.random.default_rng(5).uniform(-1.5, 1.5, picture.shape[:2]).astype(np.float32)
    # Noise hides the steps of a smooth gradient.
    painted: Place = np.clip(picture + noise[:, :, None], 0, 255).astype(np.uint8)
    painted.setflags(write=False)
    return painted


def _grid() -> tuple[FloatArray, FloatArray]:
    """X from -1.33 to 1.33 and Y from 0 (top) to 1, (960, 1280) float32 each."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return (x - WIDTH / 2) / (HEIGHT / 2) / 1.0, y / HEIGHT


def _ramp(at: FloatArray, *stops: tuple[float, Colour]) -> FloatArray:
    """Colours along a coordinate, (h, w, 3) float32, 0 to 1."""
    places = [stop for stop, _ in stops]
    channels = [np.interp(at, places, [colour[c] for _, colour in stops]) for c in range(3)]
    return np.dstack(channels).astype(np.float32)


def _clouds(seed: int, scale: tuple[float, float], octaves: int = 5) -> FloatArray:
    """Fractal noise, (960, 1280) float32, 0 to 1."""
    chance = np.random.default_rng(seed)
    total = np.zeros((HEIGHT, WIDTH), np.float32)
    for octave in range(octaves):
        shape = (int(scale[1] * 2**octave) + 2, int(scale[0] * 2**octave) + 2)
        layer = chance.uniform(0, 1, shape).astype(np.float32)
        total += cv2.resize(layer, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) / 2**octave
    total -= total.min()
    return np.asarray(total / total.max(), np.float32)


def _over(below: FloatArray, colour: FloatArray | Colour, alpha: FloatArray) -> FloatArray:
    return np.asarray(below + (np.asarray(colour, np.float32) - below) * alpha[:, :, None])


def _glow(x: FloatArray, y: FloatArray, at: tuple[float, float], size: float) -> FloatArray:
    return np.asarray(np.exp(-(np.square(x - at[0]) + np.square(2 * (y - at[1]))) / size**2))


def _ridge(seed: int, base: float, height: float, rough: int) -> FloatArray:
    """How far each pixel lies below a line of hills, 0 to 1 with a soft edge."""
    chance = np.random.default_rng(seed)
    line = np.full(WIDTH, base, np.float32)
    for octave in range(rough):
        knots = chance.uniform(-1, 1, 4 * 2**octave).astype(np.float32)[None]
        wave = cv2.resize(knots, (WIDTH, 1), interpolation=cv2.INTER_CUBIC)[0]
        line -= height * wave / 1.9**octave
    _, y = _grid()
    return np.asarray(np.clip((y - line[None]) * HEIGHT / 2, 0, 1), np.float32)


def _studio() -> FloatArray:
    x, y = _grid()
    light = _glow(x, y, (0.0, 0.42), 0.95)
    wall = _ramp(light, (0, (0.16, 0.18, 0.22)), (1, (0.62, 0.65, 0.7)))
    return _over(wall, (0.2, 0.21, 0.25), np.clip((y - 0.86) * 3, 0, 0.5).astype(np.float32))


def _sunset() -> FloatArray:
    x, y = _grid()
    sky = _ramp(
        y,
        (0.0, (0.16, 0.17, 0.38)),
        (0.35, (0.62, 0.32, 0.46)),
        (0.58, (0.98, 0.55, 0.32)),
        (0.68, (1.0, 0.83, 0.5)),
    )
    clouds = np.clip((_clouds(3, (3, 14)) - 0.5) * 3, 0, 1) * np.clip(1.3 - 1.6 * y, 0, 1)
    sky = _over(sky, (1.0, 0.6, 0.5), (0.55 * clouds).astype(np.float32))
    sky = sky + _glow(x, y, (0.55, 0.66), 0.5)[:, :, None] * np.array((0.5, 0.35, 0.12), np.float32)
    sky = _over(
        sky, (1.0, 0.97, 0.82), np.clip((0.062 - np.hypot(x - 0.55, 2 * (y - 0.645))) * 60, 0, 1)
    )
    for seed, base, height, colour in (
        (11, 0.7, 0.035, (0.5, 0.27, 0.36)),
        (12, 0.77, 0.05, (0.3, 0.17, 0.3)),
        (13, 0.87, 0.06, (0.13, 0.09, 0.19)),
    ):
        sky = _over(sky, colour, _ridge(seed, base, height, 6))
    return sky


def _beach() -> FloatArray:
    _, y = _grid()
    picture = _ramp(
        y,
        (0.0, (0.25, 0.56, 0.88)),
        (0.5, (0.72, 0.88, 0.97)),
        (0.505, (0.1, 0.45, 0.62)),
        (0.72, (0.25, 0.75, 0.76)),
        (0.77, (0.75, 0.92, 0.88)),
        (0.79, (0.88, 0.79, 0.6)),
        (1.0, (0.95, 0.86, 0.68)),
    )
    clouds = np.clip((_clouds(8, (3, 6)) - 0.55) * 3.2, 0, 1) * np.clip(1.2 - 2.4 * y, 0, 1)
    picture = _over(picture, (1.0, 1.0, 1.0), (0.85 * clouds).astype(np.float32))
    waves = np.clip((_clouds(9, (3, 60), 3) - 0.56) * 6, 0, 1)
    sea = np.clip((y - 0.505) * 60, 0, 1) * np.clip((0.78 - y) * 20, 0, 1)
    picture = _over(picture, (0.95, 0.99, 1.0), (0.5 * waves * sea).astype(np.float32))
    sand = _clouds(10, (60, 60), 3) * np.clip((y - 0.79) * 30, 0, 1)
    return np.asarray(picture - (0.07 * sand)[:, :, None])


def _space() -> FloatArray:
    x, y = _grid()
    dust = _clouds(21, (3, 3), 6)
    lanes = np.exp(-np.square((y - 0.5 - 0.25 * x) * 2.6)) * dust
    picture = _ramp(
        lanes, (0, (0.01, 0.012, 0.03)), (0.5, (0.16, 0.07, 0.25)), (1, (0.75, 0.45, 0.7))
    )
    blue = np.clip(_clouds(22, (2, 2), 6) - 0.5, 0, 1) * 1.1
    picture = picture + blue[:, :, None] * np.array((0.06, 0.25, 0.5), np.float32)
    chance = np.random.default_rng(23)
    stars = np.zeros((HEIGHT, WIDTH), np.float32)
    rows, columns = chance.integers(0, HEIGHT, 1500), chance.integers(0, WIDTH, 1500)
    stars[rows, columns] = chance.uniform(0.2, 1, 1500) ** 3 * 3
    stars = cv2.GaussianBlur(stars, (0, 0), 0.8) * 2.2 + cv2.GaussianBlur(stars, (0, 0), 3.0) * 4
    return np.asarray(picture + np.minimum(stars, 1)[:, :, None])


def _city() -> FloatArray:
    _, y = _grid()
    picture = _ramp(y, (0, (0.03, 0.04, 0.1)), (0.6, (0.13, 0.11, 0.22)), (1, (0.05, 0.05, 0.09)))
    chance = np.random.default_rng(31)
    lamps = np.array(
        ((1.0, 0.75, 0.35), (1.0, 0.45, 0.25), (0.4, 0.75, 1.0), (0.95, 0.9, 0.8), (0.9, 0.3, 0.6))
    )
    disc = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for _ in range(110):
        at = (int(chance.uniform(0, WIDTH)), int(HEIGHT * chance.normal(0.58, 0.17)))
        radius = int(chance.uniform(12, 44))
        colour = lamps[chance.integers(len(lamps))] * chance.uniform(0.15, 0.6)
        one = np.zeros((2 * radius + 9, 2 * radius + 9, 3), np.float32)
        middle = (radius + 4, radius + 4)
        cv2.circle(one, middle, radius, colour.tolist(), -1, cv2.LINE_AA)
        cv2.circle(one, middle, radius, (colour * 1.4).tolist(), 2, cv2.LINE_AA)
        left, top = at[0] - radius - 4, at[1] - radius - 4
        inside = disc[max(top, 0) : top + len(one), max(left, 0) : left + len(one)]
        cut = one[max(-top, 0) :, max(-left, 0) :][: inside.shape[0], : inside.shape[1]]
        inside += cut
    return picture + cv2.GaussianBlur(disc, (0, 0), 2.0)


def _forest() -> FloatArray:
    x, y = _grid()
    leaves = cv2.GaussianBlur(_clouds(41, (14, 12), 5), (0, 0), 6)
    light = _glow(x, y, (0.35, 0.2), 0.9)
    picture = _ramp(
        np.clip(0.75 * leaves + 0.45 * light, 0, 1),
        (0, (0.03, 0.09, 0.05)),
        (0.5, (0.13, 0.32, 0.12)),
        (0.8, (0.5, 0.68, 0.25)),
        (1, (0.95, 0.97, 0.7)),
    )
    chance = np.random.default_rng(42)
    trunks = np.zeros((HEIGHT, WIDTH), np.float32)
    for _ in range(9):
        left, wide = chance.uniform(-40, WIDTH), chance.uniform(14, 50)
        lean = chance.uniform(-30, 30)
        corners = [
            (left, 0),
            (left + wide, 0),
            (left + 1.2 * wide + lean, HEIGHT),
            (left + lean, HEIGHT),
        ]
        cv2.fillPoly(trunks, [np.array(corners, np.int32)], float(chance.uniform(0.35, 0.8)))
    soft = np.asarray(cv2.GaussianBlur(trunks, (0, 0), 7), np.float32)
    return _over(picture, (0.07, 0.07, 0.05), soft)


PLACES: Mapping[str, Callable[[], FloatArray]] = {
    "studio": _studio,
    "sunset": _sunset,
    "beach": _beach,
    "space": _space,
    "city": _city,
    "forest": _forest,
}
