"""Age and gender of one face in one picture, by the networks of an estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote_models.calibration import Calibration
from omote_models.estimators import EstimatorFile
from omote_models.face import FloatArray
from omote_models.networks import Network
from omote_models.store import Store


@dataclass(frozen=True, slots=True)
class Reading:
    """What the networks said of one picture of a face.

    Attributes:
        ages: (101,) float32 probabilities of `calibration.AGES`, uncalibrated, or None where
            nothing was asked for. It comes with gender, too: that of a small child is not to be
            guessed.
        male_logit: log odds of male against female, uncalibrated, or None.
    """

    ages: FloatArray | None = None
    male_logit: float | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What is told of an estimator: as it stood in its files when it was loaded."""

    name: str = ""
    summary: str = ""
    licence: str = ""
    card: str = ""


class DemographicsEstimator:
    """Small networks, loaded once, shared by every session and thread.

    The age distribution is the weighted mean of the networks', the log odds of gender their
    weighted mean: networks that err on different faces err less together.
    """

    def __init__(
        self, networks: Sequence[Network], calibration: Calibration, about: About = About()
    ) -> None:
        self.networks = tuple(networks)
        self.calibration = calibration
        self.about = about

    @classmethod
    def load(cls, found: EstimatorFile, store: Store) -> DemographicsEstimator:
        """Load every network of an estimator and try it once.

        Raises:
            StoreError: a model is not in the cache.
            EstimatorError: a network is not as it is described.
        """
        spec = found.spec
        networks = [Network(n, found.network(n, store)) for n in spec.networks]
        about = About(spec.name, spec.summary, spec.licence, found.card())
        return cls(networks, spec.calibration, about)

    def read(
        self,
        picture: NDArray[np.uint8],
        landmarks: FloatArray,
        *,
        age: bool = True,
        gender: bool = True,
    ) -> Reading:
        """One reading; only the networks that are asked for run.

        Where a network answers with something that is no number, nothing is known.

        Args:
            picture: (height, width, 3) uint8 RGB.
            landmarks: (478, 3) pixels.
            age: whether to estimate age.
            gender: whether to estimate gender; age is then read, too.
        """
        if not (age or gender):
            return Reading()
        ages, logits = list[tuple[float, FloatArray]](), list[tuple[float, float]]()
        for network in self.networks:
            spec = network.spec
            if spec.age is None and not gender:
                continue
            try:
                distribution, logit = network.read(picture, landmarks)
            except ArithmeticError:
                return Reading()
            if spec.age is not None and distribution is not None:
                ages.append((spec.age.weight, distribution))
            if spec.gender is not None and logit is not None and gender:
                logits.append((spec.gender.weight, logit))
        return Reading(
            np.asarray(sum(w * d for w, d in ages) / sum(w for w, _ in ages), np.float32),
            sum(w * v for w, v in logits) / sum(w for w, _ in logits) if logits else None,
        )
