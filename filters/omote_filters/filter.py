"""The plugin API: a filter is a class with one verb."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from omote_filters.settings import FilterSettings
from omote_filters.words import Appearance, Need, Stage

if TYPE_CHECKING:
    from omote_filters.scene import Scene


LARGEST_PREVIEW = 64 * 1024


def read_preview(path: Path) -> bytes:
    """A preview's bytes; empty where there is none, or none that a catalogue can take."""
    try:
        with path.open("rb") as file:
            return checked_preview(file.read(LARGEST_PREVIEW + 1))
    except OSError:
        return b""


def checked_preview(data: bytes) -> bytes:
    """The bytes if they are a JPEG of at most `LARGEST_PREVIEW`; else nothing."""
    return data if data.startswith(b"\xff\xd8") and len(data) <= LARGEST_PREVIEW else b""


class Filter:
    """Base of every filter.

    There is one instance per session and chain entry: keep state on `self`, never in module
    globals. An instance is used by one thread at a time.

    A subclass sets the class attributes, nests a `Settings` class if it has settings, and
    implements `apply`. Its docstring's first line is its description in the catalogue.

    Attributes:
        id: unique, lower case with underscores; the name of its entry point.
        name: for people.
        version: semantic version.
        appearance: which safety rules hold.
        stage: when it runs.
        needs: what the server must compute for it.
        fewest_faces: with fewer faces in the picture it does nothing.
        draws: whether it changes the picture; one that only sends events is switched on and off
            at once in a pack, and has no picture in the catalogue.
        in_front: whether what it draws shows where the picture is clear, as a hat that reaches
            beyond a cut-out does; None is what its stage says.
        animated: whether what it draws moves by itself, as tears and falling things do; how still
            it lies is then not measured.
        budget_ms: CPU time that one frame may take in a live stream; see `omote_filters.chain`.
        settings: validated, read-only; may be replaced between two frames.
    """

    id: ClassVar[str]
    name: ClassVar[str]
    version: ClassVar[str] = "1.0.0"
    appearance: ClassVar[Appearance]
    stage: ClassVar[Stage]
    needs: ClassVar[frozenset[Need]] = frozenset({Need.MESH})
    fewest_faces: ClassVar[int] = 1
    draws: ClassVar[bool] = True
    in_front: ClassVar[bool | None] = None
    animated: ClassVar[bool] = False
    budget_ms: ClassVar[float] = 100.0

    class Settings(FilterSettings):
        """No settings."""

    # Any: each subclass nests its own Settings class, which its methods read by name.
    settings: Any

    def __init__(self, settings: FilterSettings | None = None) -> None:
        self.settings = settings if settings is not None else self.Settings()

    def start(self) -> None:
        """Prepare what takes time (textures, tables). Called once, before the first frame.

        Before the first one in a live stream another instance is started, draws a frame that
        nobody sees, and is stopped: what is built when an effect first draws counts for nothing.
        """

    def apply(self, scene: Scene) -> None:
        """Draw on the scene. Called for every frame, also when there is no face."""
        raise NotImplementedError

    def stop(self) -> None:
        """Give back what `start` took. Called once, also after a failure."""

    @classmethod
    def lack(cls) -> str:
        """What this machine lacks for the filter, and how to mend it; empty where it can run.

        Asked once in a process, when the filter is first looked at.
        """
        return ""

    @classmethod
    def preview(cls) -> bytes:
        """A small JPEG of the effect: `previews/ID.jpg` beside the module; empty without one."""
        module = sys.modules.get(cls.__module__)
        place = Path(getattr(module, "__file__", None) or "") if module else Path()
        return read_preview(place.parent / "previews" / f"{cls.id}.jpg")

    @classmethod
    def summary(cls) -> str:
        """The first line of the docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]
