"""Loads what every session shares, and runs it once, so that no stream waits."""

from __future__ import annotations

import cv2
import numpy as np

from omote_filters.policy import Policy
from omote_filters.registry import Registry
from omote_filters.words import Consent
from omote_models.demographics import DemographicsEstimator
from omote_models.estimators import DEFAULT, find_estimator
from omote_models.mesh import canonical_mesh
from omote_models.mesh_runtime.opening import open_mesh
from omote_models.meshes import MeshChoice
from omote_models.store import model_store
from omote_server.frames.audience import Audience
from omote_server.frames.codec import encode
from omote_server.frames.job import Directives, Job, PipelineOptions, Toolbox
from omote_server.frames.pipeline import Pipeline
from omote_server.messages import Frame, OutputOptions, PictureFormat


def load_tools(
    registry: Registry | None = None,
    *,
    policy: Policy = Policy(),
    estimator: str = DEFAULT,
    audience: Audience | None = None,
    mesh_runtime: MeshChoice = MeshChoice.AUTO,
) -> Toolbox:
    """The models from the cache and the filters.

    Args:
        registry: the filters; those that are installed by default.
        policy: what is allowed on whose face.
        estimator: of age and gender: "light", "accurate", or the path of one's own.
        audience: where people are counted, if they are.
        mesh_runtime: what the face mesh runs in.

    Raises:
        StoreError: a model is missing or damaged; the message says how to mend it.
        EstimatorError: the estimator is missing or cannot be used.
        KernelUnavailable: our own kernel is wanted for the face mesh, and cannot run.
    """
    # Sessions give the parallelism; OpenCV's own threads only get in their way.
    cv2.setNumThreads(1)
    store = model_store()
    demographics = DemographicsEstimator.load(find_estimator(estimator), store)
    face_model = store.read("face_landmarker")
    open_mesh(face_model, mesh_runtime)  # compiled and tested now, or never
    return Toolbox(
        registry or Registry(),
        face_model,
        demographics,
        store.read("person"),
        store.read("person-wide"),
        policy,
        audience=audience,
        mesh_runtime=mesh_runtime,
    )


def warm(tools: Toolbox) -> None:
    """Import every filter, run every network once, and read the figures that drawing needs."""
    canonical_mesh()
    tools.registry.catalogue()
    grey = np.full((240, 320, 3), 128, np.uint8)
    face = np.random.default_rng(0).uniform(60, 180, (478, 3)).astype(np.float32)
    tools.estimator.read(grey, face)
    output = OutputOptions(blendshapes=True, pose=True)
    pipeline = Pipeline(tools, PipelineOptions(output))
    picture = encode(grey, PictureFormat.JPEG, 85)
    pipeline.run(Job(Frame(1, 1, picture), Directives(consent=Consent(face_effects=True))))
    pipeline.close()
