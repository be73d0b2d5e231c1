"""What flags, environment and documentation need to know of each setting."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from omote_server.serving.settings import Settings

PREFIX = "OMOTE_"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        name: in `Settings` and in omote.toml.
        help: what it does, in a sentence.
        panel: the heading that it stands under.
        kind: the type of its value, or of each of its values.
        many: whether it takes several.
        default: as a reader wants it; empty where there is none.
        flags: how it is called on the command line; none where it is a secret.
        least, most: bounds of a number, None where it is open.
        above: what a number must be greater than.
    """

    name: str
    help: str
    panel: str
    kind: Any
    many: bool
    default: str
    flags: tuple[str, ...]
    least: int | float | None
    most: int | float | None
    above: int | float | None

    @property
    def variable(self) -> str:
        """How it is called in the environment."""
        return PREFIX + self.name.upper()

    @property
    def secret(self) -> bool:
        """Whether its value is shown nowhere."""
        return self.kind is SecretStr

    @property
    def choices(self) -> tuple[str, ...]:
        """What it can be, where that is a list of words."""
        if get_origin(self.kind) is Literal:
            return get_args(self.kind)
        if isinstance(self.kind, type) and issubclass(self.kind, Enum):
            return tuple(str(member.value) for member in self.kind)
        return ()

    @property
    def is_path(self) -> bool:
        """Whether its value is a path, or each of them is."""
        return self.kind is Path


def _described(name: str, field: FieldInfo) -> Setting:
    extra = field.json_schema_extra
    assert isinstance(extra, dict)  # noqa: S101 - `_setting` gives every field one
    bounds = {type(bound): bound for bound in field.metadata}
    kind = _kind(field.annotation)
    return Setting(
        name=name,
        help=field.description or "",
        panel=str(extra["panel"]),
        kind=kind,
        many=get_origin(field.annotation) is tuple,
        default=str(extra["shown"] or _shown(field.default)),
        flags=() if kind is SecretStr else _flags(name, kind, extra["flag"]),
        least=bounds[Ge].ge if Ge in bounds else None,
        most=bounds[Le].le if Le in bounds else None,
        above=bounds[Gt].gt if Gt in bounds else None,
    )


def _kind(annotation: Any) -> Any:
    """The type of one value: without None, without what checks it, out of its tuple."""
    if get_origin(annotation) in (Annotated, Union, UnionType, tuple):
        return _kind(next(kind for kind in get_args(annotation) if kind is not NoneType))
    return annotation


def _flags(name: str, kind: Any, further: object) -> tuple[str, ...]:
    words = name.replace("_", "-")
    flag = f"--{words}/--no-{words}" if kind is bool else f"--{words}"
    return (flag, str(further)) if further else (flag,)


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    if default is None or default == ():
        return ""
    return f"{default:g}" if isinstance(default, float) else str(default)


SETTINGS = {name: _described(name, field) for name, field in Settings.model_fields.items()}
"""By name, in the order in which they are shown."""
