"""Which models this server uses, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from omote_models.manifest import Manifest
from omote_models.store import model_store


@dataclass(frozen=True, slots=True)
class ModelFact:
    """One model of the manifest."""

    name: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    purpose: str
    loaded: bool
    card: Callable[[], str]


USED = ("face_landmarker", "face-api", "gender-dlib", "person", "person-wide")
"""The models that a server loads before it says that it is ready."""


def model_facts() -> list[ModelFact]:
    """Every model of the manifest; those in `USED` are loaded in a running server.

    The parts that models are made of are not among them.
    """
    manifest = model_store().manifest
    return [
        ModelFact(
            name=model.name,
            file=model.file,
            sha256=model.sha256,
            size_bytes=model.bytes,
            licence=model.licence,
            purpose=model.purpose,
            loaded=model.name in USED,
            card=partial(_card, manifest, model.name),
        )
        for model in manifest.models.values()
        if model.kind == "model"
    ]


def _card(manifest: Manifest, name: str) -> str:
    return manifest.card(name) or ""
