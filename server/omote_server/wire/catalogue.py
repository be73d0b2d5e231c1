"""Filters as a client sees them."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf import struct_pb2

from omote.v1 import filter_pb2, filter_service_pb2
from omote_filters.listing import Broken, Listing
from omote_filters.settings import Parameter
from omote_server.frames import codec
from omote_server.wire.enums import APPEARANCES, NEEDS, PARAMETER_TYPES, WIDGETS
from omote_server.wire.responses import to_picture


def listed(found: Iterable[Listing | Broken], previews: bool) -> bytes:
    """The catalogue, as it goes out."""
    infos = [filter_info(each, previews) for each in found]
    return filter_service_pb2.ListFiltersResponse(filters=infos).SerializeToString()


def filter_info(found: Listing | Broken, preview: bool = False) -> filter_pb2.FilterInfo:
    """A catalogue entry, with its preview picture where that is wanted."""
    if isinstance(found, Broken):
        # Not its text: it may hold paths of the server. `omote filters list` shows it.
        return filter_pb2.FilterInfo(id=found.id, error="it cannot be loaded on this server")
    shown = codec.jpeg(found.preview()) if preview else None
    return filter_pb2.FilterInfo(
        id=found.id,
        name=found.name,
        description=found.description,
        version=found.version,
        appearance=APPEARANCES[found.appearance],
        stage=found.stage.name.lower(),
        needs=[NEEDS[need] for need in sorted(found.needs)],
        parameters=[_parameter(parameter) for parameter in found.parameters],
        preview=to_picture(shown) if shown else None,
    )


def _parameter(parameter: Parameter) -> filter_pb2.Parameter:
    default = struct_pb2.Struct()
    default.update({"default": parameter.default})
    return filter_pb2.Parameter(
        name=parameter.name,
        type=PARAMETER_TYPES[parameter.type],
        default_value=default.fields["default"],
        minimum=parameter.low,
        maximum=parameter.high,
        step=parameter.step,
        choices=parameter.choices,
        widget=WIDGETS[parameter.widget],
        label=parameter.label,
        hint=parameter.hint,
    )
