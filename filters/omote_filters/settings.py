"""Settings of a filter: validated, and described well enough to draw a panel from them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from omote_filters.words import SettingsError, Violation

Value = float | int | bool | str
TypeName = Literal["number", "integer", "boolean", "string", "choice", "colour"]


class Widget(StrEnum):
    """How a client shows a setting."""

    SLIDER = "slider"
    NUMBER = "number"
    TOGGLE = "toggle"
    TEXT = "text"
    SELECT = "select"
    COLOUR = "colour"


class FilterSettings(BaseModel):
    """Base of every filter's settings: unknown names and wrong types are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        arbitrary_types_allowed=True,
    )


def slider(
    default: float, low: float, high: float, *, label: str, hint: str = "", step: float = 0.01
) -> Any:
    """A number with a range, ends included."""
    return _field(default, Widget.SLIDER, label, hint, low=low, high=high, step=step)


def number(
    default: float,
    *,
    label: str,
    hint: str = "",
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A number to type in."""
    return _field(default, Widget.NUMBER, label, hint, low=low, high=high)


def toggle(default: bool, *, label: str, hint: str = "") -> Any:
    """On or off."""
    return _field(default, Widget.TOGGLE, label, hint)


def text(default: str, *, label: str, hint: str = "", longest: int = 80) -> Any:
    """A line of text of at most `longest` characters."""
    return _field(default, Widget.TEXT, label, hint, longest=longest)


def choice(default: str, *, label: str, hint: str = "") -> Any:
    """One of the values of the field's `Literal[…]` annotation."""
    return _field(default, Widget.SELECT, label, hint)


def colour(default: str, *, label: str, hint: str = "") -> Any:
    """A colour, "#rrggbb"."""
    return _field(default, Widget.COLOUR, label, hint, pattern=r"^#[0-9a-fA-F]{6}$")


def asset(*suffixes: str, label: str, hint: str = "") -> Any:
    """A file that only a pack can give, such as `PictureAsset | None` by ".svg" or ".png"."""
    extra: dict[str, Any] = {"suffixes": list(suffixes)}
    return Field(None, title=label, description=hint, json_schema_extra=extra)


def _field(
    default: Value,
    widget: Widget,
    label: str,
    hint: str,
    *,
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    longest: int | None = None,
    pattern: str | None = None,
) -> Any:
    extra: dict[str, Any] = {"widget": widget.value}
    extra.update({k: v for k, v in (("low", low), ("high", high), ("step", step)) if v is not None})
    return Field(
        default,
        title=label,
        description=hint,
        ge=low,
        le=high,
        max_length=longest,
        pattern=pattern,
        json_schema_extra=extra,
    )


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting as a client sees it."""

    name: str
    type: TypeName
    default: Value
    widget: Widget
    label: str
    hint: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()


_PLAIN: Mapping[str, tuple[type[Value], ...]] = {
    "number": (float, int),
    "integer": (int,),
    "boolean": (bool,),
    "string": (str,),
    "choice": (str,),
    "colour": (str,),
}


def describe(settings: type[FilterSettings]) -> list[Parameter]:
    """Every setting of a class that a client can give, in the order it was written.

    The class is made once, without values: every setting has a default, and they go together.

    Raises:
        TypeError: a setting was not made by one of this module's functions.
        SettingsError: a default does not fit, or there is none.
    """
    made = parse(settings, {})
    return [
        _parameter(name, info, getattr(made, name))
        for name, info in settings.model_fields.items()
        if not _suffixes(info)
    ]


@dataclass(frozen=True, slots=True)
class AssetSlot:
    """A setting that only a pack can give: a file."""

    name: str
    suffixes: tuple[str, ...]
    label: str
    hint: str


def asset_slots(settings: type[FilterSettings]) -> list[AssetSlot]:
    """Every setting of a class that is a file."""
    return [
        AssetSlot(name, suffixes, info.title or name, info.description or "")
        for name, info in settings.model_fields.items()
        if (suffixes := _suffixes(info))
    ]


def _suffixes(info: FieldInfo) -> tuple[str, ...]:
    extra = info.json_schema_extra
    found = extra.get("suffixes") if isinstance(extra, dict) else None
    return tuple(str(suffix) for suffix in found) if isinstance(found, list) else ()


def _parameter(name: str, info: FieldInfo, default: object) -> Parameter:
    extra = info.json_schema_extra
    if not isinstance(extra, dict) or "widget" not in extra:
        raise TypeError(
            f"setting {name!r}: write it with slider(), number(), toggle(), text(), "
            "choice() or colour(), so that a client can show it"
        )
    widget = Widget(str(extra["widget"]))
    numbers = {key: _number(extra.get(key)) for key in ("low", "high", "step")}
    kind = _type_name(info.annotation, widget)
    return Parameter(
        name=name,
        type=kind,
        default=_default(name, kind, default),
        widget=widget,
        label=info.title or name,
        hint=info.description or "",
        choices=get_args(info.annotation) if widget is Widget.SELECT else (),
        **numbers,
    )


def _default(name: str, kind: str, default: object) -> Value:
    """The default as a plain value that a client can show."""
    for plain in _PLAIN[kind]:
        if type(default) is plain:
            if plain is not str:
                _finite(float(default))
            return default
    raise TypeError(f"setting {name!r}: its default must be a plain {kind}")


def _number(value: object) -> float | None:
    return _finite(float(value)) if isinstance(value, int | float) else None


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{number} is no number that a client can show")
    return number


def _type_name(annotation: Any, widget: Widget) -> TypeName:
    if widget is Widget.COLOUR:
        return "colour"
    if widget is Widget.SELECT:
        words = get_args(annotation) if get_origin(annotation) is Literal else ()
        if not words or not all(type(word) is str for word in words):
            raise TypeError("choice() needs an annotation of texts: Literal['soft', 'hard']")
        return "choice"
    if annotation is bool:
        return "boolean"
    if annotation is int:
        return "integer"
    return "number" if annotation is float else "string"


def parse(settings: type[FilterSettings], values: Mapping[str, object]) -> FilterSettings:
    """Validated settings from plain values.

    Raises:
        SettingsError: a name is unknown, a type is wrong, a value is out of range.
    """
    try:
        return settings.model_validate(dict(values))
    except ValidationError as error:
        raise SettingsError([_violation(d, settings) for d in error.errors()]) from None


def _violation(detail: ErrorDetails, settings: type[FilterSettings]) -> Violation:
    path = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        known = ", ".join(settings.model_fields) or "none"
        return Violation(path, f"there is no such setting; it has: {known}")
    info = settings.model_fields.get(path.partition(".")[0])
    if info is not None and (suffixes := _suffixes(info)):
        wanted = " or ".join(suffixes)
        return Violation(path, f"it is a file that a pack brings: {{asset: FILE}}, a {wanted}")
    message = re.sub(r"^Input", "it", detail["msg"])
    # A check of all settings together has no place of its own, and no value.
    return Violation(path, f"{message}, not {_shown(detail['input'])}" if path else message)


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "…"


def rgb(value: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of a colour "#rrggbb"."""
    return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)
