"""What a server works with: models in the cache, the estimator, filters and packs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from omote_filters.listing import Broken, Listing
from omote_filters.packs.load import find_packs
from omote_filters.registry import Registry
from omote_models.demographics import DemographicsEstimator
from omote_models.estimators import EstimatorError, find_estimator
from omote_models.mesh_runtime.build import KernelUnavailable
from omote_models.mesh_runtime.opening import open_mesh
from omote_models.store import Status, StoreError, model_store
from omote_server.cli.checks.finding import Finding
from omote_server.serving.inventory import used
from omote_server.serving.settings import Settings


def cache(settings: Settings) -> Iterator[Finding]:
    """Whether models can be put where they are kept; it need not be where all are there."""
    store = model_store()
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=store.folder):
            pass
    except OSError as error:
        complete = all(store.status(name) is Status.PRESENT for name in _needed(settings))
        detail = f"{store.folder} cannot be written: {error.strerror}"
        mend = "" if complete else "set OMOTE_CACHE to a folder that can be written"
        yield Finding("cache", complete, detail, mend)
    else:
        yield Finding("cache", True, f"{store.folder} can be written")


def models(settings: Settings) -> Iterator[Finding]:
    """Every model: there and whole by its hash, or missing where the server needs it."""
    store = model_store()
    needed = _needed(settings)
    for name in store.manifest.models:
        status = store.status(name)
        well = status is Status.PRESENT or (status is Status.MISSING and name not in needed)
        detail = status.value if name in needed else f"{status.value}, not needed by this server"
        yield Finding(f"model {name}", well, detail, "" if well else f"omote models pull {name}")


def face_mesh(settings: Settings) -> Iterator[Finding]:
    """What the face mesh runs in: our own kernel, or stock MediaPipe and why."""
    try:
        opened = open_mesh(model_store().read("face_landmarker"), settings.mesh_runtime)
    except StoreError:
        return  # a finding of its own
    except KernelUnavailable as error:
        mend = "or set mesh_runtime to auto, which runs stock MediaPipe here"
        yield Finding("face mesh", False, str(error), mend)
    else:
        yield Finding("face mesh", True, opened.words)


def estimator(settings: Settings) -> Iterator[Finding]:
    """Whether the estimator of age and gender is there, and loads."""
    try:
        DemographicsEstimator.load(find_estimator(settings.estimator), model_store())
    except (EstimatorError, StoreError) as error:
        mend = "mend it, or set another estimator; `omote models pull` fetches what is missing"
        yield Finding("estimator", False, str(error), mend)
    else:
        yield Finding("estimator", True, f"{settings.estimator} loads")


def filters(settings: Settings) -> Iterator[Finding]:
    """Filters that are installed and packs that are set: each loads."""
    for path in settings.packs:
        yield _packs_in(path)
    found = Registry(packs=settings.packs).catalogue()
    broken = [each for each in found if isinstance(each, Broken)]
    yield Finding("filters", bool(found) and not broken, f"{len(found)} found")
    for each in broken:
        mend = "mend or remove the pack or the package that it is in"
        yield Finding(f"filter {each.id}", False, each.error, mend)
    yield from _lacking(found)


def _needed(settings: Settings) -> tuple[str, ...]:
    try:
        return used(settings.estimator)
    except EstimatorError:
        return used()  # what is wrong with it is a finding of its own


def _lacking(found: Iterable[Listing | Broken]) -> Iterator[Finding]:
    """What this machine lacks for some filters; the others run without it."""
    lacking: dict[str, list[str]] = {}
    for each in found:
        if isinstance(each, Listing) and each.lack:
            lacking.setdefault(each.lack, []).append(each.id)
    for lack, ids in lacking.items():
        yield Finding("filters", True, f"cannot run here: {', '.join(ids)}", lack)


def _packs_in(path: Path) -> Finding:
    count = len(find_packs([path]))
    mend = "" if count else "a pack is a folder with a filter.yaml, or a .zip of one"
    return Finding("packs", bool(count), f"{path}: {count} found", mend)
