"""A look for each age band."""

from __future__ import annotations

from dataclasses import dataclass

from omote_filters.draw.paint import FacePainter
from omote_filters.draw.surface import Rgba
from omote_filters.draw.texture import asset
from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, slider
from omote_filters.words import Appearance, Need, Stage
from omote_models.face import AgeBand, Face

LOOKS: dict[AgeBand | None, str] = {
    AgeBand.CHILD: "butterfly",
    AgeBand.TEENAGER: "lightning",
    AgeBand.YOUNG_ADULT: "gold_leaf",
    AgeBand.MIDDLE_AGED: "venetian",
    AgeBand.SENIOR: "laurel",
    None: "dots",
}
"""The design for each age band, and for an unknown one."""

FADE_S = 0.4


@dataclass(frozen=True, slots=True)
class _Look:
    """What a track wears, what it wore before, and when that changed."""

    band: AgeBand | None
    before: AgeBand | None
    since: float

    def progress(self, time: float) -> float:
        """How far the change has come, 0 to 1; a clock that was set back ends it."""
        elapsed = time - self.since
        done = self.band is self.before or elapsed < 0
        return 1.0 if done else min(elapsed / FADE_S, 1.0)


class LifeStages(Filter):
    """A festive painted look for each age band, and one for an unknown age."""

    id = "life_stages"
    name = "Life stages"
    appearance = Appearance.NOVELTY
    stage = Stage.PAINT
    needs = frozenset({Need.MESH, Need.AGE})

    class Settings(FilterSettings):
        """How the looks are painted."""

        opacity: float = slider(1.0, 0, 1, label="Opacity", hint="How thick the paint is")
        light: float = slider(
            0.85, 0, 1, label="Light", hint="How much of the face's own light and shade shows"
        )

    def start(self) -> None:
        """Draw every look once."""
        self._painter = FacePainter()
        self._looks = TrackMemory[_Look]()
        for design in LOOKS.values():
            asset(design)

    def apply(self, scene: Scene) -> None:
        """Paint every face as its age band asks, changing over softly."""
        settings: LifeStages.Settings = self.settings
        for face in scene.faces:
            texture = self._texture(face, scene.time)
            self._painter.paint(scene, face, texture, settings.opacity, settings.light)

    def _texture(self, face: Face, time: float) -> Rgba:
        look = self._look(face, time)
        progress, texture = look.progress(time), asset(LOOKS[look.band])
        if progress == 1:
            return texture.level(face.width)
        return asset(LOOKS[look.before]).mixed(texture, progress, face.width)

    def _look(self, face: Face, time: float) -> _Look:
        """What a face wears now. One change ends before the next begins."""
        band = face.attributes.age_band.value
        look = self._looks.get(face.track_id) or _Look(band, band, time)
        if band is not look.band and look.progress(time) == 1:
            look = _Look(band, look.band, time)
        self._looks.put(face.track_id, look)
        return look
