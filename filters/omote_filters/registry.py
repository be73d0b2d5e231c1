"""Finds filters by entry point, checks them, and lists the broken ones with their errors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from omote_filters.filter import Filter
from omote_filters.packs.filter import PackFilter
from omote_filters.packs.load import BUILTIN, find_packs, load_pack
from omote_filters.packs.source import PackError
from omote_filters.settings import FilterSettings, describe, parse
from omote_filters.words import (
    Appearance,
    ChainEntry,
    ChainError,
    Need,
    SettingsError,
    Stage,
    Violation,
)

GROUP = "omote.filters"
PLUGIN_FAULTS = (Exception, SystemExit)
"""What a plugin may raise at any time; none of it may stop a server."""
_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_VERSION = re.compile(r"\d+\.\d+\.\d+([-+].+)?")


@dataclass(frozen=True, slots=True)
class Broken:
    """A filter that cannot be used, and why."""

    id: str
    error: str


class Registry:
    """Filters and packs by id. Each is loaded when it is first asked for."""

    def __init__(
        self, candidates: Iterable[EntryPoint] | None = None, packs: Iterable[Path] = ()
    ) -> None:
        """Collect filters and packs.

        Args:
            candidates: entry points, by default those of the group `omote.filters`.
            packs: folders of packs, packs' folders or .zip files, beside Omote's own packs.
        """
        found = entry_points(group=GROUP) if candidates is None else candidates
        self._candidates: dict[str, list[EntryPoint]] = {}
        self._loaded: dict[str, type[Filter] | Broken] = {}
        for candidate in found:
            for each in self._opened(candidate):
                self._candidates.setdefault(each.name, []).append(each)
        self._packs = find_packs([BUILTIN, *packs])

    @property
    def ids(self) -> list[str]:
        """Every id, in alphabetical order, broken ones included."""
        return sorted({*self._candidates, *self._packs})

    def find(self, filter_id: str) -> type[Filter] | Broken | None:
        """A filter's class, why it is broken, or None where there is none."""
        candidates = self._candidates.get(filter_id, [])
        packs = self._packs.get(filter_id, [])
        if not candidates and not packs:
            return None
        if filter_id not in self._loaded:
            if len(packs) + len(candidates) > 1:
                places = ", ".join([c.value for c in candidates] + [str(path) for path in packs])
                found: type[Filter] | Broken = Broken(
                    filter_id, f"several packages bring a filter of this id: {places}"
                )
            elif packs:
                found = self._load_pack(filter_id, packs[0])
            else:
                found = _load(filter_id, candidates[0])
            self._loaded[filter_id] = found
        return self._loaded[filter_id]

    def _opened(self, candidate: EntryPoint) -> list[EntryPoint]:
        """An entry as one entry for each filter.

        One in capitals names a mapping, id → "module:Class", and is read now; any other is a
        filter itself, imported when it is asked for.
        """
        if not candidate.attr.isupper():
            return [candidate]
        try:
            table = dict(candidate.load())
            return [EntryPoint(str(i), str(place), GROUP) for i, place in table.items()]
        except PLUGIN_FAULTS as error:
            text = f"its list of filters cannot be read: {type(error).__name__}: {error}"
            self._loaded[candidate.name] = Broken(candidate.name, text)
            return [candidate]

    def _load_pack(self, filter_id: str, path: Path) -> type[Filter] | Broken:
        try:
            loaded = load_pack(path, self._part)
        except PackError as error:
            return Broken(filter_id, "; ".join(error.problems))
        problems = check(loaded, filter_id)
        return Broken(filter_id, "; ".join(problems)) if problems else loaded

    def _part(self, filter_id: str) -> object:
        """A filter for a layer. Packs are not looked into, so that none can hold itself."""
        return PackFilter if filter_id in self._packs else self.find(filter_id)

    def catalogue(self) -> list[type[Filter] | Broken]:
        """Every filter, imported and checked."""
        return [found for i in self.ids if (found := self.find(i)) is not None]

    def resolve(self, entries: Iterable[ChainEntry]) -> list[tuple[type[Filter], FilterSettings]]:
        """The class and the validated settings of each entry.

        Raises:
            ChainError: a filter is unknown or broken, or its settings do not fit.
        """
        resolved: list[tuple[type[Filter], FilterSettings]] = []
        violations: list[Violation] = []
        for index, entry in enumerate(entries):
            path = f"entries[{index}]"
            found = self.find(entry.filter_id)
            if not isinstance(found, type):
                violations.append(Violation(f"{path}.filter_id", self._why(entry, found)))
                continue
            try:
                settings = parse(found.Settings, entry.settings)
                if issubclass(found, PackFilter):
                    found.check(settings)
                resolved.append((found, settings))
            except SettingsError as error:
                violations += [
                    Violation(f"{path}.settings.{v.field}", v.description) for v in error.violations
                ]
        if violations:
            raise ChainError(violations)
        return resolved

    def _why(self, entry: ChainEntry, found: Broken | None) -> str:
        if found is not None:
            return (
                f"the filter {entry.filter_id!r} is broken on this server; its operator sees why "
                "with `omote filters list`"
            )
        return self.lament(entry.filter_id)

    def lament(self, filter_id: str) -> str:
        """What to tell who asked for a filter that is not there."""
        near = get_close_matches(filter_id[:64], self.ids, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {len(self.ids)} others."
        return f"there is no filter {filter_id[:64]!r}; {hint}"


def _load(filter_id: str, candidate: EntryPoint) -> type[Filter] | Broken:
    try:
        loaded = candidate.load()
        problems = check(loaded, filter_id)
    except PLUGIN_FAULTS as error:
        return Broken(filter_id, f"loading it failed: {type(error).__name__}: {error}")
    return Broken(filter_id, "; ".join(problems)) if problems else loaded


def check(candidate: object, filter_id: str) -> list[str]:
    """Everything that is wrong with a filter class, in words; empty when it is sound."""
    if not (isinstance(candidate, type) and issubclass(candidate, Filter)):
        return [f"{candidate!r} is not a subclass of omote_filters.Filter"]
    problems = [_attribute(candidate, name, kind) for name, kind in _KINDS.items()]
    if not _ID.fullmatch(filter_id):
        problems.append(f"the id {filter_id!r} must be lower case letters, digits and underscores")
    if getattr(candidate, "id", None) != filter_id:
        problems.append(f"its id must be {filter_id!r}, the name of its entry point or file")
    if not _VERSION.fullmatch(str(candidate.version)):
        problems.append(f"version {candidate.version!r} must be like 1.0.0")
    needs = candidate.needs
    if not isinstance(needs, frozenset) or not all(isinstance(need, Need) for need in needs):
        problems.append("needs must be a frozenset of omote_filters.Need")
    if candidate.apply is Filter.apply:
        problems.append("it has no apply()")
    if not candidate.summary():
        problems.append("it has no docstring, which is its description")
    problems.append(_settings_problem(candidate))
    return [problem for problem in problems if problem]


_KINDS: dict[str, type] = {"id": str, "name": str, "appearance": Appearance, "stage": Stage}


def _attribute(candidate: type[Filter], name: str, kind: type) -> str:
    if isinstance(getattr(candidate, name, None), kind):
        return ""
    return f"the class attribute {name!r} must be a {kind.__name__}"


def _settings_problem(candidate: type[Filter]) -> str:
    if not (
        isinstance(candidate.Settings, type) and issubclass(candidate.Settings, FilterSettings)
    ):
        return "Settings must be a subclass of omote_filters.FilterSettings"
    try:
        describe(candidate.Settings)
        candidate.Settings()
    except (TypeError, ValueError) as error:
        return f"Settings: {error}"
    return ""
