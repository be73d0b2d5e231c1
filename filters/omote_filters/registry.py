"""Finds filters by entry point and packs in folders; lists the broken ones with their errors."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from omote_filters.faults import hand_up, quoted, speakable
from omote_filters.inspection import listed
from omote_filters.listing import Broken, Listing
from omote_filters.packs.load import BUILTIN, find_packs, load_pack
from omote_filters.packs.source import PackError
from omote_filters.settings import FilterSettings
from omote_filters.words import ChainEntry, ChainError, SettingsError, Violation

GROUP = "omote.filters"
_PLACE = re.compile(r"[\w.]+:[\w.]+")
_LONGEST_ID = 120


@dataclass(frozen=True, slots=True)
class _Claim:
    """Something that says it is a filter: where it stands, and how it is read."""

    place: str
    read: Callable[[], Listing | Broken]


class Registry:
    """Filters and packs by id. Each is read when it is first asked for, once."""

    def __init__(
        self, candidates: Iterable[EntryPoint] | None = None, packs: Iterable[Path] = ()
    ) -> None:
        """Collect filters and packs.

        Args:
            candidates: entry points, by default those of the group `omote.filters`.
            packs: folders of packs, packs' folders or .zip files, beside Omote's own packs.
        """
        self._claims: dict[str, list[_Claim]] = {}
        self._read: dict[str, Listing | Broken] = {}
        # A pack asks for the filters of its layers while it is read.
        self._reading = threading.RLock()
        found = entry_points(group=GROUP) if candidates is None else candidates
        for candidate in found:
            for filter_id, claim in _claims(candidate):
                self._claims.setdefault(filter_id, []).append(claim)
        self._packs = find_packs([BUILTIN, *packs])
        for pack_id, places in self._packs.items():
            claims = [_Claim(str(path), partial(self._pack, pack_id, path)) for path in places]
            self._claims.setdefault(pack_id, []).extend(claims)

    @property
    def ids(self) -> list[str]:
        """Every id, in alphabetical order, broken ones included."""
        return sorted(self._claims)

    def find(self, filter_id: str) -> Listing | Broken | None:
        """What is known of a filter or pack, why it is broken, or None where there is none."""
        claims = self._claims.get(filter_id)
        if claims is None:
            return None
        with self._reading:
            if filter_id not in self._read:
                self._read[filter_id] = _only(filter_id, claims)
            return self._read[filter_id]

    def catalogue(self) -> list[Listing | Broken]:
        """Every filter and pack, imported and checked."""
        return [found for i in self.ids if (found := self.find(i)) is not None]

    def resolve(self, entries: Iterable[ChainEntry]) -> list[tuple[Listing, FilterSettings]]:
        """What each entry asks for, and its validated settings.

        Raises:
            ChainError: a filter is unknown or broken, or its settings do not fit.
        """
        resolved: list[tuple[Listing, FilterSettings]] = []
        violations: list[Violation] = []
        for index, entry in enumerate(entries):
            path = f"entries[{index}]"
            found = self.find(entry.filter_id)
            if not isinstance(found, Listing):
                violations.append(Violation(f"{path}.filter_id", self._why(entry, found)))
                continue
            try:
                resolved.append((found, found.parse(entry.settings)))
            except SettingsError as error:
                violations += [_beneath(f"{path}.settings", v) for v in error.violations]
        if violations:
            raise ChainError(violations)
        return resolved

    def lament(self, filter_id: str) -> str:
        """What to tell who asked for a filter that is not there."""
        near = get_close_matches(filter_id[:64], self.ids, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {len(self.ids)} others."
        return f"there is no filter {filter_id[:64]!r}; {hint}"

    def _why(self, entry: ChainEntry, found: Broken | None) -> str:
        if found is not None:
            return (
                f"the filter {entry.filter_id!r} is broken on this server; its operator sees why "
                "with `omote filters list`"
            )
        return self.lament(entry.filter_id)

    def _pack(self, pack_id: str, path: Path) -> Listing | Broken:
        try:
            return load_pack(path, self._part)
        except PackError as error:
            return Broken(pack_id, "; ".join(error.problems))

    def _part(self, filter_id: str) -> Listing | Broken | None:
        """A filter for a layer. Packs are not looked into, so that none can hold itself."""
        if filter_id in self._packs:
            return Broken(filter_id, "a pack cannot be a layer of a pack")
        return self.find(filter_id)


def _only(filter_id: str, claims: list[_Claim]) -> Listing | Broken:
    if len(claims) == 1:
        return claims[0].read()
    places = ", ".join(claim.place for claim in claims)
    return Broken(filter_id, f"several packages bring a filter of this id: {places}")


def _claims(candidate: EntryPoint) -> Iterator[tuple[str, _Claim]]:
    """Each filter that an entry point brings, by id.

    One in capitals may name a mapping, id → "module:Class", and is read now; any other is a filter
    itself, imported when it is asked for.
    """
    try:
        table = _table(candidate) if _in_capitals(candidate) else None
    except BaseException as error:
        hand_up(error)
        # Not under its name, which may be a sound filter's id.
        whole = _shown(f"{candidate.name} = {candidate.value}")
        text = f"its list of filters cannot be read: {quoted(error)}"
        yield whole, _Claim(whole, partial(Broken, whole, text))
        return
    if table is None:
        filter_id = _shown(candidate.name)
        yield filter_id, _Claim(candidate.value, partial(listed, filter_id, candidate.load))
        return
    for name, where in table.items():
        filter_id = _shown(name)
        yield filter_id, _Claim(_shown(where), partial(listed, filter_id, partial(_load, where)))


def _in_capitals(candidate: EntryPoint) -> bool:
    _, _, attribute = candidate.value.partition(":")
    return attribute.strip().isupper()


def _table(candidate: EntryPoint) -> dict[object, object] | None:
    """Where each filter is, by id; None where the entry is a filter whose name is in capitals."""
    found = candidate.load()
    if isinstance(found, type):
        return None
    if not isinstance(found, Mapping):
        raise TypeError('it must be a mapping, id → "module:Class"')
    return dict(found)


def _load(place: object) -> object:
    if not isinstance(place, str) or not _PLACE.fullmatch(place):
        raise TypeError('its list must say where it is, as "module:Class"')
    return EntryPoint("", place, GROUP).load()


def _shown(given: object) -> str:
    """An id or a place as it can be listed, whatever it is."""
    plain = str.__str__(given) if isinstance(given, str) else f"({type(given).__name__})"
    return speakable(plain, _LONGEST_ID)


def _beneath(path: str, violation: Violation) -> Violation:
    """A violation of one setting, or of all together."""
    field = f"{path}.{violation.field}" if violation.field else path
    return Violation(field, violation.description)
