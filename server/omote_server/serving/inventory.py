"""Which models this server uses, and what is known of them."""

from __future__ import annotations

from pathlib import Path

from omote_models.demographics import DemographicsEstimator
from omote_models.estimators import DEFAULT, find_estimator
from omote_models.store import model_store
from omote_server.messages import ModelFact

_FACE_MESH = "face_landmarker"
_ALWAYS = (_FACE_MESH, "person", "person-wide")


def used(estimator: str = DEFAULT) -> tuple[str, ...]:
    """The models that a server with that estimator loads before it says that it is ready.

    Raises:
        EstimatorError: there is no such estimator, or something is wrong with it.
    """
    return (*_ALWAYS, *find_estimator(estimator).spec.models)


def model_facts(estimator: DemographicsEstimator, mesh_runtime: str) -> tuple[ModelFact, ...]:
    """Every model of the manifest, and whether a server with that estimator has loaded it.

    The parts that models are made of are not among them. It reads the cards: ask once, when a
    server starts. Of an estimator's own networks it tells what was loaded, whatever has become
    of their files.
    """
    manifest = model_store().manifest
    specs = [network.spec for network in estimator.networks]
    loaded = {*_ALWAYS, *(spec.model for spec in specs)}
    ours = [
        ModelFact(
            name=model.name,
            file=model.file,
            sha256=model.sha256,
            size_bytes=model.bytes,
            licence=model.licence,
            purpose=model.purpose,
            loaded=model.name in loaded,
            card=manifest.card(model.name) or "",
            runtime=mesh_runtime if model.name == _FACE_MESH else "",
        )
        for model in manifest.models.values()
        if model.kind == "model"
    ]
    return (*ours, *_brought(estimator))


def _brought(estimator: DemographicsEstimator) -> list[ModelFact]:
    """The networks that an estimator brings itself."""
    about = estimator.about
    return [
        ModelFact(
            name=about.name,
            file=Path(network.spec.file).name,
            sha256=network.sha256,
            size_bytes=network.size_bytes,
            licence=about.licence,
            purpose=about.summary,
            loaded=True,
            card=about.card,
        )
        for network in estimator.networks
        if network.spec.file is not None
    ]
