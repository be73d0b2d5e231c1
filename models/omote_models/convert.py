"""Makes model files of their parts, when they are pulled."""

from __future__ import annotations

from collections.abc import Sequence
from pkgutil import resolve_name

from omote_models.extras import lament

CONVERTERS = {
    "face_api": "omote_models.rebuilt.tfjs:face_api",
    "faceres": "omote_models.rebuilt.tfjs:faceres",
    "segmenter": "omote_models.rebuilt.tflite:segmenter",
}
"""Where each converter is. It is imported when a file is made: a cache that is filled needs none
of what converters need, and `onnx` comes with an extra."""


class ConvertError(ValueError):
    """The parts are not what the converter expects. The text says what is wrong."""


def convert(by: str, parts: Sequence[bytes]) -> bytes:
    """The model file that a converter makes of its parts; the same bytes every time.

    Args:
        by: one of `CONVERTERS`.
        parts: the bytes of each part.

    Raises:
        ConvertError: there is no such converter, a package that it needs is missing, or the parts
            do not fit it.
    """
    if by not in CONVERTERS:
        raise ConvertError(f"there is no converter {by!r}; there are {', '.join(CONVERTERS)}")
    try:
        made: bytes = resolve_name(CONVERTERS[by])(parts)
    except ModuleNotFoundError as error:
        raise ConvertError(
            f"{by}: {lament(error.name)}; a file that is in the cache already needs it no more"
        ) from None
    except (KeyError, ValueError, TypeError) as error:
        raise ConvertError(f"{by}: {type(error).__name__}: {error}") from None
    return made
