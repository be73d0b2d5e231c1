"""A pack as it is written: parameters and layers, read strictly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import (
    Field,
    PrivateAttr,
    Strict,
    StringConstraints,
    Tag,
    ValidationError,
    create_model,
    model_validator,
)

from omote_filters.assets import Asset, AssetError
from omote_filters.packs.facts import DEMOGRAPHIC, Moment
from omote_filters.packs.parameters import Parameter, field_of
from omote_filters.packs.rules import WholeRule
from omote_filters.packs.source import Document, PackError, Place, clipped
from omote_filters.packs.written import (
    ID,
    TAG,
    Number,
    ParameterName,
    Reading,
    Written,
    by_key,
    place_of,
    told,
)
from omote_filters.settings import FilterSettings

_MOST_LAYERS = 16
_MOST_PARAMETERS = 16
_LEAST_STEP = 1e-3
"""Between the points of a curve: steeper ones are steps, and overflow."""

_HELP = (
    "a setting is a constant, {param: NAME}, {asset: FILE} or a curve {over: FACT, "
    "points: [[x, y], …], unknown: y}"
)

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


# Settings


class Reference(Written):
    """A setting that is one of the pack's own parameters."""

    param: ParameterName = Field(description="the name of one of the pack's parameters")

    def at(self, moment: Moment) -> object:
        """What the host app set, or the default."""
        return moment.parameters[self.param]


class File(Written):
    """A setting that is a file of the pack."""

    asset: str = Field(description="the name of a file of the pack, such as star.svg")
    _content: Asset = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Read the file."""
        try:
            self._content = context.asset(self.asset)
        except AssetError as error:
            raise told(f"{clipped(self.asset)}: {error}") from None

    def at(self, moment: Moment) -> object:
        """The file's content."""
        return self._content


class Curve(Written):
    """A setting that follows an estimate: straight lines between points, flat beyond them."""

    over: Literal["age", "mouth_open", "smile", "brow_raise"] = Field(
        description="age, mouth_open, smile or brow_raise: what the curve goes over"
    )
    points: Annotated[
        list[Annotated[tuple[Number, Number], Strict(False)]], Field(min_length=2, max_length=64)
    ] = Field(description="two or more [x, y], x rising")
    unknown: Number | None = Field(None, description="a number: what holds when it is unknown")

    @classmethod
    def mistakes(cls, given: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
        """An answer for the unknown."""
        if given.get("over") in DEMOGRAPHIC and "unknown" not in given:
            yield (), "say what holds when it is unknown: add `unknown: NUMBER`"

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if any(b[0] - a[0] < _LEAST_STEP for a, b in pairwise(self.points)):
            raise told(f"points are two or more [x, y], x rising by {_LEAST_STEP} or more")
        return self

    @cached_property
    def ends(self) -> tuple[float, float, float]:
        """What it gives for the unknown, at least and at most."""
        ys = [round(y, 2) for _, y in self.points]
        return ys[0] if self.unknown is None else self.unknown, min(ys), max(ys)

    @cached_property
    def _axes(self) -> tuple[list[float], list[float]]:
        return [x for x, _ in self.points], [y for _, y in self.points]

    def at(self, moment: Moment) -> float:
        """Its value for a face; rounded, so that faces that differ by nothing are one group."""
        x = moment.number(self.over)
        return self.ends[0] if x is None else round(float(np.interp(x, *self._axes)), 2)


Setting = Annotated[
    Annotated[bool | int | float | str, Tag(TAG + "constant")]
    | Annotated[Reference, Tag(TAG + "param")]
    | Annotated[File, Tag(TAG + "asset")]
    | Annotated[Curve, Tag(TAG + "over")],
    by_key("param", "asset", "over", scalar="constant", how=_HELP),
]


class Use(Written):
    """A filter with settings, each constant, a reference, a file or a curve."""

    how: ClassVar[str] = "`filter: ID`, and settings as a mapping"

    filter_id: Annotated[str, Field(pattern=ID)] = Field(
        alias="filter", description="a filter's id, see `omote filters list`"
    )
    settings: Annotated[dict[str, Setting], Field(max_length=64)] = Field(
        default_factory=dict,
        description="a mapping of at most 64 settings, see `omote filters show ID`",
    )

    def resolved(self, moment: Moment) -> dict[str, object]:
        """Plain settings for one face."""
        following = {name: value.at(moment) for name, value in self._following.items()}
        return {**self.settings, **following}

    @cached_property
    def _following(self) -> dict[str, Reference | File | Curve]:
        settings = self.settings.items()
        return {n: v for n, v in settings if isinstance(v, Reference | File | Curve)}

    @property
    def facts(self) -> set[str]:
        """What its curves ask for."""
        return {value.over for value in self.settings.values() if isinstance(value, Curve)}


class Layer(Use):
    """A filter, when it is on, and what takes its place when it is not."""

    how: ClassVar[str] = "a layer as a mapping with a filter"

    when: WholeRule | None = Field(None, description="a rule: for whom the layer is on")
    otherwise: Use | None = Field(
        None,
        description="`filter: ID` and its settings: what is drawn where the rule does not hold",
    )
    fade_ms: Annotated[float, Field(ge=0, le=3000)] = Field(
        300.0, description="a number from 0 to 3000: how long a change takes"
    )

    @classmethod
    def mistakes(cls, given: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
        """Whether it says otherwise than what."""
        if "otherwise" in given and "when" not in given:
            yield ("otherwise",), "otherwise needs a `when` beside it"

    @property
    def fade_s(self) -> float:
        """How long a change takes."""
        return self.fade_ms / 1000


class Pack(Written):
    """A filter written as data: layers, each a filter, its settings, and a rule."""

    how: ClassVar[str] = "a pack as a mapping with id, name, version, description and layers"

    id: Annotated[str, Field(pattern=ID)] = Field(
        description="lower case letters, digits and underscores, as the name of its folder"
    )
    name: Line = Field(description="a text of 1 to 200 characters")
    version: Annotated[str, Field(pattern=r"^[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}$")] = Field(
        description='a version like "1.0.0", in quotes'
    )
    description: Line = Field(description="a text of 1 to 200 characters: what it does")
    parameters: Annotated[dict[str, Parameter], Field(max_length=_MOST_PARAMETERS)] = Field(
        default_factory=dict,
        description=f"a mapping of at most {_MOST_PARAMETERS} parameters of the host app",
    )
    layers: Annotated[list[Layer], Field(min_length=1, max_length=_MOST_LAYERS)] = Field(
        description=f"a list of 1 to {_MOST_LAYERS} layers"
    )
    _document: Document = PrivateAttr()

    @classmethod
    def mistakes(cls, given: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
        """Names of parameters."""
        names = given.get("parameters")
        for name in names if isinstance(names, dict) else ():
            if not re.fullmatch(ID, name) or name.startswith("model_"):
                help_ = "a parameter's name is lower case letters, digits and underscores"
                yield ("parameters", name), help_
            elif hasattr(FilterSettings, name):
                yield ("parameters", name), f"{name!r} is taken; choose another name"

    @property
    def document(self) -> Document:
        """Where it stands, for messages."""
        return self._document

    @cached_property
    def settings(self) -> type[FilterSettings]:
        """Its parameters, as a filter has settings."""
        fields: dict[str, Any] = {n: field_of(given) for n, given in self.parameters.items()}
        return create_model(f"{self.id}_settings", __base__=FilterSettings, **fields)

    def uses(self) -> Iterator[tuple[Place, Use]]:
        """Every filter that it uses, and where."""
        for index, layer in enumerate(self.layers):
            yield ("layers", index), layer
            if layer.otherwise is not None:
                yield ("layers", index, "otherwise"), layer.otherwise

    def problem(self, use: Use, below: Place, text: str) -> str:
        """A message about a place in one of its uses."""
        place = next(place for place, each in self.uses() if each is use)
        return self._document.problem((*place, *below), text)

    @property
    def facts(self) -> set[str]:
        """Every fact that its rules and curves ask for."""
        rules = [layer.when for layer in self.layers if layer.when is not None]
        asked = {condition.fact for rule in rules for condition, _ in rule.conditions()}
        return asked.union(*(use.facts for _, use in self.uses()))

    @property
    def assets(self) -> set[str]:
        """The names of the files that it uses."""
        values = [value for _, use in self.uses() for value in use.settings.values()]
        return {value.asset for value in values if isinstance(value, File)}


def read_pack(document: Document, fetch: Callable[[str], bytes]) -> Pack:
    """A pack from a document.

    Args:
        document: its text.
        fetch: gives the bytes of one of its files, or raises AssetError.

    Raises:
        PackError: everything that is wrong with it.
    """
    given = document.value.get("parameters") if isinstance(document.value, dict) else None
    reading = Reading(frozenset(given if isinstance(given, dict) else ()), fetch)
    problems = list(document.problems)
    try:
        pack = Pack.model_validate(document.value, context=reading)
    except ValidationError as error:
        wrong = [(place_of(each["loc"]), each["msg"]) for each in error.errors()]
        wrong.sort(key=lambda each: document.line(each[0]))
        problems += [document.problem(place, text) for place, text in wrong]
    if problems:
        raise PackError(problems)
    pack._document = document
    return pack
