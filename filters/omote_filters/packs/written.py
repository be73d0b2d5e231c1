"""Models of what somebody wrote: strict, and told in words what is wrong and what to write."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import Annotated, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from omote_filters.assets import Asset, AssetError, read_asset
from omote_filters.packs.source import MOST_PROBLEMS, Place, clipped

MOST_ASSETS = 16
TOLD = "told"
"""The type of a mistake whose text is ours already."""
TAG = "\0"
"""Begins the tags of unions, so that they are no keys: a key has no unprintable characters."""

ID = r"^[a-z][a-z0-9_]{0,63}$"
Number = Annotated[float, Field(ge=-1e9, le=1e9)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=64)]


def told(text: str) -> PydanticCustomError:
    """A mistake in our words, to be raised by a validator."""
    return PydanticCustomError(TOLD, "{text}", {"text": text})


def place_of(location: Place) -> Place:
    """Where pydantic found a mistake, as a path of the document."""
    return tuple(part for part in location if not str(part).startswith(TAG))


def one_of(*keys: list[str]) -> JsonDict:
    """For a JSON Schema: exactly one of these sets of keys must be there."""
    return {"oneOf": [{"required": list[JsonValue](each)} for each in keys]}


class Written(BaseModel):
    """A mapping of the document. Each field's description reads on after "write"."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    how: ClassVar[str] = ""
    """What to write where there is no such mapping at all."""

    @classmethod
    def mistakes(cls, given: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
        """What its keys together get wrong, each with the place from here."""
        yield from ()

    @classmethod
    def stray(cls, key: str) -> str:
        """What to say of a key that does not belong here."""
        return f"{clipped(key)!r} does not belong here; {nearest(key, list(cls.keys()))}"

    @classmethod
    def keys(cls) -> dict[str, str]:
        """The description of each key."""
        fields = cls.model_fields.items()
        return {info.alias or name: info.description or "" for name, info in fields}

    @model_validator(mode="wrap")
    @classmethod
    def _in_words(cls, given: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        # Here, not at the end: only the class knows its keys and what to write for each. What the
        # parts have told in words already passes as it is.
        written = given if isinstance(given, dict) else {}
        wrong: dict[Place, str] = {
            (key,): f"it is empty; write {text}"
            for key, text in cls.keys().items()
            if key in written and written[key] is None
        }
        try:
            made = handler(given)
        except ValidationError as error:
            for place, text in islice(map(cls._told, error.errors()), MOST_PROBLEMS):
                wrong.setdefault(place, text)
        if isinstance(given, dict):
            wrong = {**dict(cls.mistakes(given)), **wrong}
        if wrong:
            found = (
                InitErrorDetails(type=told(text), loc=place, input=None)
                for place, text in wrong.items()
            )
            raise ValidationError.from_exception_data(cls.__name__, list(found))
        return made

    @classmethod
    def _told(cls, error: ErrorDetails) -> tuple[Place, str]:
        location, kind = error["loc"], error["type"]
        if kind == TOLD:
            return location, error["msg"]
        if not location:
            return (), f"write {cls.how}"
        key = str(location[0])
        if kind == "extra_forbidden":
            return (key,), cls.stray(key)
        what = "it is missing" if kind == "missing" else f"{_shown(error['input'])} does not fit"
        return (key,), f"{what}; write {cls.keys()[key]}"


def by_key(*keys: str, how: str, mapping: str = "", scalar: str = "") -> Discriminator:
    """Tells the members of a union apart by the key that each must have.

    Args:
        keys: of each member; the first that is there decides. Its tag is `TAG` and the key.
        how: what to write where it is none of them.
        mapping: the tag of all other mappings.
        scalar: the tag of everything that is no list and no mapping.
    """

    def kind(given: object) -> str | None:
        if isinstance(given, dict):
            found = next((key for key in keys if key in given), mapping if given else "")
        else:
            found = scalar if isinstance(given, bool | int | float | str) else ""
        return TAG + found if found else None

    return Discriminator(kind, custom_error_type=TOLD, custom_error_message=how)


def nearest(key: str, known: list[str]) -> str:
    """The word that was probably meant, or all that there are."""
    near = get_close_matches(key[:64], known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known) or 'none'}"


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "it"
    return clipped(json.dumps(value, default=repr, ensure_ascii=False))


@dataclass(slots=True)
class Reading:
    """What the parts of one pack are checked against; pydantic's context.

    Attributes:
        parameters: the names that the pack gives to its parameters.
        fetch: the bytes of one of its files, or AssetError.
    """

    parameters: frozenset[str]
    fetch: Callable[[str], bytes]
    _assets: dict[str, Asset | AssetError] = field(default_factory=dict)

    def asset(self, name: str) -> Asset:
        """One of its files, read once.

        Raises:
            AssetError: there is no such file, or it cannot be used.
        """
        if name not in self._assets:
            if len(self._assets) >= MOST_ASSETS:
                raise AssetError(f"a pack has at most {MOST_ASSETS} assets")
            try:
                self._assets[name] = read_asset(name, self.fetch(name))
            except AssetError as error:
                self._assets[name] = error
        found = self._assets[name]
        if isinstance(found, AssetError):
            raise found
        return found


def _of_the_pack(name: str, info: ValidationInfo) -> str:
    if isinstance(info.context, Reading) and name not in info.context.parameters:
        there = ", ".join(map(clipped, sorted(info.context.parameters))) or "none"
        raise told(f"there is no parameter {clipped(name)!r}; there are: {there}")
    return name


ParameterName = Annotated[Name, AfterValidator(_of_the_pack)]
