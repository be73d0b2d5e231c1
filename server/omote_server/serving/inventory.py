"""Which models this server uses, and what is known of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from omote_models.estimators import DEFAULT, EstimatorFile, find_estimator
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


_ALWAYS = ("face_landmarker", "person", "person-wide")


def used(estimator: str = DEFAULT) -> tuple[str, ...]:
    """The models that a server with that estimator loads before it says that it is ready.

    Raises:
        EstimatorError: there is no such estimator, or something is wrong with it.
    """
    return (*_ALWAYS, *find_estimator(estimator).spec.models)


def model_facts(estimator: str = DEFAULT) -> list[ModelFact]:
    """Every model of the manifest, and whether a server with that estimator loads it.

    The parts that models are made of are not among them.
    """
    manifest = model_store().manifest
    loaded = used(estimator)
    ours = [
        ModelFact(
            name=model.name,
            file=model.file,
            sha256=model.sha256,
            size_bytes=model.bytes,
            licence=model.licence,
            purpose=model.purpose,
            loaded=model.name in loaded,
            card=partial(_card, manifest, model.name),
        )
        for model in manifest.models.values()
        if model.kind == "model"
    ]
    return ours + _of_others(find_estimator(estimator))


def _of_others(found: EstimatorFile) -> list[ModelFact]:
    """The networks that an estimator brings itself."""
    facts = []
    for network in found.spec.networks:
        if network.file is not None:
            data = (found.path.parent / network.file).read_bytes()
            fact = ModelFact(
                name=found.spec.name,
                file=Path(network.file).name,
                sha256=hashlib.sha256(data).hexdigest(),
                size_bytes=len(data),
                licence=found.spec.licence,
                purpose=found.spec.summary,
                loaded=True,
                card=partial(_own_card, found),
            )
            facts.append(fact)
    return facts


def _own_card(found: EstimatorFile) -> str:
    card = found.path.parent / found.spec.card if found.spec.card else None
    return card.read_text(encoding="utf-8") if card is not None and card.is_file() else ""


def _card(manifest: Manifest, name: str) -> str:
    return manifest.card(name) or ""
