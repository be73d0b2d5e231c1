"""Content for whoever is there."""

from __future__ import annotations

from omote_filters.filter import Filter
from omote_filters.memory import TrackMemory
from omote_filters.scene import Scene
from omote_filters.settings import FilterSettings, text
from omote_filters.words import Appearance, Need, Stage


class Content(Filter):
    """Draws nothing: tells the host app what to show to whom, by the event `content`.

    In a pack, rules choose among several by age, gender or expression; what somebody declared
    comes before what is estimated, and every rule says what holds for the unknown.
    """

    id = "content"
    name = "Content"
    appearance = Appearance.NOVELTY
    stage = Stage.MARK
    needs = frozenset({Need.MESH})
    draws = False

    class Settings(FilterSettings):
        """What to show."""

        slot: str = text("main", label="Slot", hint="Where the host app shows it", longest=40)
        choice: str = text("default", label="Choice", hint="What it shows there", longest=80)
        message: str = text("", label="Message", hint="Words for people; may be empty", longest=200)

    def start(self) -> None:
        """Nothing was told yet."""
        self._told: TrackMemory[tuple[str, ...]] = TrackMemory()

    def apply(self, scene: Scene) -> None:
        """Send an event for each face whose content is new or has changed."""
        settings: Content.Settings = self.settings
        wanted = (settings.slot, settings.choice, settings.message)
        shown = {face.track_id for face in scene.faces}
        for face in scene.faces:
            if self._told.get(face.track_id) != wanted:
                self._told.put(face.track_id, wanted)
                scene.emit(
                    "content",
                    track_id=face.track_id,
                    slot=settings.slot,
                    choice=settings.choice,
                    message=settings.message,
                )
        # Somebody whom another rule took over is told anew when this one takes them back.
        for face in scene.all_faces:
            if face.track_id not in shown:
                self._told.forget(face.track_id)
