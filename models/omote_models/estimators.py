"""Estimators of age and gender, as they are written down: networks, how to feed and read them."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from omote_models.calibration import AGES, Calibration
from omote_models.store import Store

NAME = "estimator.toml"
DEFAULT = "light"

Number = Annotated[float, Field(allow_inf_nan=False)]


class EstimatorError(ValueError):
    """An estimator that cannot be used. The text says what to mend."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Crop(_Strict):
    """What of the picture a network sees.

    Attributes:
        template: "dlib": five landmarks on dlib's template (a similarity); "box": upright by the
            line of the eyes, a square about the landmarks.
        padding: of the template on each side, as a part of it.
        grow: side of the square against the longer side of the landmarks' box.
        lower: how far the square's middle lies below the box's, as a part of the square's side.
    """

    template: Literal["dlib", "box"] = "dlib"
    padding: Annotated[float, Field(ge=0, le=2)] = 0.2
    grow: Annotated[float, Field(ge=0.5, le=4)] = 1.4
    lower: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.0


class AgeHead(_Strict):
    """Which output says the age, and how.

    Attributes:
        output: its name.
        kind: "years": one number, the age in years lived; "probabilities" or "logits": one for
            each year of life, who has completed 17 years belongs to class 17.
        first: the completed years of the first class.
        weight: of this network among those of the estimator that say an age.
    """

    output: str
    kind: Literal["years", "probabilities", "logits"]
    first: Annotated[int, Field(ge=0, le=20)] = 0
    weight: Annotated[float, Field(gt=0)] = 1.0


class GenderHead(_Strict):
    """Which output says the gender, and how.

    Attributes:
        output: its name.
        kind: "logits" or "probabilities": two numbers; "logit" or "probability": one, of male.
        male: which of two is male.
        weight: of this network's log odds in the estimator's.
    """

    output: str
    kind: Literal["logits", "probabilities", "logit", "probability"]
    male: Literal[0, 1] = 1
    weight: Annotated[float, Field(gt=0)] = 1.0


class NetworkSpec(_Strict):
    """One ONNX network: where it is, how a face is prepared for it, how its answer is read.

    Attributes:
        model: its name in Omote's manifest; or
        file: its path beside the estimator's file, with
        sha256: of that file, checked where it is given.
        side: of the square picture, pixels.
        layout: of the input: batch, channels, rows, columns; or batch, rows, columns, channels.
        colours: order of the channels.
        mean: taken away from each channel, 0 to 255, in that order.
        scale: divides what remains.
    """

    model: str | None = None
    file: str | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    side: Annotated[int, Field(ge=16, le=1024)]
    layout: Literal["nchw", "nhwc"] = "nchw"
    colours: Literal["rgb", "bgr"] = "rgb"
    mean: tuple[Number, Number, Number] = (0.0, 0.0, 0.0)
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 255.0
    crop: Crop = Crop()
    age: AgeHead | None = None
    gender: GenderHead | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.model is None) == (self.file is None):
            raise ValueError("say either `model` (of Omote's manifest) or `file`")
        if self.age is None and self.gender is None:
            raise ValueError("it says neither age nor gender")
        return self

    @property
    def title(self) -> str:
        """How messages call it."""
        return self.model or self.file or ""


class EstimatorSpec(_Strict):
    """An estimator: networks whose answers are averaged, and the calibration of the result.

    Attributes:
        name: for reports.
        summary: one sentence.
        licence: of weights of your own.
        card: a model card's path beside the estimator's file.
    """

    name: Annotated[str, Field(min_length=1, max_length=64)]
    summary: str = ""
    licence: str = ""
    card: str | None = None
    networks: Annotated[tuple[NetworkSpec, ...], Field(min_length=1, max_length=8)]
    calibration: Calibration

    @model_validator(mode="after")
    def _says_an_age(self) -> Self:
        if not any(network.age for network in self.networks):
            raise ValueError(
                "no network says an age; without it the gender of a small child would be guessed"
            )
        return self

    @property
    def models(self) -> tuple[str, ...]:
        """The models of Omote's manifest that it uses."""
        return tuple(network.model for network in self.networks if network.model)


@dataclass(frozen=True, slots=True)
class EstimatorFile:
    """An estimator's description and where it was read."""

    path: Path
    spec: EstimatorSpec

    def network(self, network: NetworkSpec, store: Store) -> bytes:
        """A network's weights, read once; it is they that were verified.

        Raises:
            StoreError: a model of Omote's is not in the cache.
            EstimatorError: a file of the estimator's is missing or another one.
        """
        if network.model is not None:
            return store.read(network.model)
        path = self.path.parent / str(network.file)
        try:
            data = path.read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise EstimatorError(f"{self.path}: there is no {network.file} beside it") from None
        except OSError as error:
            raise EstimatorError(f"{path} cannot be read: {error}") from None
        if network.sha256 and hashlib.sha256(data).hexdigest() != network.sha256:
            raise EstimatorError(f"{path} is not the file that {self.path.name} names: its SHA-256")
        return data

    def card(self) -> str:
        """The text of its model card, empty where it brings none.

        Raises:
            EstimatorError: the card cannot be read.
        """
        if self.spec.card is None:
            return ""
        card = self.path.parent / self.spec.card
        try:
            return card.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise EstimatorError(f"{card} cannot be read: {error}") from None

    @property
    def key(self) -> str:
        """Changes with whatever changes its answers, twelve hexadecimal digits."""
        digest = hashlib.sha256(self.spec.model_dump_json().encode() + AGES.tobytes())
        for network in self.spec.networks:
            path = self.path.parent / str(network.file)
            if network.file and path.is_file():
                digest.update(path.read_bytes())
        return digest.hexdigest()[:12]


def find_estimator(choice: str) -> EstimatorFile:
    """An estimator by name, or by the path of its file or folder.

    Raises:
        EstimatorError: there is none, or something is wrong with it.
    """
    built_in = _built_in()
    if choice in built_in:
        return read_estimator(built_in[choice])
    path = Path(choice)
    path = path / NAME if path.is_dir() else path
    if not path.is_file():
        raise EstimatorError(
            f"there is no estimator {choice!r}: it is {', '.join(built_in)}, or the path of an "
            f"{NAME}"
        )
    return read_estimator(path)


def read_estimator(path: Path) -> EstimatorFile:
    """An estimator from its file.

    Raises:
        EstimatorError: everything that is wrong with it.
    """
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return EstimatorFile(path, EstimatorSpec.model_validate(values))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EstimatorError(f"{path} cannot be read: {error}") from None
    except ValidationError as error:
        raise EstimatorError("\n  ".join([f"{path} is wrong:", *_sentences(error)])) from None


def _sentences(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        place = ".".join(map(str, problem["loc"]))
        yield f"{place}: {problem['msg']}" if place else problem["msg"]


def _built_in() -> dict[str, Path]:
    here = Path(__file__).parent
    folders = (here / "estimators", here.parent / "estimators")  # in a wheel, in the sources
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}
