"""A pack as it is written: parameters and layers, read strictly."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from pydantic import create_model

from omote_filters.assets import Asset, AssetError, read_asset
from omote_filters.packs.facts import DEMOGRAPHIC, Moment
from omote_filters.packs.rules import Report, Rule, read_rule
from omote_filters.packs.source import Document, PackError, Place
from omote_filters.settings import FilterSettings, choice, colour, slider, text, toggle

MOST_LAYERS = 16
MOST_ASSETS = 16
_MOST_PARAMETERS = 16
_LONGEST_FADE_MS = 3000.0
_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_VERSION = re.compile(r"\d+\.\d+\.\d+")

_PACK_KEYS = ("id", "name", "version", "description", "parameters", "layers")
_LAYER_KEYS = ("filter", "settings", "when", "otherwise", "fade_ms")


@dataclass(frozen=True, slots=True)
class Curve:
    """A setting that follows an estimate: straight lines between points, flat beyond them."""

    over: str
    points: tuple[tuple[float, float], ...]
    unknown: float

    def at(self, moment: Moment) -> float:
        """Its value for a face; rounded, so that faces that differ by nothing are one group."""
        x = moment.number(self.over)
        if x is None:
            return self.unknown
        xs, ys = zip(*self.points, strict=True)
        return round(float(np.interp(x, xs, ys)), 2)


@dataclass(frozen=True, slots=True)
class Reference:
    """A setting that is one of the pack's own parameters."""

    parameter: str


@dataclass(frozen=True, slots=True)
class Use:
    """A filter with settings, each constant, a reference or a curve."""

    filter_id: str
    settings: Mapping[str, object] = field(default_factory=dict)
    place: Place = ()

    def resolved(self, moment: Moment) -> dict[str, object]:
        """Plain settings for one face."""
        return {name: _resolved(value, moment) for name, value in self.settings.items()}

    @property
    def facts(self) -> set[str]:
        """What its curves ask for."""
        return {value.over for value in self.settings.values() if isinstance(value, Curve)}


def _resolved(value: object, moment: Moment) -> object:
    if isinstance(value, Curve):
        return value.at(moment)
    return moment.parameters[value.parameter] if isinstance(value, Reference) else value


@dataclass(frozen=True, slots=True)
class Layer:
    """A filter, when it is on, and what takes its place when it is not."""

    use: Use
    when: Rule | None = None
    otherwise: Use | None = None
    fade_s: float = 0.3


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack, checked but for its filters.

    Attributes:
        assets: the names of the files that it uses.
    """

    id: str
    name: str
    version: str
    description: str
    settings: type[FilterSettings]
    layers: tuple[Layer, ...]
    document: Document
    assets: tuple[str, ...] = ()

    @property
    def facts(self) -> set[str]:
        """Every fact that its rules and curves ask for."""
        rules = [layer.when for layer in self.layers if layer.when is not None]
        asked = {condition.fact for rule in rules for condition, _ in rule.conditions()}
        uses = [use for layer in self.layers for use in (layer.use, layer.otherwise) if use]
        return asked.union(*(use.facts for use in uses))


def read_pack(document: Document, fetch: Callable[[str], bytes]) -> Pack:
    """A pack from a document.

    Args:
        document: its text.
        fetch: gives the bytes of one of its files, or raises AssetError.

    Raises:
        PackError: everything that is wrong with it.
    """
    reader = _Reader(document, fetch)
    pack = reader.pack()
    if reader.problems or pack is None:
        raise PackError(reader.problems)
    return pack


class _Reader:
    def __init__(self, document: Document, fetch: Callable[[str], bytes]) -> None:
        self._document = document
        self._fetch = fetch
        self._assets: dict[str, Asset | None] = {}
        self.problems: list[str] = []
        self._parameters: set[str] = set()

    def report(self, place: Place, text: str) -> None:
        self.problems.append(self._document.problem(place, text))

    def pack(self) -> Pack | None:
        value = self._document.value
        if not isinstance(value, dict):
            self.report((), "a pack is a mapping with id, name, version, description and layers")
            return None
        unknown_keys(value, _PACK_KEYS, (), self.report)
        texts = {key: self._text(value, key) for key in ("id", "name", "version", "description")}
        if texts["id"] and not _ID.fullmatch(texts["id"]):
            self.report(("id",), "an id is lower case letters, digits and underscores")
        if texts["version"] and not _VERSION.fullmatch(texts["version"]):
            self.report(("version",), 'a version is like "1.0.0", in quotes')
        settings = self._settings(value.get("parameters", {}), texts["id"])
        layers = value.get("layers")
        if not isinstance(layers, list) or not 0 < len(layers) <= MOST_LAYERS:
            self.report(("layers",), f"write a list of 1 to {MOST_LAYERS} layers")
            return None
        made = [self._layer(layer, ("layers", i)) for i, layer in enumerate(layers)]
        return Pack(
            **texts,
            settings=settings,
            layers=tuple(layer for layer in made if layer is not None),
            document=self._document,
            assets=tuple(self._assets),
        )

    def _text(self, value: dict[str, object], key: str) -> str:
        found = value.get(key)
        if isinstance(found, str) and 0 < len(found.strip()) <= 200:
            return found.strip()
        self.report((key,), f"{key} is a text of 1 to 200 characters")
        return ""

    def _layer(self, value: object, place: Place) -> Layer | None:
        if not isinstance(value, dict):
            self.report(place, "a layer is a mapping with a filter")
            return None
        unknown_keys(value, _LAYER_KEYS, place, self.report)
        use = self._use(value, place)
        when = None
        if "when" in value:
            when = read_rule(value["when"], (*place, "when"), self.report)
        otherwise = None
        if "otherwise" in value:
            if "when" not in value:
                self.report((*place, "otherwise"), "otherwise needs a `when` beside it")
            inner = value["otherwise"]
            below = (*place, "otherwise")
            if isinstance(inner, dict):
                unknown_keys(inner, ("filter", "settings"), below, self.report)
            otherwise = self._use(inner, below)
        fade = value.get("fade_ms", 300)
        if isinstance(fade, bool) or not isinstance(fade, int | float):
            fade = -1
        if not 0 <= fade <= _LONGEST_FADE_MS:
            self.report((*place, "fade_ms"), f"fade_ms is a number from 0 to {_LONGEST_FADE_MS:g}")
        return None if use is None else Layer(use, when, otherwise, fade / 1000)

    def _use(self, value: object, place: Place) -> Use | None:
        filter_id = value.get("filter") if isinstance(value, dict) else None
        settings = value.get("settings", {}) if isinstance(value, dict) else {}
        if not isinstance(filter_id, str) or not isinstance(settings, dict):
            self.report(place, "write `filter: ID`, and settings as a mapping")
            return None
        made = {
            name: self._setting(given, (*place, "settings", name))
            for name, given in settings.items()
        }
        return Use(filter_id, made, place)

    def _setting(self, given: object, place: Place) -> object:
        if not isinstance(given, dict):
            return given
        if set(given) == {"param"}:
            if given["param"] in self._parameters:
                return Reference(str(given["param"]))
            there = ", ".join(sorted(self._parameters)) or "none"
            self.report(place, f"there is no parameter {given['param']!r}; there are: {there}")
            return 0
        if set(given) == {"asset"}:
            return self._asset(str(given["asset"]), place)
        return self._curve(given, place)

    def _asset(self, name: str, place: Place) -> Asset | None:
        if name not in self._assets:
            self._assets[name] = None
            if len(self._assets) > MOST_ASSETS:
                self.report(place, f"a pack has at most {MOST_ASSETS} assets")
                return None
            try:
                self._assets[name] = read_asset(name, self._fetch(name))
            except AssetError as error:
                self.report((*place, "asset"), f"{name}: {error}")
        return self._assets[name]

    def _curve(self, given: dict[str, object], place: Place) -> object:
        points = given.get("points")
        pairs = points if isinstance(points, list) else []
        numbers = [p for p in pairs if isinstance(p, list) and len(p) == 2 and all(map(_real, p))]
        rising = all(a[0] < b[0] for a, b in pairwise(numbers))
        if given.get("over") not in ("age", "mouth_open", "smile", "brow_raise"):
            self.report(place, "a curve goes over age, mouth_open, smile or brow_raise")
        elif len(numbers) < 2 or len(numbers) != len(pairs) or not rising:
            self.report(place, "points are two or more [x, y], x rising")
        elif given["over"] in DEMOGRAPHIC and not _real(given.get("unknown")):
            self.report(place, "say what holds when it is unknown: add `unknown: NUMBER`")
        elif extra := set(given) - {"over", "points", "unknown"}:
            self.report(place, f"a curve has over, points and unknown, not {sorted(extra)[0]!r}")
        else:
            unknown = given.get("unknown", numbers[0][1])
            made = tuple((float(x), float(y)) for x, y in numbers)
            return Curve(str(given["over"]), made, float(str(unknown)))
        return 0

    def _settings(self, value: object, pack_id: str) -> type[FilterSettings]:
        fields: dict[str, Any] = {}
        given = value if isinstance(value, dict) else {}
        if not isinstance(value, dict) or len(given) > _MOST_PARAMETERS:
            self.report(("parameters",), f"a mapping of at most {_MOST_PARAMETERS} parameters")
            given = {}
        for name, spec in given.items():
            place = ("parameters", name)
            if not _ID.fullmatch(name) or name.startswith("model_"):
                self.report(place, "a parameter's name is lower case letters, digits and _")
                continue
            made = _parameter(spec)
            if made is None:
                self.report(place, _PARAMETER_HELP)
            else:
                fields[name] = made
            self._parameters.add(name)
        return create_model(f"{pack_id or 'pack'}_settings", __base__=FilterSettings, **fields)


_PARAMETER_HELP = (
    "a parameter is one of {slider: DEFAULT, low: N, high: N, label: TEXT}, {choice: DEFAULT, "
    'of: [TEXT, …], label: TEXT}, {colour: "#rrggbb", label: TEXT}, {toggle: true, label: TEXT}, '
    "{text: TEXT, label: TEXT}, each with an optional hint"
)


def _parameter(spec: object) -> Any:
    """The annotation and field of a parameter, None where it is not written as it must be."""
    if not isinstance(spec, dict) or not isinstance(spec.get("label"), str):
        return None
    kinds = [key for key in ("slider", "choice", "colour", "toggle", "text") if key in spec]
    known = {*kinds, "label", "hint", *({"low", "high"} if "slider" in spec else ())}
    known |= {"of"} if "choice" in spec else set()
    if len(kinds) != 1 or set(spec) - known:
        return None
    default, words = spec[kinds[0]], {"label": spec["label"], "hint": str(spec.get("hint", ""))}
    if kinds[0] == "slider":
        low, high = spec.get("low", 0), spec.get("high", 1)
        fits = all(map(_real, (default, low, high))) and low <= default <= high
        return (float, slider(float(default), low, high, **words)) if fits else None
    if kinds[0] == "choice":
        of = spec.get("of")
        fits = isinstance(of, list) and default in of and all(isinstance(o, str) for o in of)
        return (Literal[tuple(of)], choice(default, **words)) if fits and of else None
    if kinds[0] == "toggle":
        return (bool, toggle(default, **words)) if isinstance(default, bool) else None
    if not isinstance(default, str):
        return None
    if kinds[0] == "text":
        return str, text(default, **words)
    fits = re.fullmatch(r"#[0-9a-fA-F]{6}", default) is not None
    return (str, colour(default, **words)) if fits else None


def _real(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def unknown_keys(
    value: Mapping[str, object], known: tuple[str, ...], place: Place, report: Report
) -> None:
    """Report each key that does not belong here, with the nearest that does."""
    for key in value:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
            report((*place, key), f"{key!r} does not belong here; {hint}")
