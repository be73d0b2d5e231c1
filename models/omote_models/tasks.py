"""The door to MediaPipe's tasks: all of Omote imports them here, without matplotlib."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_PARENT, _CHILD = "matplotlib", "matplotlib.pyplot"


class _Later(ModuleType):
    """Stands in for a module, which is imported when somebody wants something of it."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _without_plots() -> Iterator[None]:
    """MediaPipe imports matplotlib for one function that draws diagrams, which nobody calls here.

    That would take a third of a second, write a cache into the user's home, and complain on the
    terminal where it cannot.
    """
    if _PARENT in sys.modules:
        yield
        return
    parent, child = _Later(_PARENT), _Later(_CHILD)
    vars(parent)["pyplot"] = child
    sys.modules.update({_PARENT: parent, _CHILD: child})
    try:
        yield
    finally:
        # Whoever imports matplotlib from here on gets the real one.
        for name in (_PARENT, _CHILD):
            del sys.modules[name]


with _without_plots():
    import mediapipe
    from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata
    from mediapipe.tasks.metadata import schema_py_generated as schema
    from mediapipe.tasks.python import BaseOptions, vision
    from mediapipe.tasks.python.core import mediapipe_c_bindings, mediapipe_c_utils
    from mediapipe.tasks.python.vision import face_landmarker

__all__ = [
    "BaseOptions",
    "face_landmarker",
    "mediapipe",
    "mediapipe_c_bindings",
    "mediapipe_c_utils",
    "metadata",
    "schema",
    "vision",
]
