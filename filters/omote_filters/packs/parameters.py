"""What the host app can set in a pack: its parameters as they are written, and as settings."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, Tag, model_validator

from omote_filters.packs.source import clipped
from omote_filters.packs.written import TAG, Number, Written, by_key, told
from omote_filters.settings import choice, colour, slider, text, toggle

_HELP = (
    "a parameter is one of {slider: DEFAULT, low: N, high: N, label: TEXT}, {choice: DEFAULT, "
    'of: [TEXT, …], label: TEXT}, {colour: "#rrggbb", label: TEXT}, {toggle: true, label: TEXT}, '
    "{text: TEXT, label: TEXT}, each with an optional hint"
)


class _Named(Written):
    label: Annotated[str, Field(max_length=200)] = Field(
        description="a text of at most 200 characters: its name on a panel"
    )
    hint: Annotated[str, Field(max_length=400)] = Field(
        "", description="a text of at most 400 characters: what it does"
    )


class Slider(_Named):
    """A number with a range, ends included."""

    slider: Number = Field(description="a number from low to high: the default")
    low: Number = Field(0.0, description="a number: the lowest")
    high: Number = Field(1.0, description="a number: the highest")

    @model_validator(mode="after")
    def _within(self) -> Self:
        if not self.low <= self.slider <= self.high:
            raise told(f"slider is a number from low ({self.low:g}) to high ({self.high:g})")
        return self


class Choice(_Named):
    """One of several texts."""

    choice: str = Field(description="a text, one of those in `of`: the default")
    of: Annotated[
        list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=64)
    ] = Field(description="a list of 1 to 64 texts, numbers and true in quotes")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if self.choice not in self.of:
            raise told(f"choice is one of: {', '.join(map(clipped, self.of))}")
        return self


class Colour(_Named):
    """A colour."""

    colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = Field(
        description='a colour like "#d0021b", in quotes: the default'
    )


class Toggle(_Named):
    """On or off."""

    toggle: bool = Field(description="true or false: the default")


class Text(_Named):
    """A line of text."""

    text: Annotated[str, Field(max_length=80)] = Field(
        description="a text of at most 80 characters: the default"
    )


Parameter = Annotated[
    Annotated[Slider, Tag(TAG + "slider")]
    | Annotated[Choice, Tag(TAG + "choice")]
    | Annotated[Colour, Tag(TAG + "colour")]
    | Annotated[Toggle, Tag(TAG + "toggle")]
    | Annotated[Text, Tag(TAG + "text")],
    by_key("slider", "choice", "colour", "toggle", "text", how=_HELP),
]


def field_of(given: Parameter) -> Any:
    """The annotation and the field of a class of settings."""
    label, hint = given.label, given.hint
    match given:
        case Slider():
            return float, slider(given.slider, given.low, given.high, label=label, hint=hint)
        case Choice():
            return Literal[tuple(given.of)], choice(given.choice, label=label, hint=hint)
        case Colour():
            return str, colour(given.colour, label=label, hint=hint)
        case Toggle():
            return bool, toggle(given.toggle, label=label, hint=hint)
        case Text():
            return str, text(given.text, label=label, hint=hint)
