"""What is known of a filter or a pack once it was read, and the parts that a chain runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from omote_filters.faults import hand_up, place
from omote_filters.filter import Filter, checked_preview
from omote_filters.scene import Scene
from omote_filters.settings import AssetSlot, FilterSettings, Parameter, parse
from omote_filters.words import Appearance, Need, SettingsError, Stage, Violation

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Broken:
    """A filter that cannot be used, and why."""

    id: str
    error: str


@dataclass(frozen=True, slots=True)
class Group:
    """Faces that one call of a filter draws on.

    Attributes:
        settings: of the filter for these faces.
        hidden: tracks that the call must not see.
        weight: how far it has faded in, over 0 to 1.
    """

    settings: FilterSettings
    hidden: frozenset[str] = frozenset()
    weight: float = 1.0


class Plan(Protocol):
    """When and how one part is drawn, frame by frame. One session's, with its state."""

    @property
    def needs(self) -> frozenset[Need]:
        """What must be computed to decide that."""

    @property
    def settings(self) -> FilterSettings:
        """What the filter is made with, before any face is known."""

    def revise(self, settings: FilterSettings) -> None:
        """Take other settings, of the filter or pack that was asked for."""

    def groups(self, scene: Scene) -> list[Group]:
        """The calls to make on this frame; none where it is off."""


class Part(Protocol):
    """One filter of what was asked for: itself, or a layer of a pack."""

    @property
    def filter(self) -> Listing:
        """The filter that draws."""

    @property
    def use(self) -> object:
        """Which of a pack's uses of the filter it is; None for a filter by itself."""

    def plan(self, settings: FilterSettings) -> Plan:
        """A new session's plan.

        Args:
            settings: of the filter or pack that was asked for.
        """

    def check(self, settings: FilterSettings) -> None:
        """Whether these settings of the filter or pack suit this part.

        Raises:
            SettingsError: they do not.
        """


@dataclass(frozen=True, eq=False, kw_only=True)
class Listing:
    """A filter or a pack as everybody sees it: read once, checked and frozen.

    What was written by others is called here and in `inspection`, and nowhere else, but for the
    instances that a chain runs.

    Attributes:
        id, name, version: as the filter or the pack says.
        description: one line.
        appearance: which safety rules hold; a pack's is the strictest of its parts.
        stage: when it runs; a pack's is that of its first part.
        needs: what must be computed for it.
        settings: the class of its settings.
        parameters: the settings that a client can give.
        files: the settings that only a pack can give.
        fewest_faces: with fewer faces in the picture it does nothing.
        draws: whether there is anything to see of it.
        in_front: whether what it draws shows where the picture is clear.
        animated: whether what it draws moves by itself.
        budget_ms: CPU time that one frame may take.
        lack: what this machine lacks for it, and how to mend it; empty where it can run.
        home: the module that it stands in, or the pack's place.
        kind: the filter's class; None for a pack.
        layers: a pack's parts.
        read_preview: gives its picture.
    """

    id: str
    name: str
    version: str
    description: str
    appearance: Appearance
    stage: Stage
    needs: frozenset[Need]
    settings: type[FilterSettings]
    parameters: tuple[Parameter, ...]
    files: tuple[AssetSlot, ...]
    fewest_faces: int
    draws: bool
    in_front: bool
    animated: bool
    budget_ms: float
    lack: str
    home: Path
    kind: type[Filter] | None = None
    layers: tuple[Part, ...] = ()
    read_preview: Callable[[], bytes]

    @property
    def parts(self) -> tuple[Part, ...]:
        """What a chain runs for it: a filter by itself is its own one part."""
        return self.layers or (_Whole(self),)

    @property
    def setting_names(self) -> list[str]:
        """Those that a client or a pack can give."""
        return [*(each.name for each in self.parameters), *(each.name for each in self.files)]

    def make(self, settings: FilterSettings) -> Filter:
        """A new instance. It is foreign code, and may raise anything.

        Raises:
            TypeError: it is a pack, which has no instance; make its parts.
        """
        if self.kind is None:
            raise TypeError(f"the pack {self.id} is run by its parts")
        return self.kind(settings)

    def parse(self, values: Mapping[str, object]) -> FilterSettings:
        """Validated settings from plain values.

        Raises:
            SettingsError: a name is unknown, a type is wrong, a value is out of range, or its own
                check of them fails.
        """
        made = self._parsed(values)
        for part in self.layers:
            part.check(made)
        return made

    def preview(self) -> bytes:
        """A small JPEG of the effect, read now; empty where there is none that can be shown."""
        try:
            data = self.read_preview()
            return checked_preview(data) if type(data) is bytes else b""
        except BaseException as error:
            hand_up(error)
            _log.warning("the preview of %s cannot be read: %s", self.id, place(error))
            return b""

    def _parsed(self, values: Mapping[str, object]) -> FilterSettings:
        try:
            return parse(self.settings, values)
        except SettingsError:
            raise
        except BaseException as error:
            hand_up(error)
            _log.warning("filter %s failed to check settings: %s", self.id, place(error))
            text = "its own check of them failed; the server's operator finds where in the log"
            raise SettingsError([Violation("", text)]) from None


@dataclass(frozen=True, slots=True)
class _Whole:
    """A filter by itself."""

    filter: Listing
    use: None = None

    def plan(self, settings: FilterSettings) -> Plan:
        return _Always(settings)

    def check(self, settings: FilterSettings) -> None:
        """They are its own, and were checked when they were parsed."""


class _Always:
    """Draws on every frame, on everybody, with the settings that were asked for."""

    needs = frozenset[Need]()

    def __init__(self, settings: FilterSettings) -> None:
        self._groups = [Group(settings)]

    @property
    def settings(self) -> FilterSettings:
        return self._groups[0].settings

    def revise(self, settings: FilterSettings) -> None:
        self._groups = [Group(settings)]

    def groups(self, scene: Scene) -> list[Group]:
        return self._groups
