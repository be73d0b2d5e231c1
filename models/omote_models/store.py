"""The model store: verified files in the user's cache folder.

A file is trusted by its SHA-256 and nothing else, and a name says nothing of what lies behind
it a moment later: whoever loads a model takes the bytes of `read`, which are those that were
hashed. `read` never downloads, so that nothing is fetched while a stream runs; `pull` is the
one verb that does.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import platformdirs
from filelock import FileLock

from omote_models.carriers import Archives
from omote_models.convert import ConvertError, convert
from omote_models.fetching import ANSWER_VARIABLE, WHOLE_VARIABLE, CarrierError, Patience
from omote_models.manifest import Manifest, Model, first_existing

Progress = Callable[[str, str, int, int], None]
"""Called with model, carrier, bytes that have come and bytes that will."""

CACHE_VARIABLE = "OMOTE_CACHE"
VARIABLES: Mapping[str, str] = {
    CACHE_VARIABLE: "the folder where models are kept",
    ANSWER_VARIABLE: "seconds that a carrier of models may say nothing",
    WHOLE_VARIABLE: "seconds that a carrier may take for one model",
}
"""What is read from the environment here and in `fetching`, and what each says."""

log = logging.getLogger(__name__)


class Status(StrEnum):
    """How a model's file stands in the cache."""

    PRESENT = "present"
    MISSING = "missing"
    CORRUPT = "corrupt"


class StoreError(Exception):
    """A model cannot be had. The text says what to do."""


class UnknownModel(StoreError):
    """No model of that name is in the manifest."""


class ModelMissing(StoreError):
    """The model was never pulled."""


class ModelCorrupt(StoreError):
    """The model's file is not the one in the manifest."""


class PullError(StoreError):
    """No carrier delivered the file, or it could not be kept."""


class Store:
    """The files of one manifest in one folder."""

    def __init__(self, manifest: Manifest, folder: Path | None = None) -> None:
        self.manifest = manifest
        self.folder = cache_folder() / "models" if folder is None else folder

    def model(self, name: str) -> Model:
        """What the manifest says of a model.

        Raises:
            UnknownModel: it says nothing.
        """
        if name not in self.manifest.models:
            raise UnknownModel(f"no model {name!r}; there are {', '.join(self.manifest.models)}")
        return self.manifest.models[name]

    def read(self, name: str) -> bytes:
        """The bytes of a model: read once, and it is they that were verified.

        Raises:
            ModelMissing: it was never pulled.
            ModelCorrupt: the file is not the one in the manifest.
            StoreError: it cannot be read.
        """
        model = self.model(name)
        file = self._file(model)
        try:
            data = _bounded(file, model.bytes)
        except FileNotFoundError:
            raise _missing(model, self.folder) from None
        except OSError as error:
            raise StoreError(f"{file} cannot be read: {error}") from None
        if hashlib.sha256(data).hexdigest() != model.sha256:
            raise _corrupt(model, file)
        return data

    def path(self, name: str) -> Path:
        """The file of footage, verified now. It is played from disk; a model is `read`.

        Raises:
            ModelMissing: it was never pulled.
            ModelCorrupt: the file is not the one in the manifest.
        """
        model = self.model(name)
        status = self._status(model)
        if status is Status.MISSING:
            raise _missing(model, self.folder)
        if status is Status.CORRUPT:
            raise _corrupt(model, self._file(model))
        return self._file(model)

    def status(self, name: str) -> Status:
        """How the file stands, by its hash."""
        return self._status(self.model(name))

    def pull(self, name: str, progress: Progress | None = None) -> Path:
        """The file of a model, fetched where it is missing or corrupt.

        Raises:
            PullError: no carrier delivered it, or it could not be kept.
        """
        return self.pull_all([name], progress)[name]

    def pull_all(
        self, names: Iterable[str] | None = None, progress: Progress | None = None
    ) -> Mapping[str, Path]:
        """The files of several models, or of all; one that fails does not stop the others.

        How long each carrier may take is said by the environment; see `Patience`.

        Raises:
            PullError: some could not be had; the text tells of each.
        """
        try:
            patience = Patience.of(os.environ)
        except ValueError as error:
            raise PullError(str(error)) from None
        wanted = [self.model(name) for name in self.manifest.models if names is None]
        wanted += [self.model(name) for name in names or ()]
        paths: dict[str, Path] = {}
        failures: list[str] = []
        with TemporaryDirectory(prefix="omote-") as scratch:
            archives = Archives(Path(scratch), patience)
            for model in wanted:
                try:
                    paths[model.name] = self._pull(model, archives, progress or _silent)
                except PullError as error:
                    failures.append(str(error))
        if failures:
            raise PullError("\n".join(failures))
        return paths

    def _file(self, model: Model) -> Path:
        return self.folder / model.file

    def _status(self, model: Model) -> Status:
        file = self._file(model)
        if not file.is_file():
            return Status.MISSING
        try:
            return Status.PRESENT if _sha256(file) == model.sha256 else Status.CORRUPT
        except OSError as error:
            raise StoreError(f"{file} cannot be read: {error}") from None

    def _pull(self, model: Model, archives: Archives, progress: Progress) -> Path:
        # A folder that holds the file already may well be read-only: look before locking.
        if self._status(model) is Status.PRESENT:
            return self._file(model)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / f".{model.file}.lock"):
                # Another process may have pulled it while this one waited.
                if self._status(model) is not Status.PRESENT:
                    self._fetch(model, archives, progress)
        # NotImplementedError: the file system has no locks.
        except (OSError, NotImplementedError) as error:
            raise PullError(f"{model.name} cannot be kept in {self.folder}: {error}") from None
        return self._file(model)

    def _fetch(self, model: Model, archives: Archives, progress: Progress) -> None:
        """The file appears whole and verified, or not at all."""
        if model.made is None:
            return self._carry(model, archives, progress)
        for part in model.made.of:
            self._pull(self.model(part), archives, progress)
        progress(model.name, f"its parts, by {model.made.by}", model.bytes, model.bytes)
        draft = self.folder / f".{model.file}.part"
        try:
            parts = [self.read(part) for part in model.made.of]
            draft.write_bytes(convert(model.made.by, parts))
            _verify(draft, model.sha256)
            draft.replace(self._file(model))
        except (ConvertError, CarrierError, ModelCorrupt, ModelMissing) as error:
            raise PullError(f"{model.name} could not be made: {error}") from None
        finally:
            draft.unlink(missing_ok=True)

    def _carry(self, model: Model, archives: Archives, progress: Progress) -> None:
        """Have the carriers try in turn."""
        part = self.folder / f".{model.file}.part"
        failures: list[str] = []
        try:
            for carrier in model.carriers:
                report = partial(progress, model.name, carrier.label)
                report(0, model.bytes)
                try:
                    carrier.fetch(part, model.bytes, archives, report)
                    _verify(part, model.sha256)
                except CarrierError as error:
                    failures.append(f"{carrier.label}: {error}")
                else:
                    part.replace(self._file(model))
                    return _tell(model, failures)
        finally:
            part.unlink(missing_ok=True)
        raise PullError(_lament(model, failures))


def cache_folder() -> Path:
    """Where Omote keeps what it downloads: $OMOTE_CACHE, else the user's cache folder."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser()
    return platformdirs.user_cache_path("omote", appauthor=False)


def model_store() -> Store:
    """The models that this version of Omote was built for."""
    here = Path(__file__).resolve().parent
    manifest = first_existing(here / "manifest.toml", here.parent / "manifest.toml")
    return Store(Manifest.read(manifest))


def _bounded(file: Path, size: int) -> bytes:
    """What a file holds; of one that is too long only enough to tell."""
    with file.open("rb") as stream:
        return stream.read(size + 1)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _verify(file: Path, sha256: str) -> None:
    found = _sha256(file)
    if found != sha256:
        raise CarrierError(f"refused: its SHA-256 is {found}, not {sha256}")


def _tell(model: Model, failures: list[str]) -> None:
    for failure in failures:
        log.warning("%s: passed over %s", model.name, failure)


def _lament(model: Model, failures: list[str]) -> str:
    heading = f"{model.name} could not be pulled. Tried, in this order:"
    return "\n  ".join([heading, *failures])


def _missing(model: Model, folder: Path) -> ModelMissing:
    return ModelMissing(f"{model.name} is not in {folder}. Run `{_command(model)}`.")


def _corrupt(model: Model, file: Path) -> ModelCorrupt:
    return ModelCorrupt(
        f"{file} is not the {model.name} that Omote knows (its SHA-256 differs). "
        f"Run `{_command(model)}` to replace it."
    )


def _command(model: Model) -> str:
    footage = "--footage " if model.kind == "footage" else ""
    return f"omote models pull {footage}{model.name}"


def _silent(model: str, carrier: str, done: int, total: int) -> None:
    pass
