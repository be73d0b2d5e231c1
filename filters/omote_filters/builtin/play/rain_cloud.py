"""A rain cloud."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from omote_filters.draw.crop import drawable
from omote_filters.draw.easing import Spring
from omote_filters.draw.head import HeadFrame
from omote_filters.draw.particles import Manner, Particles, tiles_of
from omote_filters.draw.sheet import Art, light_of
from omote_filters.draw.sprite import Sprite, draw_sprites
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider, toggle
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import Face

_RATE = 70.0
_RAIN = Manner(
    gravity=2.4,
    colours=((225, 238, 255, 150), (225, 238, 255, 190), (225, 238, 255, 120)),
    tilt=0.0,
    along=True,
)
_DROP = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><defs><linearGradient id="d" '
    'x1="0" y1="1" x2="0" y2="0"><stop offset="0" stop-color="#fff" stop-opacity="0"/>'
    '<stop offset="1" stop-color="#fff"/></linearGradient></defs>'
    '<path d="M32 1 Q34.6 3 34 8 L32.4 63 L31.6 63 L30 8 Q29.4 3 32 1 Z" fill="url(#d)"/></svg>'
)
_CLOUD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 150"><defs>'
    '<radialGradient id="c" cx="0.42" cy="0.2" r="0.95"><stop offset="0" stop-color="#f4f6fa"/>'
    '<stop offset="0.45" stop-color="#aab2c2"/><stop offset="1" stop-color="#515a6e"/>'
    "</radialGradient></defs>{0}</svg>"
)
_LOBES = (
    *((66, 96, 44), (110, 66, 52), (168, 56, 52), (222, 84, 46), (254, 104, 34)),
    *((150, 98, 50), (40, 108, 28), (198, 106, 36), (104, 108, 36)),
)
_BOLT = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 120"><path d="M34 2 L8 64 L28 64 '
    'L18 118 L54 46 L33 46 L50 2 Z" fill="#fff7c2" stroke="#ffd23e" stroke-width="3" '
    'stroke-linejoin="round"/></svg>'
)
_WIDE, _ABOVE = 1.55, 0.62
_FROWN, _CALM = 0.4, 0.25
# A flash fainter than this is over.
_DARK = 0.01


@dataclass(slots=True)
class _Weather:
    """Where a cloud floats, pixels; how bright its lightning is; whether it may strike."""

    x: Spring
    y: Spring
    flash: float = 0.0
    ready: bool = True


class RainCloud(Filter):
    """A small cloud that rains on a head and follows it; a frown brings lightning."""

    id = "rain_cloud"
    name = "Rain cloud"
    appearance = Appearance.NOVELTY
    stage = Stage.PARTICLES
    needs = frozenset({Need.MESH, Need.BLENDSHAPES})

    class Settings(FilterSettings):
        """How hard it rains."""

        rain: float = slider(0.6, 0, 1, label="Rain", hint="From a drizzle to a downpour")
        lightning: bool = toggle(True, label="Lightning", hint="Strikes where somebody frowns")

    def start(self) -> None:
        """Draw the cloud."""
        lobes = "".join(
            f'<circle cx="{x}" cy="{y}" r="{radius}" fill="url(#c)"/>' for x, y, radius in _LOBES
        )
        self._cloud = Art.of_svg(_CLOUD.format(lobes), 512)
        self._bolt = Art.of_svg(_BOLT, 128)
        self._drops = Particles(tiles_of(_DROP), _RAIN, most=160)
        self._weather = TrackMemory[_Weather]()

    def apply(self, scene: Scene) -> None:
        """Rain on every face."""
        faces = [face for face in scene.faces if drawable(face)][:6]
        self._drops.step(scene.elapsed)
        due = self._drops.due(_RATE * 2 * self.settings.rain * len(faces), scene.elapsed)
        clouds = [(face, self._follow(scene, face)) for face in faces]
        for number in range(due):
            face, weather = clouds[number % len(clouds)]
            self._fall(face, weather)
        self._drops.draw(scene)
        for face, weather in clouds:
            self._draw(scene, face, weather)

    def _follow(self, scene: Scene, face: Face) -> _Weather:
        up = HeadFrame.of(face).place(np.array([(0, 13.0, -1.0)], np.float32))[0]
        x, y = float(up[0]), float(up[1]) - _ABOVE * face.width
        # Where the head fills the picture, the cloud hangs as low as it must to be seen.
        y = max(y, 0.24 * face.width)
        weather = self._weather.get(face.track_id)
        if weather is None:
            weather = _Weather(Spring(x, response=0.5), Spring(y, response=0.5))
        weather.x.follow(x, scene.elapsed)
        weather.y.follow(y, scene.elapsed)
        weather.flash *= math.exp(-7 * scene.elapsed)
        if weather.flash < _DARK:
            weather.flash = 0.0
        frown = (face.blendshape("browDownLeft") + face.blendshape("browDownRight")) / 2
        if weather.ready and math.isfinite(frown) and frown > _FROWN:
            weather.flash, weather.ready = 1.0, False
        elif frown < _CALM:
            weather.ready = True
        self._weather.put(face.track_id, weather)
        return weather

    def _fall(self, face: Face, weather: _Weather) -> None:
        chance = self._drops.chance
        aside = chance.uniform(-0.6, 0.6) * face.width
        at = np.array([(weather.x.value + aside, weather.y.value + 0.12 * face.width)])
        velocity = np.array([(0.0, chance.uniform(1.9, 2.5))])
        size = np.array([chance.uniform(0.14, 0.24)])
        # It falls on the head in the middle, past it at the sides.
        life = np.array([0.3 if abs(aside) < 0.42 * face.width else chance.uniform(0.55, 0.8)])
        self._drops.emit(at, velocity, size, life, face.width)

    def _draw(self, scene: Scene, face: Face, weather: _Weather) -> None:
        sway = 0.012 * math.sin(1.3 * scene.time)
        at = (weather.x.value, weather.y.value + sway * face.width)
        light = 0.35 + 0.65 * light_of(scene, face)
        flash = weather.flash if self.settings.lightning else 0.0
        light = np.minimum(light + 0.45 * flash, 1.4).astype(np.float32)
        cloud = Sprite(self._cloud, at, _WIDE * face.width, light=light)
        bolt_at = (at[0] + 0.16 * face.width, at[1] + 0.42 * face.width)
        bolt = Sprite(self._bolt, bolt_at, 0.2 * face.width, 0.12, opacity=flash)
        draw_sprites(scene, bolt, cloud)
