"""Still pictures, whatever a phone or a camera makes: what a file is, and its upright pixels.

    bytes ─► recognise ─► header within limits ─► decode ─► upright ─► sRGB ─► RGB, and alpha

Every road reads pictures here: the server's codec, `omote apply`, data sets, evaluation,
labelling and rehearsal.
"""

from omote_models.pictures.kinds import Format, Kind, Sort, recognise, recognise_file

__all__ = ["Format", "Kind", "Sort", "recognise", "recognise_file"]
