"""What a filter gets: the working picture, the faces, the time and the session's events."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from omote_filters.alpha import Alpha
from omote_filters.matte import refined
from omote_filters.rect import Rect
from omote_filters.speech import Speech
from omote_filters.warp import WarpField
from omote_filters.words import Event
from omote_models.face import Box, Face

Picture = NDArray[np.uint8]

MOST_EDITS = 4096
"""Of one filter in one frame. Each is a rectangle to restore, and one to join for patches."""


class Scene:
    """One frame in the hands of a chain.

    A filter can draw on it and speak; what it is made of cannot be replaced.
    """

    __slots__ = (
        "_alpha",
        "_coarse_person",
        "_elapsed",
        "_events",
        "_faces",
        "_hidden",
        "_mirrored",
        "_person",
        "_picture",
        "_speech",
        "_time",
        "_touched",
        "_turn",
        "_view",
        "_warp",
    )

    def __init__(
        self,
        picture: Picture,
        faces: Sequence[Face] = (),
        *,
        time: float = 0.0,
        elapsed: float = 0.0,
        events: Sequence[Event] = (),
        person: NDArray[np.uint8] | None = None,
        alpha: Alpha | None = None,
        mirrored: bool = False,
    ) -> None:
        """Take over a picture, (height, width, 3) uint8 RGB, C-contiguous; it is changed in place.

        Args:
            picture: the pixels, upright.
            faces: those in it.
            time: see the attribute.
            elapsed: see the attribute.
            events: from the host app.
            person: a mask of the people in it, 255 where they are, (h, w) uint8 of any size.
            alpha: what of it shows; None where all of it does.
            mirrored: see the attribute.

        Raises:
            ValueError: an array has another shape, type or layout.
        """
        shaped = picture.ndim == 3 and picture.shape[2] == 3
        if not shaped or picture.dtype != np.uint8 or not picture.flags.c_contiguous:
            raise ValueError("a picture is a C-contiguous array (height, width, 3) of uint8, RGB")
        self._picture = picture
        self._view = _read_only(picture)
        self._alpha = alpha
        self._mirrored = mirrored
        self._coarse_person = person
        self._person: NDArray[np.uint8] | None = None
        self._faces = tuple(faces)
        self._hidden: frozenset[str] = frozenset()
        self._warp = WarpField()
        self._speech = Speech()
        self._touched: list[Rect] = []
        self._turn: Turn | None = None
        self._time = time
        self._elapsed = elapsed
        self._events = tuple(events)

    @property
    def time(self) -> float:
        """The frame's capture time in seconds on the client's clock.

        Effects run on it, never on the wall clock.
        """
        return self._time

    @property
    def elapsed(self) -> float:
        """Seconds since the previous frame of this session, 0 on the first."""
        return self._elapsed

    @property
    def events(self) -> tuple[Event, ...]:
        """What the host app sent since the previous frame."""
        return self._events

    @property
    def mirrored(self) -> bool:
        """Whether people will see the picture as in a mirror, left and right exchanged.

        Here it is not: draw as ever. Only what is to be read must be drawn the wrong way round;
        a `Sprite` that is `lettered` is.
        """
        return self._mirrored

    @property
    def warp(self) -> WarpField:
        """Bends the picture; what all filters ask for is carried out together."""
        return self._warp

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
            self._person = _read_only(refined(self._coarse_person, self._picture))
        return self._person

    def rect(self, box: Box) -> Rect:
        """The pixels of this picture that a box touches; empty when it lies outside."""
        return Rect.clip(box, self.width, self.height)

    def edit(self, area: Box | Rect | None = None) -> Picture:
        """A writable view of an area, or of the whole picture, for this filter's turn.

        The area counts as changed: it travels to clients that ask for patches, and it is
        restored if the filter fails. The view is empty when the area lies outside the picture.
        Once the turn is over it is read-only.

        Raises:
            RuntimeError: more than `MOST_EDITS` in one turn.
        """
        if area is None:
            area = Rect(0, 0, self.width, self.height)
        elif isinstance(area, Box):
            area = self.rect(area)
        view = self._picture[area.slices]
        if not area.empty:
            if self._turn is not None:
                self._turn.record(area, view)
            self._touched.append(area)
        return view

    def emit(self, name: str, /, **payload: object) -> None:
        """Send an event to the host app with this frame's result.

        Args:
            name: 1 to 64 characters, such as "score".
            payload: numbers, booleans and strings by name.

        Raises:
            TypeError: the name is no text, or the payload holds something else.
            ValueError: something is too long, no number or no text, or a filter says too much in
                one frame; `omote_filters.speech` has the bounds.
        """
        self._speech.say(name, payload)

    # What follows is for the chain and its host, not for filters.

    @property
    def emitted(self) -> list[Event]:
        """Events that filters sent."""
        return self._speech.events

    @property
    def touched(self) -> list[Rect]:
        """What was edited."""
        return list(self._touched)

    @property
    def all_faces(self) -> tuple[Face, ...]:
        """Every face, hidden or not."""
        return self._faces

    @property
    def alpha(self) -> NDArray[np.uint8] | None:
        """What shows: (height, width) uint8; None where all of it does."""
        return None if self._alpha is None else self._alpha.values

    def unveil(self) -> None:
        """Put back the colours that its sender had where nothing shows."""
        if self._alpha is not None:
            self._alpha.restore(self._picture)

    def begin(
        self, speaker: str = "", hidden: frozenset[str] = frozenset(), in_front: bool = False
    ) -> Turn:
        """Begin a filter's turn, which the caller ends by `keep` or `undo`.

        Args:
            speaker: the filter's id, for its events.
            hidden: tracks that it must not see.
            in_front: whether what it draws shows where the picture does not.

        Raises:
            RuntimeError: another turn is not over.
        """
        self._refuse_in_turn()
        self._turn = Turn(self, speaker, hidden, in_front)
        return self._turn

    def settle(self) -> None:
        """Carry out every warp asked for so far, in one pass, and move the landmarks.

        Raises:
            RuntimeError: in the middle of a turn.
        """
        self._refuse_in_turn()
        area = self.rect(self._warp.bounds)
        if not area.empty:
            self._warp.draw(self.edit(area), (area.left, area.top))
            if self._alpha is not None:
                self._alpha.bend(self._warp, area)
        self._faces = tuple(self._warp.moved(face) for face in self._faces)
        self._warp = WarpField()

    def _refuse_in_turn(self) -> None:
        if self._turn is not None:
            raise RuntimeError("a filter's turn is not over; this is for the chain")


class Turn:
    """All that one filter does to a scene in one frame: kept whole, or undone whole.

    A filter may be called several times in a turn, for groups of faces.
    """

    __slots__ = (
        "_call",
        "_events",
        "_hidden",
        "_in_front",
        "_scene",
        "_touched",
        "_undo",
        "_views",
    )

    def __init__(
        self, scene: Scene, speaker: str, hidden: frozenset[str], in_front: bool = False
    ) -> None:
        self._scene = scene
        self._in_front = in_front
        self._hidden = scene._hidden = hidden
        self._undo: list[tuple[Rect, Picture]] = []
        self._views: list[Picture] = []
        self._call = 0
        self._touched = len(scene._touched)
        self._events = scene._speech.begin(speaker)

    def call(self, hidden: frozenset[str]) -> None:
        """The filter is called once more; these tracks are hidden from it besides."""
        self._scene._hidden = self._hidden | hidden
        self._call = len(self._undo)

    def record(self, area: Rect, view: Picture) -> None:
        """Remember what an area held before it is drawn on.

        Raises:
            RuntimeError: more than `MOST_EDITS` in this turn.
        """
        if len(self._undo) >= MOST_EDITS:
            raise RuntimeError(f"a filter edits at most {MOST_EDITS} areas in one frame")
        self._undo.append((area, view.copy()))
        self._views.append(view)

    @property
    def drawn(self) -> bool:
        """Whether this call drew, or this turn bent the picture."""
        return len(self._undo) > self._call or self._scene._warp.pending

    def soften(self, weight: float) -> None:
        """Let what this call drew show only in part: 0 not at all, 1 wholly.

        What earlier calls of the turn drew is left as it is.
        """
        drawn = self._undo[self._call :]
        if weight >= 1 or not drawn:
            return
        area = drawn[0][0]
        for other, _ in drawn[1:]:
            area = area.union(other)
        view = self._scene._picture[area.slices]
        whole = view.copy()
        self._restore(drawn)
        cv2.addWeighted(whole, weight, view.copy(), 1 - weight, 0, dst=whole)
        view[:] = whole

    def undo(self) -> None:
        """Take back everything: what was drawn, what was to be bent, what was said."""
        scene = self._scene
        self._restore(self._undo)
        del scene._touched[self._touched :]
        scene._warp.undo()
        scene._speech.undo(self._events)
        self._end()

    def keep(self) -> None:
        """Make it final."""
        scene = self._scene
        if self._in_front and scene._alpha is not None:
            for area, before in self._undo:
                scene._alpha.raise_over(scene._picture, area, before)
        scene._warp.keep()
        self._end()

    def _restore(self, entries: Sequence[tuple[Rect, Picture]]) -> None:
        """Newest first: where areas overlap, the oldest copy is the right one."""
        for area, before in reversed(entries):
            self._scene._picture[area.slices] = before

    def _end(self) -> None:
        # Whoever kept a view must not draw later, over what another filter covers.
        for view in self._views:
            view.flags.writeable = False
        self._scene._hidden = frozenset()
        self._scene._turn = None


def _read_only(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A view that cannot be made writable again, as one by its flag alone can."""
    return np.asarray(picture.data.toreadonly())
