"""A pack as a filter of the catalogue, and its layers as a chain runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import ClassVar

from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.packs.facts import DEMOGRAPHIC, Moment, need_of
from omote_filters.packs.model import Curve, Layer, Pack, Use
from omote_filters.packs.rules import Judge
from omote_filters.packs.source import Bundle, PackError
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, parse
from omote_filters.words import FACE_NEEDS, Appearance, Need, SettingsError, Stage

Find = Callable[[str], object]
"""A filter's class by its id, None where there is none, or anything else where it is broken."""

_STRICTEST = (
    Appearance.ANONYMISE,
    Appearance.FACE_REPLACE,
    Appearance.AGE_ALTER,
    Appearance.BEAUTIFY,
    Appearance.MAKEUP,
    Appearance.NOVELTY,
)
_MOST_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Part:
    """One filter of a pack.

    Attributes:
        kind: the filter.
        use: its settings.
        layer: the rule and the fade.
        otherwise: whether it is on where the rule does not hold.
    """

    kind: type[Filter]
    use: Use
    layer: Layer
    otherwise: bool


class PackFilter(Filter):
    """What the catalogue shows of a pack. A chain runs its parts."""

    pack: ClassVar[Pack]
    parts: ClassVar[tuple[Part, ...]]
    bundle: ClassVar[Bundle]

    def apply(self, scene: Scene) -> None:
        """Never called."""
        raise TypeError(f"the pack {self.id} is run by its parts")

    @classmethod
    def preview(cls) -> bytes:
        """The pack's own `preview.jpg`; empty without one."""
        return cls.bundle.preview()

    @classmethod
    def check(cls, settings: FilterSettings) -> None:
        """Whether these parameters fit every filter of the pack.

        Raises:
            SettingsError: one does not.
        """
        moment = Moment(0.0, 1, parameters=settings.model_dump())
        for part in cls.parts:
            parse(part.kind.Settings, part.use.resolved(moment))


def filter_of(pack: Pack, bundle: Bundle, find: Find) -> type[PackFilter]:
    """The catalogue's class for a pack.

    Raises:
        PackError: a filter is unknown, its settings do not fit, or it would not be safe.
    """
    problems: list[str] = []
    parts = tuple(part for layer in pack.layers for part in _parts(layer, pack, find, problems))
    if problems:
        raise PackError(problems)
    needs = {need for part in parts for need in part.kind.needs}
    needs |= {need for fact in pack.facts if (need := need_of(fact)) is not None}
    appearances = {part.kind.appearance for part in parts}
    members = {
        "__doc__": pack.description,
        "id": pack.id,
        "name": pack.name,
        "version": pack.version,
        "appearance": next(a for a in _STRICTEST if a in appearances),
        "stage": min(part.kind.stage for part in parts),
        "needs": frozenset(needs),
        "budget_ms": sum(part.kind.budget_ms for part in parts),
        "Settings": pack.settings,
        "pack": pack,
        "parts": parts,
        "bundle": bundle,
    }
    return type(f"Pack_{pack.id}", (PackFilter,), members)


def _parts(layer: Layer, pack: Pack, find: Find, problems: list[str]) -> Iterator[Part]:
    for use, otherwise in ((layer, False), (layer.otherwise, True)):
        if use is None:
            continue
        report = partial(_report, pack, problems)
        kind = find(use.filter_id)
        if not (isinstance(kind, type) and issubclass(kind, Filter)):
            report(use, "filter", f"there is no filter {use.filter_id!r} that works here")
        elif issubclass(kind, PackFilter):
            report(use, "filter", "a pack cannot be a layer of a pack")
        else:
            _check_settings(use, kind, pack, problems)
            if kind.appearance is Appearance.ANONYMISE:
                _check_safe(layer, use, otherwise, pack, problems)
            yield Part(kind, use, layer, otherwise)


def _report(pack: Pack, problems: list[str], use: Use, key: str, text: str) -> None:
    problems.append(pack.problem(use, tuple(key.split(".")), text))


def _check_settings(use: Use, kind: type[Filter], pack: Pack, problems: list[str]) -> None:
    """Parse the settings with the parameters' defaults and with both ends of every curve."""
    defaults = pack.settings().model_dump()
    moment = Moment(0.0, 1, parameters=defaults)
    for end in range(3):
        values = use.resolved(moment)
        values |= {n: v.ends[end] for n, v in use.settings.items() if isinstance(v, Curve)}
        try:
            parse(kind.Settings, values)
        except SettingsError as error:
            for violation in error.violations:
                near = get_close_matches(violation.field, kind.Settings.model_fields, 1)
                hint = f"; did you mean {near[0]!r}?" if near and near[0] not in values else ""
                place = f"settings.{violation.field}"
                _report(pack, problems, use, place, violation.description + hint)
            return


def _check_safe(layer: Layer, use: Use, otherwise: bool, pack: Pack, problems: list[str]) -> None:
    """An anonymise filter must cover a face of which nothing is known."""
    for condition, negated in layer.when.conditions() if layer.when else ():
        if condition.fact in DEMOGRAPHIC and condition.unknown == (negated ^ otherwise):
            text = f"{use.filter_id} must cover faces of unknown {condition.fact}, too: "
            wanted = "false" if condition.unknown else "true"
            _report(pack, problems, use, "filter", text + f"write `unknown: {wanted}` there")


# Running


@dataclass(frozen=True, slots=True)
class Group:
    """Faces that one call of a filter draws on.

    Attributes:
        settings: of the filter for these faces.
        hidden: tracks that the call must not see.
        weight: how far it has faded in, over 0 to 1.
    """

    settings: FilterSettings
    hidden: frozenset[str]
    weight: float


@dataclass(slots=True)
class _Standing:
    judge: Judge | None
    weight: float | None = None
    seen: float = 0.0


class Gate:
    """Decides for one part, frame by frame, which faces it is drawn on and how."""

    def __init__(self, part: Part, pack_id: str, parameters: Mapping[str, object]) -> None:
        self.part = part
        self.pack_id = pack_id
        self.parameters = parameters
        self._standings: TrackMemory[_Standing] = TrackMemory()
        self._parsed: dict[tuple[tuple[str, object], ...], FilterSettings] = {}

    @property
    def needs(self) -> frozenset[Need]:
        """What its rule and curves ask for."""
        rule = self.part.layer.when
        asked = {condition.fact for condition, _ in rule.conditions()} if rule else set()
        asked |= self.part.use.facts
        return frozenset(need for fact in asked if (need := need_of(fact)) is not None)

    def groups(self, scene: Scene) -> list[Group]:
        """The calls to make on this frame; none where the layer is off."""
        everyone = frozenset(face.track_id for face in scene.all_faces)
        moments = self._moments(scene)
        found: dict[tuple[float, int], tuple[FilterSettings, set[str]]] = {}
        weights = {key: self._weight(key, moment) for key, moment in moments.items()}
        if not self.part.kind.needs & FACE_NEEDS:
            return self._for_the_picture(moments, weights)
        for key, moment in moments.items():
            if moment.face is None or weights[key] <= 0:
                continue
            settings = self._settings(moment)
            group = found.setdefault((weights[key], id(settings)), (settings, set()))
            group[1].add(key)
        if not found and (self._hides or not self.part.kind.draws):
            # It must go on covering whoever it covered, though the tracker lost them just now;
            # and what only speaks must know that it is nobody's turn.
            return [Group(self._settings(self._nobody(scene)), everyone, 1.0)]
        return [Group(s, everyone - shown, weight) for (weight, _), (s, shown) in found.items()]

    def _for_the_picture(
        self, moments: Mapping[str, Moment], weights: Mapping[str, float]
    ) -> list[Group]:
        """A filter of the whole picture is on when it is for anybody, once."""
        key = max(weights, key=lambda k: weights[k])
        if weights[key] <= 0:
            return []
        return [Group(self._settings(moments[key]), frozenset(), weights[key])]

    def _moments(self, scene: Scene) -> dict[str, Moment]:
        events = frozenset(event.name for event in scene.events)
        largest = max(scene.all_faces, key=lambda face: face.box.area, default=None)
        faces = scene.all_faces or (None,)
        return {
            face.track_id if face else "": Moment(
                scene.time, scene.width, face, face is largest, events, self.parameters
            )
            for face in faces
        }

    def _nobody(self, scene: Scene) -> Moment:
        return Moment(scene.time, scene.width, parameters=self.parameters)

    def _weight(self, key: str, moment: Moment) -> float:
        standing = self._standings.get(key) or _Standing(
            Judge(self.part.layer.when) if self.part.layer.when else None, seen=moment.time
        )
        on = standing.judge is None or standing.judge.verdict(moment)
        target = float(on != self.part.otherwise)
        passed = max(0.0, moment.time - standing.seen)
        standing.seen = moment.time
        if standing.weight is None or self._abrupt:
            standing.weight = target
        else:
            step = passed / self.part.layer.fade_s
            change = min(step, max(-step, target - standing.weight))
            standing.weight = min(1.0, max(0.0, standing.weight + change))
        self._standings.put(key, standing)
        if self.part.kind.stage is Stage.WARP:
            return float(standing.weight > 0.5)  # what bends the picture cannot be half drawn
        return round(standing.weight, 2)

    @property
    def _abrupt(self) -> bool:
        """What hides somebody is there at once, and at no time half; so is what only speaks."""
        return self._hides or not self.part.kind.draws or self.part.layer.fade_s <= 0

    @property
    def _hides(self) -> bool:
        return self.part.kind.appearance is Appearance.ANONYMISE

    def _settings(self, moment: Moment) -> FilterSettings:
        values = self.part.use.resolved(moment)
        key = tuple(sorted(values.items()))
        if key not in self._parsed:
            if len(self._parsed) >= _MOST_REMEMBERED:
                self._parsed.clear()
            self._parsed[key] = parse(self.part.kind.Settings, values)
        return self._parsed[key]
