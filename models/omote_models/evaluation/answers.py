"""What the estimator says of each sample; kept as it goes, so that a run can be resumed."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from omote_models.calibration import AGES, lived
from omote_models.demographics import DemographicsEstimator
from omote_models.evaluation.calibrate import Labelled
from omote_models.evaluation.samples import Sample
from omote_models.evidence import Evidence
from omote_models.extras import lament
from omote_models.face import Face, FloatArray, Gender
from omote_models.pictures import Limits, PictureError, read
from omote_models.stills import StillFinder

_LIMITS = Limits(50_000_000)
_LEAST_PROBABILITY = 0.002


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of one picture, from one look.

    Attributes:
        file: the picture, as the data set names it.
        problem: why there is no answer, empty where there is one.
        years, low, high: the age and its 80 % interval.
        male: calibrated probability of male.
        logit: uncalibrated log odds of male.
        ages: the uncalibrated distribution: place in `AGES` and probability, where it counts.
        band, gender: what would be shown, None where it is unknown.
        faces: how many faces there were; the largest is meant.
        milliseconds: of the networks.
    """

    file: str
    problem: str = ""
    years: float = 0.0
    low: float = 0.0
    high: float = 0.0
    male: float = 0.5
    logit: float = 0.0
    ages: tuple[tuple[int, float], ...] = ()
    band: str | None = None
    gender: str | None = None
    faces: int = 0
    milliseconds: float = 0.0


_ANSWER = TypeAdapter(Answer)


class AnswerBook:
    """Answers on disk, one JSON line each, under a line that says what they were made with."""

    def __init__(self, path: Path, key: dict[str, object]) -> None:
        """Read what is there; start anew where it was made with something else."""
        self._path = path
        self._key = key
        self.answers: dict[str, Answer] = {}
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        lines = text.splitlines()
        if not lines or _parsed(lines[0]) != key:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(key) + "\n", encoding="utf-8")
            return
        for line in lines[1:]:
            if answer := _answer(line):
                self.answers[answer.file] = answer

    def add(self, answer: Answer) -> None:
        """Keep one more."""
        self.answers[answer.file] = answer
        with self._path.open("a", encoding="utf-8") as sink:
            sink.write(json.dumps(asdict(answer)) + "\n")


def _answer(line: str) -> Answer | None:
    """A line's answer; None where it was cut, as a run was killed, or damaged."""
    try:
        return _ANSWER.validate_json(line)
    except ValidationError:
        return None


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


class Examiner:
    """Shows samples to the estimator."""

    def __init__(self, face_model: bytes, estimator: DemographicsEstimator) -> None:
        self._face_model = face_model
        self._estimator = estimator
        self._finders: deque[StillFinder] = deque()

    def ask(self, samples: Sequence[Sample], root: Path, workers: int = 2) -> Iterator[Answer]:
        """An answer for each sample, in their order.

        A picture that is damaged, too large or without a face is an answer with a problem.
        """
        step = 8 * workers  # what is in flight is bounded
        with ThreadPoolExecutor(workers) as pool:
            for at in range(0, len(samples), step):
                batch = samples[at : at + step]
                yield from pool.map(lambda sample: self.answer(sample, root), batch)

    def answer(self, sample: Sample, root: Path) -> Answer:
        """What is said of one sample."""
        file = name_in(sample.picture, root)
        picture = decoded_picture(sample.picture)
        if isinstance(picture, str):
            return Answer(file, picture)
        with self._finder() as finder:
            picture, faces = finder.find_with_border(picture)
        if not faces:
            return Answer(file, "no face was found")
        return self._read(file, picture, faces)

    def _read(self, file: str, picture: NDArray[np.uint8], faces: Sequence[Face]) -> Answer:
        began = time.perf_counter()
        reading = self._estimator.read(picture, faces[0].landmarks)
        spent = (time.perf_counter() - began) * 1000
        evidence = Evidence(self._estimator.calibration)
        evidence.add(reading)
        found = evidence.attributes()
        if found.age.value is None or found.age.interval is None or reading.male_logit is None:
            return Answer(file, "the networks gave no number", faces=len(faces))
        band, gender = found.age_band.value, found.gender.value
        return Answer(
            file,
            years=round(found.age.value, 3),
            low=round(found.age.interval[0], 3),
            high=round(found.age.interval[1], 3),
            male=round(self._estimator.calibration.male_probability(reading.male_logit), 5),
            logit=round(reading.male_logit, 5),
            ages=_sparse(reading.ages),
            band=None if band is None else band.value,
            gender=None if gender is None else gender.value,
            faces=len(faces),
            milliseconds=round(spent, 3),
        )

    def close(self) -> None:
        """Free the face models; no thread may be asking."""
        while self._finders:
            self._finders.pop().close()

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Free the face models."""
        self.close()

    @contextmanager
    def _finder(self) -> Iterator[StillFinder]:
        """One that no other thread uses now; there are never more than threads at once."""
        try:
            finder = self._finders.pop()
        except IndexError:
            finder = StillFinder(self._face_model, max_faces=4)
        try:
            yield finder
        finally:
            self._finders.append(finder)


def _sparse(ages: FloatArray | None) -> tuple[tuple[int, float], ...]:
    if ages is None:
        return ()
    places = np.flatnonzero(ages > _LEAST_PROBABILITY)
    return tuple((int(place), round(float(ages[place]), 4)) for place in places)


def labelled(sample: Sample, answer: Answer) -> Labelled:
    """A sample's label and the answer, for a fit."""
    ages = np.zeros(len(AGES), np.float32)
    for place, probability in answer.ages:
        ages[place] = probability
    male = None if sample.gender is None else sample.gender is Gender.MALE
    age = None if sample.exact_age is None else float(lived(sample.exact_age))
    return Labelled(ages / max(float(ages.sum()), 1e-6), answer.logit, age, male)


def name_in(picture: Path, root: Path) -> str:
    """A picture's name within its data set."""
    return picture.relative_to(root).as_posix() if picture.is_relative_to(root) else str(picture)


def decoded_picture(path: Path) -> NDArray[np.uint8] | str:
    """A file as (height, width, 3) uint8 RGB, upright and in sRGB, or why it cannot be used."""
    try:
        return read(path.read_bytes(), _LIMITS).pixels
    except OSError as error:
        return f"it cannot be read: {type(error).__name__}"
    except PictureError as error:
        return f"it {error}"
    except ModuleNotFoundError as error:
        return lament(error.name)
