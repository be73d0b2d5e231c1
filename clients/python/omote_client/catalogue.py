"""What a server offers: its filters, its models, its limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.protobuf import json_format

from omote.v1 import filter_pb2, filter_service_pb2
from omote_client.pictures import Picture, picture_from_wire
from omote_client.requests import Limits
from omote_client.words import word


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting of a filter, described well enough to draw a control for it.

    `type` is number, integer, boolean, string, choice or colour; `widget` is slider, number,
    toggle, text, select or colour. A range's ends are included, and None where there is none.
    """

    name: str
    type: str
    default: Any
    minimum: float | None
    maximum: float | None
    step: float | None
    choices: tuple[str, ...]
    widget: str
    label: str
    hint: str

    @classmethod
    def from_wire(cls, message: filter_pb2.Parameter) -> Parameter:
        """What a server said."""
        kind = word(filter_pb2.ParameterType, message.type)
        default: Any = json_format.MessageToDict(message.default_value)
        return cls(
            name=message.name,
            type=kind,
            default=int(default) if kind == "integer" and default is not None else default,
            minimum=message.minimum if message.HasField("minimum") else None,
            maximum=message.maximum if message.HasField("maximum") else None,
            step=message.step if message.HasField("step") else None,
            choices=tuple(message.choices),
            widget=word(filter_pb2.Widget, message.widget),
            label=message.label,
            hint=message.hint,
        )


@dataclass(frozen=True, slots=True)
class FilterInfo:
    """A filter of the catalogue.

    Attributes:
        appearance: novelty, makeup, beautify, face_replace, age_alter or anonymise.
        needs: of mesh, blendshapes, pose, age, gender, segmentation.
        stage: where in a chain it runs, such as "warp" or "paint".
        preview: a small picture, or None.
        error: why it cannot be used; empty when it can.
    """

    id: str
    name: str
    description: str
    version: str
    appearance: str
    needs: tuple[str, ...]
    stage: str
    parameters: tuple[Parameter, ...]
    preview: Picture | None
    error: str

    @classmethod
    def from_wire(cls, message: filter_pb2.FilterInfo) -> FilterInfo:
        """What a server said."""
        return cls(
            id=message.id,
            name=message.name,
            description=message.description,
            version=message.version,
            appearance=word(filter_pb2.AppearanceClass, message.appearance),
            needs=tuple(word(filter_pb2.Need, need) for need in message.needs),
            stage=message.stage,
            parameters=tuple(Parameter.from_wire(each) for each in message.parameters),
            preview=picture_from_wire(message.preview) if message.HasField("preview") else None,
            error=message.error,
        )


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that the server uses. `card` is Markdown, empty unless it was asked for."""

    name: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    purpose: str
    loaded: bool
    card: str


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A server's versions, limits and models, and since when it is ready."""

    server_version: str
    api_version: str
    limits: Limits
    models: tuple[ModelInfo, ...]
    uptime: timedelta
    active_sessions: int

    @classmethod
    def from_wire(cls, message: filter_service_pb2.GetServerInfoResponse) -> ServerInfo:
        """What a server said."""
        return cls(
            server_version=message.server_version,
            api_version=message.api_version,
            limits=Limits.from_wire(message.limits),
            models=tuple(
                ModelInfo(*(getattr(model, name) for name in ModelInfo.__slots__))
                for model in message.models
            ),
            uptime=message.uptime.ToTimedelta(),
            active_sessions=message.active_sessions,
        )
