"""The door to classes that others wrote: each is read once, and all that is wrong is said."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from omote_filters.alpha import IN_FRONT
from omote_filters.faults import hand_up, quoted
from omote_filters.filter import Filter
from omote_filters.listing import Broken, Listing
from omote_filters.settings import FilterSettings, Parameter, asset_slots, describe
from omote_filters.words import Appearance, Need, Stage

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_VERSION = re.compile(r"\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?")
_UNSPEAKABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and halves of characters, which no wire can carry."""
_LONGEST_NAME = 200
_LONGEST_TEXT = 1000
_MOST_FACES = 16


class _Unfit(TypeError):
    """Our own word on something that foreign code gave; the text says what it must be."""


def listed(filter_id: str, load: Callable[[], object]) -> Listing | Broken:
    """Import a filter and read all that there is to know of it.

    Args:
        filter_id: under which it is found.
        load: imports it; may raise anything, as may whatever is asked of it.
    """
    reader = _Reader()
    kind = reader.read("loading it", load, _filter_class, Filter)
    listing = None if reader.problems else _listing(reader, kind, filter_id)
    if listing is None or reader.problems:
        return Broken(filter_id, "; ".join(reader.problems))
    return listing


class _Reader:
    """Asks foreign code; what is wrong with it is collected."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def read(
        self, what: str, ask: Callable[[], object], freeze: Callable[[Any], T], stand_in: T
    ) -> T:
        """The answer, checked and frozen; the stand-in, and a problem, where it cannot be used."""
        try:
            return freeze(ask())
        except _Unfit as error:
            self.problems.append(f"{what} {error}")
        except BaseException as error:
            hand_up(error)
            self.problems.append(f"{what} failed: {quoted(error)}")
        return stand_in


def _listing(reader: _Reader, kind: type[Filter], filter_id: str) -> Listing:
    """Everything is read before anything is judged, so that all problems are said at once."""

    def attribute(name: str, freeze: Callable[[Any], T], stand_in: T) -> T:
        what = f"the class attribute {name!r}"
        return reader.read(what, lambda: getattr(kind, name, None), freeze, stand_in)

    settings = attribute("Settings", _settings_class, FilterSettings)
    stage = attribute("stage", _one_of(Stage), Stage.MARK)
    in_front = attribute("in_front", _yes_or_none, None)
    reader.read("it", lambda: kind.apply, _own_apply, None)
    return Listing(
        id=attribute("id", _id(filter_id), filter_id),
        name=attribute("name", _name, ""),
        version=attribute("version", _version, ""),
        description=reader.read("its summary()", lambda: kind.summary(), _description, ""),
        appearance=attribute("appearance", _one_of(Appearance), Appearance.NOVELTY),
        stage=stage,
        needs=attribute("needs", _needs, frozenset()),
        settings=settings,
        parameters=reader.read("Settings", lambda: describe(settings), _parameters, ()),
        files=reader.read("Settings", lambda: asset_slots(settings), tuple, ()),
        fewest_faces=attribute("fewest_faces", _face_count, 0),
        draws=attribute("draws", _yes_or_no, True),
        in_front=stage in IN_FRONT if in_front is None else in_front,
        animated=attribute("animated", _yes_or_no, True),
        budget_ms=attribute("budget_ms", _budget, 0.0),
        lack=reader.read("its lack()", lambda: kind.lack(), _text, ""),
        home=reader.read("its module", lambda: _home(kind), Path, Path()),
        kind=kind,
        read_preview=lambda: kind.preview(),
    )


def _home(kind: type[Filter]) -> str:
    module = sys.modules.get(kind.__module__)
    return str(getattr(module, "__file__", None) or "")


# What each answer must be. They run where foreign code may still interfere: a subclass of str has
# methods of its own, so plain values are made of what comes.


def _filter_class(found: Any) -> type[Filter]:
    if not (isinstance(found, type) and issubclass(found, Filter)):
        raise _Unfit(f"gave {repr(found)[:80]}, which is not a subclass of omote_filters.Filter")
    return found


def _settings_class(found: Any) -> type[FilterSettings]:
    if not (isinstance(found, type) and issubclass(found, FilterSettings)):
        raise _Unfit("must be a subclass of omote_filters.FilterSettings")
    return found


def _own_apply(found: Any) -> None:
    if found is Filter.apply or not callable(found):
        raise _Unfit("has no apply()")


def _text(found: Any) -> str:
    if not isinstance(found, str):
        raise _Unfit("must be a str")
    plain = str.__str__(found)
    if _UNSPEAKABLE.search(plain) or len(plain) > _LONGEST_TEXT:
        raise _Unfit(f"must be a str of at most {_LONGEST_TEXT} characters that can be written")
    return plain


def _id(filter_id: str) -> Callable[[Any], str]:
    def checked(found: Any) -> str:
        if found != filter_id:
            raise _Unfit(f"must be a str, {filter_id!r}, as its entry point says")
        if not ID.fullmatch(filter_id):
            raise _Unfit(f"{filter_id!r} must be lower case letters, digits and underscores")
        return filter_id

    return checked


def _name(found: Any) -> str:
    if not 0 < len(text := _text(found).strip()) <= _LONGEST_NAME:
        raise _Unfit(f"must be a str of 1 to {_LONGEST_NAME} characters")
    return text


def _version(found: Any) -> str:
    if not _VERSION.fullmatch(text := _name(found)):
        raise _Unfit(f"must be like 1.0.0; version {text!r} is not")
    return text


def _description(found: Any) -> str:
    if not (text := _text(found).strip()):
        raise _Unfit("is empty: write a docstring, which is its description")
    return text


def _one_of(kind: type[E]) -> Callable[[Any], E]:
    def checked(found: Any) -> E:
        if not isinstance(found, kind):
            raise _Unfit(f"must be one of {kind.__name__}")
        return found

    return checked


def _needs(found: Any) -> frozenset[Need]:
    if not isinstance(found, frozenset) or not all(isinstance(need, Need) for need in found):
        raise _Unfit("must be a frozenset of omote_filters.Need")
    return frozenset[Need](found)


def _face_count(found: Any) -> int:
    if type(found) is not int or not 0 <= found <= _MOST_FACES:
        raise _Unfit(f"must be an int from 0 to {_MOST_FACES}")
    return found


def _yes_or_no(found: Any) -> bool:
    if not isinstance(found, bool):
        raise _Unfit("must be True or False")
    return found


def _yes_or_none(found: Any) -> bool | None:
    return None if found is None else _yes_or_no(found)


def _budget(found: Any) -> float:
    if type(found) not in (int, float) or not 0 < found < math.inf:
        raise _Unfit("must be milliseconds, more than 0")
    return float(found)


def _parameters(found: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """Texts of settings go over the wire, as do those of the filter itself."""
    parameters = tuple(found)
    for parameter in parameters:
        try:
            for text in (parameter.name, parameter.label, parameter.hint, *parameter.choices):
                _text(text)
        except _Unfit as error:
            raise _Unfit(f"has {parameter.name[:40]!a}, whose texts each {error}") from None
    return parameters
