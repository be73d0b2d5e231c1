"""Filters as third parties write them, good and bad."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from typing import Literal

import numpy as np

from omote_filters import (
    Appearance,
    Filter,
    FilterSettings,
    Need,
    Scene,
    Stage,
    choice,
    colour,
    slider,
    text,
    toggle,
)
from omote_filters.registry import GROUP, Registry


class Tint(Filter):
    """Tints the whole picture."""

    id, name = "tint", "Tint"
    appearance, stage = Appearance.NOVELTY, Stage.GRADE
    needs = frozenset[Need]()

    class Settings(FilterSettings):
        """How strongly, and towards what."""

        strength: float = slider(0.5, 0, 1, label="Strength", hint="0 leaves it alone.")
        count: int = slider(1, 1, 9, label="Count", step=1)
        colour: str = colour("#ff0000", label="Colour")
        mode: Literal["add", "mix"] = choice("mix", label="Mode")
        fast: bool = toggle(True, label="Fast")
        note: str = text("", label="Note", longest=10)

    def __init__(self, settings: FilterSettings | None = None) -> None:
        super().__init__(settings)
        self.frames = 0
        self.log: list[str] = []

    def start(self) -> None:
        self.log.append("start")

    def apply(self, scene: Scene) -> None:
        self.frames += 1
        scene.edit()[..., 0] = 255
        scene.emit("tinted", frames=self.frames)

    def stop(self) -> None:
        self.log.append("stop")


class Raises(Filter):
    """Draws, then fails."""

    id, name = "raises", "Raises"
    appearance, stage = Appearance.NOVELTY, Stage.PAINT
    needs = frozenset[Need]()

    def apply(self, scene: Scene) -> None:
        scene.edit()[:] = 0
        raise RuntimeError("secret landmark 123.456")


class BrokenMask(Filter):
    """An anonymise filter that fails."""

    id, name = "broken_mask", "Broken mask"
    appearance, stage = Appearance.ANONYMISE, Stage.GRADE

    def apply(self, scene: Scene) -> None:
        raise RuntimeError("no mask today")


class Slimmer(Filter):
    """Marks every face it may change."""

    id, name = "slimmer", "Slimmer"
    appearance, stage = Appearance.BEAUTIFY, Stage.SKIN

    def apply(self, scene: Scene) -> None:
        for face in scene.faces:
            scene.edit(face.box)[:] = 255


class Sneaky(Filter):
    """Writes where it may not."""

    id, name = "sneaky", "Sneaky"
    appearance, stage = Appearance.NOVELTY, Stage.PAINT
    needs = frozenset[Need]()

    def apply(self, scene: Scene) -> None:
        np.copyto(scene.picture, 0)


class BrokenVeil(Filter):
    """An anonymise filter that looks for no faces, and fails."""

    id, name = "broken_veil", "Broken veil"
    appearance, stage = Appearance.ANONYMISE, Stage.GRADE
    needs = frozenset[Need]()

    def apply(self, scene: Scene) -> None:
        raise RuntimeError("no veil today")


class Stillborn(Filter):
    """Cannot even be made."""

    id, name = "stillborn", "Stillborn"
    appearance, stage = Appearance.NOVELTY, Stage.PAINT
    needs = frozenset[Need]()

    def __init__(self, settings: FilterSettings | None = None) -> None:
        raise RuntimeError("no instance today")

    def apply(self, scene: Scene) -> None:
        raise AssertionError("it must not run")


class Exits(Filter):
    """Tries to end the server."""

    id, name = "exits", "Exits"
    appearance, stage = Appearance.NOVELTY, Stage.PAINT
    needs = frozenset[Need]()

    def apply(self, scene: Scene) -> None:
        sys.exit(3)


class HugeEvent(Filter):
    """Sends a number that no wire can carry."""

    id, name = "huge_event", "Huge event"
    appearance, stage = Appearance.NOVELTY, Stage.PAINT
    needs = frozenset[Need]()

    def apply(self, scene: Scene) -> None:
        scene.emit("score", points=10**400)


class NeedsNothing(Filter):
    """Its needs are not a set."""

    id, name = "needs_nothing", "Needs nothing"
    appearance, stage = Appearance.NOVELTY, Stage.PAINT
    needs = None  # type: ignore[assignment]

    def apply(self, scene: Scene) -> None:
        raise AssertionError("it must not run")


class Backdrop(Filter):
    """Says how much of the picture is people."""

    id, name = "backdrop", "Backdrop"
    appearance, stage = Appearance.NOVELTY, Stage.BACKGROUND
    needs = frozenset({Need.SEGMENTATION})

    def apply(self, scene: Scene) -> None:
        assert scene.person is not None
        assert scene.person.shape == scene.picture.shape[:2]
        scene.emit("people", share=float(scene.person.mean()) / 255)


class Moonlit(Filter):
    """Lacks something that no machine has."""

    id, name = "moonlit", "Moonlit"
    appearance, stage = Appearance.NOVELTY, Stage.PROP

    @classmethod
    def lack(cls) -> str:
        return "the moon is not up; wait for the night"

    def apply(self, scene: Scene) -> None:
        raise AssertionError("it must not run")


class Nameless(Filter):
    version = "one"


PLUGINS: dict[str, object] = {
    kind.id: kind
    for kind in (
        Tint,
        Raises,
        BrokenMask,
        Slimmer,
        Sneaky,
        Backdrop,
        Moonlit,
        BrokenVeil,
        Stillborn,
        Exits,
        HugeEvent,
    )
}


class Plugin(EntryPoint):
    """An entry point into this module, which is not installed."""

    def load(self) -> object:
        if self.name == "explodes":
            raise OSError("cannot open shared object file")
        if self.name == "leaves":
            sys.exit(1)
        return {
            **PLUGINS,
            "nameless": Nameless,
            "number": 7,
            "needs_nothing": NeedsNothing,
        }[self.name]


def point(name: str, found: object, value: str = "") -> EntryPoint:
    """An entry point that gives this object, or raises it."""

    class Here(EntryPoint):
        def load(self) -> object:
            if isinstance(found, BaseException):
                raise found
            return found

    return Here(name, value or f"here:{name}", GROUP)


def registry_of(*kinds: type[Filter]) -> Registry:
    """A registry of these classes."""
    return Registry([point(kind.id, kind) for kind in kinds])


def plugin(name: str) -> EntryPoint:
    return Plugin(name, f"plugins:{name}", "omote.filters")


def plugin_registry(*extra: str) -> Registry:
    return Registry([plugin(name) for name in (*PLUGINS, *extra)])
