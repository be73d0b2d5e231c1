"""Still pictures, whatever a phone or a camera makes: what a file is, and its upright pixels.

    bytes ─► what is it ─► its size, within limits ─► pixels ─► sRGB ─► upright: RGB, and alpha

Every road reads pictures here: the server's codec, `omote apply`, data sets, evaluation,
labelling and rehearsal.
"""

from omote_models.pictures.formats import Format, Kind, Sort
from omote_models.pictures.kinds import recognise, recognise_file, sort_of
from omote_models.pictures.limits import Limits, PictureError
from omote_models.pictures.reading import Picture, read
from omote_models.pictures.turn import ROTATIONS, Turn
from omote_models.pictures.writing import ENDINGS, SEE_THROUGH, on_white, write

__all__ = [
    "ENDINGS",
    "ROTATIONS",
    "SEE_THROUGH",
    "Format",
    "Kind",
    "Limits",
    "Picture",
    "PictureError",
    "Sort",
    "Turn",
    "on_white",
    "read",
    "recognise",
    "recognise_file",
    "sort_of",
    "write",
]
