"""What a filter gets: the working picture, the faces, the time and the session's events."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.matte import refined
from omote_filters.rect import Rect
from omote_filters.warp import WarpField
from omote_filters.words import Event
from omote_models.face import Box, Face

Picture = NDArray[np.uint8]


class Scene:
    """One frame in the hands of a chain.

    Attributes:
        time: the frame's capture time in seconds on the client's clock. Effects run on it,
            never on the wall clock.
        elapsed: seconds since the previous frame of this session, 0 on the first.
        events: what the host app sent since the previous frame.
    """

    def __init__(
        self,
        picture: Picture,
        faces: Sequence[Face] = (),
        *,
        time: float = 0.0,
        elapsed: float = 0.0,
        events: Sequence[Event] = (),
        person: NDArray[np.uint8] | None = None,
    ) -> None:
        """Take over a picture, (height, width, 3) uint8 RGB, C-contiguous; it is changed in place.

        `person` is a mask of the people in it, 255 where they are, (h, w) uint8 of any size.

        Raises:
            ValueError: the array has another shape, type or layout.
        """
        shaped = picture.ndim == 3 and picture.shape[2] == 3
        if not shaped or picture.dtype != np.uint8 or not picture.flags.c_contiguous:
            raise ValueError("a picture is a C-contiguous array (height, width, 3) of uint8, RGB")
        self._picture = picture
        self._coarse_person = person
        self._person: NDArray[np.uint8] | None = None
        self._view = picture.view()
        self._view.flags.writeable = False
        self._faces = tuple(faces)
        self._hidden: frozenset[str] = frozenset()
        self._undo: list[tuple[Rect, Picture]] = []
        self._emitted: list[Event] = []
        self._speaker = ""
        self.touched: list[Rect] = []
        self.warp = WarpField()
        self.time = time
        self.elapsed = elapsed
        self.events = tuple(events)

    @property
    def picture(self) -> Picture:
        """The whole picture, read-only: (height, width, 3) uint8 RGB. Write through `edit`."""
        return self._view

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self._picture.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self._picture.shape[0])

    @property
    def faces(self) -> tuple[Face, ...]:
        """The faces that this filter may change, where warps so far have moved them."""
        if not self._hidden:
            return self._faces
        return tuple(face for face in self._faces if face.track_id not in self._hidden)

    @property
    def person(self) -> NDArray[np.uint8] | None:
        """Where people are: (height, width) uint8, 255 on them, soft at their edges; read-only.

        It fits the picture as it is when a filter first asks. None where nobody looked for
        people; a filter that uses it declares `Need.SEGMENTATION`.
        """
        if self._person is None and self._coarse_person is not None:
            self._person = refined(self._coarse_person, self._picture)
            self._person.flags.writeable = False
        return self._person

    def rect(self, box: Box) -> Rect:
        """The pixels of this picture that a box touches; empty when it lies outside."""
        return Rect.clip(box, self.width, self.height)

    def edit(self, area: Box | Rect | None = None) -> Picture:
        """A writable view of an area, or of the whole picture.

        The area counts as changed: it travels to clients that ask for patches, and it is
        restored if the filter fails. The view is empty when the area lies outside the picture.
        """
        if area is None:
            area = Rect(0, 0, self.width, self.height)
        elif isinstance(area, Box):
            area = self.rect(area)
        view = self._picture[area.slices]
        if not area.empty:
            self._undo.append((area, view.copy()))
            self.touched.append(area)
        return view

    def emit(self, name: str, **payload: object) -> None:
        """Send an event to the host app with this frame's result.

        Args:
            name: 1 to 64 characters, such as "score".
            payload: numbers, booleans and strings.

        Raises:
            TypeError: the payload holds something else.
            OverflowError, ValueError: a number is too large or not finite.
        """
        for key, value in payload.items():
            if not isinstance(value, str | int | float | bool):
                raise TypeError(f"event {name!r}: {key} must be a number, boolean or string")
            if isinstance(value, int | float) and not math.isfinite(float(value)):
                raise ValueError(f"event {name!r}: {key} must be finite")
        self._emitted.append(Event(name[:64], payload, self._speaker))

    # What follows is for the chain, not for filters.

    @property
    def emitted(self) -> list[Event]:
        """Events that filters sent."""
        return self._emitted

    @property
    def all_faces(self) -> tuple[Face, ...]:
        """Every face, hidden or not."""
        return self._faces

    def begin(self, filter_id: str = "", hidden: frozenset[str] = frozenset()) -> None:
        """Start a filter's turn: what it draws from here on can be undone.

        Faces whose track is in `hidden` are not shown to it.
        """
        self._undo.clear()
        self._hidden = hidden
        self._speaker = filter_id

    def undo(self) -> None:
        """Restore what was drawn since `begin`."""
        while self._undo:
            area, before = self._undo.pop()
            self._picture[area.slices] = before
            self.touched.pop()
        self.warp.undo()

    @property
    def drawn(self) -> bool:
        """Whether anything was drawn or warped since `begin`."""
        return bool(self._undo) or self.warp.pending

    def soften(self, weight: float) -> None:
        """Let what was drawn since `begin` show only in part: 0 not at all, 1 wholly."""
        if weight >= 1 or not self._undo:
            return
        area = self._undo[0][0]
        for other, _ in self._undo[1:]:
            area = area.union(other)
        view = self._picture[area.slices]
        drawn = view.copy()
        for changed, before in reversed(self._undo):
            self._picture[changed.slices] = before
        cv2.addWeighted(drawn, weight, view.copy(), 1 - weight, 0, dst=drawn)
        view[:] = drawn

    def keep(self) -> None:
        """Make what was drawn since `begin` final."""
        self._undo.clear()
        self.warp.keep()

    def settle(self) -> None:
        """Carry out every warp asked for so far, in one pass, and move the landmarks."""
        area = self.rect(self.warp.bounds)
        if not area.empty:
            self.begin()
            self.warp.draw(self.edit(area), (area.left, area.top))
            self._undo.clear()
        self._faces = tuple(self.warp.moved(face) for face in self._faces)
        self.warp = WarpField()
