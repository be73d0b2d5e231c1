"""A pack's layer as a chain runs it: on which faces it is drawn, how, and how strongly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from omote_filters.listing import Group, Listing
from omote_filters.memory import TrackMemory
from omote_filters.packs.facts import Moment, need_of
from omote_filters.packs.model import Layer, Use
from omote_filters.packs.rules import Judge, Latches
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings
from omote_filters.words import FACE_NEEDS, Appearance, Need, Stage

_MOST_REMEMBERED = 256


class _Fade:
    """How far something has faded in; it jumps to where it is first seen."""

    def __init__(self) -> None:
        self._weight: float | None = None
        self._seen = 0.0

    def moved(self, target: float, time: float, seconds: float) -> float:
        """The weight now, 0 to 1, if the whole way takes so many seconds."""
        passed = max(0.0, time - self._seen)  # a looped file sets the clock back
        self._seen = time
        if self._weight is None or seconds <= 0:
            self._weight = target
        else:
            step = passed / seconds
            self._weight += min(step, max(-step, target - self._weight))
        return self._weight


@dataclass(slots=True)
class _Standing:
    """One face's."""

    judge: Judge | None
    fade: _Fade = field(default_factory=_Fade)


class Gate:
    """Decides for one layer, frame by frame, which faces it is drawn on and how."""

    def __init__(
        self,
        listing: Listing,
        use: Use,
        layer: Layer,
        otherwise: bool,
        parameters: Mapping[str, object],
    ) -> None:
        """Of a new session.

        Args:
            listing: the filter that draws.
            use: its settings.
            layer: the rule and the fade.
            otherwise: whether it is on where the rule does not hold.
            parameters: the pack's own settings.
        """
        self._filter = listing
        self._use = use
        self._layer = layer
        self._otherwise = otherwise
        self._parameters = parameters
        # What a rule asks about no face, such as an event and its hold, is remembered once for the
        # picture: faces come, go and change their tracks meanwhile.
        self._latches: Latches = {}
        self._standings: TrackMemory[_Standing] = TrackMemory()
        self._fade = _Fade()
        self._shown: FilterSettings | None = None
        self._parsed: dict[tuple[tuple[str, object], ...], FilterSettings] = {}

    @property
    def needs(self) -> frozenset[Need]:
        """What its rule and curves ask for."""
        rule = self._layer.when
        asked = {condition.fact for condition, _ in rule.conditions()} if rule else set()
        asked |= self._use.facts
        return frozenset(need for fact in asked if (need := need_of(fact)) is not None)

    @property
    def settings(self) -> FilterSettings:
        """The filter's where no face is known."""
        return self._settings(Moment(0.0, 1, parameters=self._parameters))

    def revise(self, settings: FilterSettings) -> None:
        """Take other parameters of the pack."""
        self._parameters = settings.model_dump()

    def groups(self, scene: Scene) -> list[Group]:
        """The calls to make on this frame; none where the layer is off."""
        moments = self._moments(scene)
        # Every face's rule is asked on every frame: a latch that is not asked would go stale.
        on = {key: self._verdict(key, moment) for key, moment in moments.items()}
        if not self._filter.needs & FACE_NEEDS:
            return self._for_the_picture(moments, on, scene.time)
        return self._for_faces(moments, on, scene)

    def _for_the_picture(
        self, moments: Mapping[str, Moment], on: Mapping[str, bool], time: float
    ) -> list[Group]:
        """A filter of the whole picture is on when it is for anybody, and fades once for all."""
        lucky = next((moment for key, moment in moments.items() if on[key]), None)
        weight = self._weight(self._fade, lucky is not None, time)
        if weight <= 0:
            return []
        if lucky is not None or self._shown is None:
            self._shown = self._settings(lucky or next(iter(moments.values())))
        return [Group(self._shown, frozenset(), weight)]

    def _for_faces(
        self, moments: Mapping[str, Moment], on: Mapping[str, bool], scene: Scene
    ) -> list[Group]:
        everyone = frozenset(face.track_id for face in scene.all_faces)
        found: dict[tuple[float, int], tuple[FilterSettings, set[str]]] = {}
        for key, moment in moments.items():
            weight = self._weight(self._standing(key).fade, on[key], scene.time)
            if moment.face is None or weight <= 0:
                continue
            settings = self._settings(moment)
            found.setdefault((weight, id(settings)), (settings, set()))[1].add(key)
        if not found and (self._hides or not self._filter.draws):
            # It must go on covering whoever it covered, though the tracker lost them just now;
            # and what only speaks must know that it is nobody's turn.
            nobody = Moment(scene.time, scene.width, parameters=self._parameters)
            return [Group(self._settings(nobody), everyone)]
        return [Group(s, everyone - shown, weight) for (weight, _), (s, shown) in found.items()]

    def _moments(self, scene: Scene) -> dict[str, Moment]:
        events = frozenset(event.name for event in scene.events)
        largest = max(scene.all_faces, key=lambda face: face.box.area, default=None)
        faces = scene.all_faces or (None,)
        return {
            face.track_id if face else "": Moment(
                scene.time, scene.width, face, face is largest, events, self._parameters
            )
            for face in faces
        }

    def _standing(self, key: str) -> _Standing:
        standing = self._standings.get(key)
        if standing is None:
            rule = self._layer.when
            standing = _Standing(Judge(rule, self._latches) if rule else None)
        self._standings.put(key, standing)
        return standing

    def _verdict(self, key: str, moment: Moment) -> bool:
        judge = self._standing(key).judge
        return (judge is None or judge.verdict(moment)) != self._otherwise

    def _weight(self, fade: _Fade, on: bool, time: float) -> float:
        weight = fade.moved(float(on), time, 0.0 if self._abrupt else self._layer.fade_s)
        if self._filter.stage is Stage.WARP:
            return float(weight > 0.5)  # what bends the picture cannot be half drawn
        return round(weight, 2)

    @property
    def _abrupt(self) -> bool:
        """What hides somebody is there at once, and at no time half; so is what only speaks."""
        return self._hides or not self._filter.draws

    @property
    def _hides(self) -> bool:
        return self._filter.appearance is Appearance.ANONYMISE

    def _settings(self, moment: Moment) -> FilterSettings:
        values = self._use.resolved(moment)
        key = tuple(sorted(values.items()))
        if key not in self._parsed:
            if len(self._parsed) >= _MOST_REMEMBERED:
                self._parsed.clear()
            self._parsed[key] = self._filter.parse(values)
        return self._parsed[key]
