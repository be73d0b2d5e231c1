"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: its name.
        well: False where something must be mended.
        detail: how it is.
        mend: what to do, where something can be done.
    """

    what: str
    well: bool
    detail: str
    mend: str = ""
