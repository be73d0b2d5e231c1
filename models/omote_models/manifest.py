"""The list of models: what each is, how its bytes are known, and who carries them."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from omote_models.carriers import Carrier

Text = Annotated[str, Field(min_length=1)]


class ManifestError(ValueError):
    """A manifest is wrong. The text lists every problem found."""


class Made(BaseModel):
    """How a file is made here, of other files of the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["face_api", "faceres", "segmenter"]
    of: Annotated[tuple[Text, ...], Field(min_length=1)]


class Model(BaseModel):
    """One file that is pulled: a model, a part that one is made of, or footage to test with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    kind: Literal["model", "part", "footage"] = "model"
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    bytes: Annotated[int, Field(gt=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    licence: Text
    purpose: Text
    card: Text | None = None
    carriers: tuple[Carrier, ...] = ()
    made: Made | None = None

    @model_validator(mode="after")
    def _has_a_card(self) -> Self:
        if self.kind == "model" and self.card is None:
            raise ValueError("a model needs a card")
        return self

    @model_validator(mode="after")
    def _comes_one_way(self) -> Self:
        if bool(self.carriers) == bool(self.made):
            raise ValueError("it needs either carriers or made, and not both")
        return self


@dataclass(frozen=True, slots=True)
class Manifest:
    """The models of one manifest, by name, in its order."""

    source: Path
    models: Mapping[str, Model]

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read and check a manifest.

        Raises:
            ManifestError: it cannot be read, or something is wrong with it.
        """
        tables, problems = _tables(path)
        models: dict[str, Model] = {}
        for name, table in tables.items():
            try:
                models[name] = Model.model_validate({"name": name, **table})
            except ValidationError as error:
                problems += _sentences(name, error)
        problems += _clashes(models.values())
        problems += _lost_cards(models.values(), path.parent)
        problems += _lost_parts(models)

        if problems:
            raise ManifestError("\n  ".join([f"{path} is wrong:", *problems]))
        return cls(path, MappingProxyType(models))

    def card(self, name: str) -> str | None:
        """The text of a model's card, None where it has none."""
        card = self.models[name].card
        return None if card is None else (self.source.parent / card).read_text(encoding="utf-8")


def first_existing(*candidates: Path) -> Path:
    """The first path that exists: a file stands elsewhere in a wheel than in the sources.

    Raises:
        ManifestError: none exists.
    """
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise ManifestError(f"no manifest at {' or '.join(map(str, candidates))}")


def _tables(path: Path) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The tables under `models`, and what is wrong around them."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(f"{path} cannot be read: {error}") from None

    models = data.pop("models", None)
    problems = [f"{key}: not a key of a manifest" for key in data]
    if not isinstance(models, dict) or not models:
        return {}, [*problems, "models: no model is listed"]
    tables = {name: table for name, table in models.items() if isinstance(table, dict)}
    return tables, [*problems, *(f"{name}: not a table" for name in models.keys() - tables)]


def _sentences(name: str, error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        place = ".".join([name, *map(str, problem["loc"])])
        yield f"{place}: {problem['msg']}"


def _clashes(models: Iterable[Model]) -> Iterator[str]:
    files = Counter(model.file for model in models)
    return (f"{file}: {count} models have this file" for file, count in files.items() if count > 1)


def _lost_parts(models: Mapping[str, Model]) -> Iterator[str]:
    for model in models.values():
        for part in model.made.of if model.made else ():
            if part not in models or models[part].made:
                yield f"{model.name}.made.of: {part} is not a model of this manifest with carriers"


def _lost_cards(models: Iterable[Model], folder: Path) -> Iterator[str]:
    for model in models:
        if model.card is not None and not (folder / model.card).is_file():
            yield f"{model.name}.card: there is no {model.card}"
