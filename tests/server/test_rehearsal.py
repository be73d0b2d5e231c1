"""Filters without a server: only what is wanted is kept."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest
from plugins import Tint, registry_of

from omote_filters.scene import Scene
from omote_filters.words import ChainEntry
from omote_server.workshop.rehearsal import Take, perform, performed

ENTRIES = [ChainEntry("tint")]


def alive() -> int:
    # Not isinstance, which asks the objects of whoever was imported: some complain.
    return sum(type(each) is Scene for each in gc.get_objects())


def test_of_a_performance_only_the_last_scene_is_kept() -> None:
    before, most = alive(), 0

    def takes() -> Iterator[Take]:
        nonlocal most
        for _ in range(20):
            most = max(most, alive() - before)
            yield Take(np.zeros((6, 8, 3), np.uint8))

    last = performed(ENTRIES, registry_of(Tint), takes())
    assert last.emitted[0].payload == {"frames": 20}
    assert most <= 2, "the one in work and the one before"
    with pytest.raises(ValueError, match="no take"):
        performed(ENTRIES, registry_of(Tint), [])


def test_a_performance_that_is_left_stops_its_filters() -> None:
    logs: list[list[str]] = []

    class Watched(Tint):
        """Tells what becomes of it."""

        id = "watched"

        def start(self) -> None:
            super().start()
            logs.append(self.log)

    takes = [Take(np.zeros((6, 8, 3), np.uint8))] * 3
    scenes = perform([ChainEntry("watched")], registry_of(Watched), takes)
    next(scenes)
    scenes.close()
    assert logs == [["start", "stop"]]
