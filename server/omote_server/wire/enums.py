"""Each value of an enum, on the wire and with us."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from omote.v1 import face_pb2, filter_pb2, picture_pb2, stream_pb2
from omote_filters.settings import Widget
from omote_filters.words import Appearance, Degradation, Need, Reason
from omote_models.face import AgeBand, Gender, Source
from omote_server.messages import Delivery, OutputMode, PictureFormat

K = TypeVar("K")

FORMATS = {
    picture_pb2.PICTURE_FORMAT_JPEG: PictureFormat.JPEG,
    picture_pb2.PICTURE_FORMAT_PNG: PictureFormat.PNG,
    picture_pb2.PICTURE_FORMAT_RGB: PictureFormat.RGB,
    picture_pb2.PICTURE_FORMAT_RGBA: PictureFormat.RGBA,
    picture_pb2.PICTURE_FORMAT_WEBP: PictureFormat.WEBP,
}
MODES = {
    stream_pb2.OUTPUT_MODE_UNSPECIFIED: OutputMode.FRAME,
    stream_pb2.OUTPUT_MODE_FRAME: OutputMode.FRAME,
    stream_pb2.OUTPUT_MODE_PATCHES: OutputMode.PATCHES,
    stream_pb2.OUTPUT_MODE_FACES_ONLY: OutputMode.FACES_ONLY,
}
DELIVERIES = {
    stream_pb2.DELIVERY_UNSPECIFIED: Delivery.NEWEST,
    stream_pb2.DELIVERY_NEWEST: Delivery.NEWEST,
    stream_pb2.DELIVERY_EVERY: Delivery.EVERY,
}
AGE_BANDS = {
    face_pb2.AGE_BAND_CHILD: AgeBand.CHILD,
    face_pb2.AGE_BAND_TEENAGER: AgeBand.TEENAGER,
    face_pb2.AGE_BAND_YOUNG_ADULT: AgeBand.YOUNG_ADULT,
    face_pb2.AGE_BAND_MIDDLE_AGED: AgeBand.MIDDLE_AGED,
    face_pb2.AGE_BAND_SENIOR: AgeBand.SENIOR,
}
GENDERS = {face_pb2.GENDER_FEMALE: Gender.FEMALE, face_pb2.GENDER_MALE: Gender.MALE}
SOURCES = {
    Source.UNKNOWN: face_pb2.ESTIMATE_SOURCE_UNKNOWN,
    Source.DECLARED: face_pb2.ESTIMATE_SOURCE_DECLARED,
    Source.INFERRED: face_pb2.ESTIMATE_SOURCE_INFERRED,
}
DEGRADATIONS = {
    Degradation.RATE_LIMITED: stream_pb2.DEGRADATION_RATE_LIMITED,
    Degradation.NO_FACE_CONSENT: stream_pb2.DEGRADATION_NO_FACE_CONSENT,
    Degradation.NO_DEMOGRAPHICS_CONSENT: stream_pb2.DEGRADATION_NO_DEMOGRAPHICS_CONSENT,
    Degradation.MASKED: stream_pb2.DEGRADATION_MASKED,
    Degradation.FACE_LIMIT: stream_pb2.DEGRADATION_FACE_LIMIT,
}
REASONS = {
    Reason.ERROR: stream_pb2.BYPASS_REASON_ERROR,
    Reason.OVERRUN: stream_pb2.BYPASS_REASON_OVERRUN,
    Reason.DISABLED: stream_pb2.BYPASS_REASON_DISABLED,
    Reason.CONSENT: stream_pb2.BYPASS_REASON_CONSENT,
    Reason.MINOR: stream_pb2.BYPASS_REASON_MINOR,
}
APPEARANCES = {
    Appearance.NOVELTY: filter_pb2.APPEARANCE_CLASS_NOVELTY,
    Appearance.MAKEUP: filter_pb2.APPEARANCE_CLASS_MAKEUP,
    Appearance.BEAUTIFY: filter_pb2.APPEARANCE_CLASS_BEAUTIFY,
    Appearance.FACE_REPLACE: filter_pb2.APPEARANCE_CLASS_FACE_REPLACE,
    Appearance.AGE_ALTER: filter_pb2.APPEARANCE_CLASS_AGE_ALTER,
    Appearance.ANONYMISE: filter_pb2.APPEARANCE_CLASS_ANONYMISE,
}
NEEDS = {
    Need.MESH: filter_pb2.NEED_MESH,
    Need.BLENDSHAPES: filter_pb2.NEED_BLENDSHAPES,
    Need.POSE: filter_pb2.NEED_POSE,
    Need.AGE: filter_pb2.NEED_AGE,
    Need.GENDER: filter_pb2.NEED_GENDER,
    Need.SEGMENTATION: filter_pb2.NEED_SEGMENTATION,
}
PARAMETER_TYPES = {
    "number": filter_pb2.PARAMETER_TYPE_NUMBER,
    "integer": filter_pb2.PARAMETER_TYPE_INTEGER,
    "boolean": filter_pb2.PARAMETER_TYPE_BOOLEAN,
    "string": filter_pb2.PARAMETER_TYPE_STRING,
    "choice": filter_pb2.PARAMETER_TYPE_CHOICE,
    "colour": filter_pb2.PARAMETER_TYPE_COLOUR,
}
WIDGETS = {
    Widget.SLIDER: filter_pb2.WIDGET_SLIDER,
    Widget.NUMBER: filter_pb2.WIDGET_NUMBER,
    Widget.TOGGLE: filter_pb2.WIDGET_TOGGLE,
    Widget.TEXT: filter_pb2.WIDGET_TEXT,
    Widget.SELECT: filter_pb2.WIDGET_SELECT,
    Widget.COLOUR: filter_pb2.WIDGET_COLOUR,
}


def _reverse(table: Mapping[Any, K]) -> dict[K, Any]:
    """Ours to the wire's; of several wire values for one of ours the last counts."""
    return {ours: theirs for theirs, ours in table.items()}


TO_FORMATS = _reverse(FORMATS)
TO_AGE_BANDS = _reverse(AGE_BANDS)
TO_GENDERS = _reverse(GENDERS)
