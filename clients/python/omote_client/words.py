"""Enums of the wire as words: the name after the prefix, in lower case."""

from __future__ import annotations

from enum import StrEnum, auto
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from omote_client.errors import InvalidRequest

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

Number = TypeVar("Number", bound=int)
Word = TypeVar("Word", bound=StrEnum)


class Delivery(StrEnum):
    """What happens to frames that come faster than the server can process them."""

    NEWEST = auto()
    """Live: the newest frame wins, results say how many were dropped."""
    EVERY = auto()
    """Offline: nothing is dropped, sending waits instead."""


class OutputMode(StrEnum):
    """What a result carries."""

    FRAME = auto()
    PATCHES = auto()
    FACES_ONLY = auto()


class PictureFormat(StrEnum):
    """How a picture's bytes are to be read."""

    JPEG = auto()
    PNG = auto()
    RGB = auto()
    RGBA = auto()
    WEBP = auto()


class AgeBand(StrEnum):
    """Child 0–12, teenager 13–19, young adult 20–35, middle-aged 36–59, senior 60 and over."""

    CHILD = auto()
    TEENAGER = auto()
    YOUNG_ADULT = auto()
    MIDDLE_AGED = auto()
    SENIOR = auto()


class Gender(StrEnum):
    """A declared or inferred gender."""

    FEMALE = auto()
    MALE = auto()


class Source(StrEnum):
    """Where an estimate comes from."""

    UNKNOWN = auto()
    DECLARED = auto()
    INFERRED = auto()


@cache
def word(kind: _EnumTypeWrapper[Number], number: Number) -> str:
    """The word for a number of the wire; empty where nothing was stated.

    A number that this client does not know yet, from a newer server, stays a number.
    """
    value = kind.DESCRIPTOR.values_by_number.get(number)
    if value is None:
        return str(number)
    return value.name.removeprefix(_prefix(kind)).removesuffix("UNSPECIFIED").lower()


def number(kind: _EnumTypeWrapper[Number], word: str) -> Number:
    """The wire's number for a word.

    Raises:
        InvalidRequest: there is no such word.
    """
    try:
        return kind.Value(_prefix(kind) + word.upper())
    except ValueError:
        raise InvalidRequest.at(kind.DESCRIPTOR.name, f"Unknown: {word!r}.") from None


def known(words: type[Word], word: str) -> Word | None:
    """The member that a word names, or None for an empty or a newer word."""
    return words(word) if word in words.__members__.values() else None


def _prefix(kind: _EnumTypeWrapper[Number]) -> str:
    return str(kind.DESCRIPTOR.values_by_number[0].name).removesuffix("UNSPECIFIED")
