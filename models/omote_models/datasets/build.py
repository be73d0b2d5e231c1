"""Makes a data set of faces, or adds to one."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from omote_models.datasets.collect import Collector, Found, Frames, Identity, dataset_of
from omote_models.datasets.copies import Pair, alike
from omote_models.datasets.licences import checked_licence
from omote_models.datasets.manifest import (
    FACES,
    Entry,
    Manifest,
    ManifestProblem,
    Split,
    hold,
    manifest_of,
    read_manifest,
    write_manifest,
)
from omote_models.datasets.people import split_people


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How a data set is made.

    Attributes:
        name: of the data set.
        licence, consent: on record; see `Manifest`. What a source that is a data set has on
            record is kept beside them.
        identity: what tells one person from another: the folder that a picture is in, each file,
            or the file's name up to the first "_". A video is one person's whatever it is.
        validation, test: parts of the people, 0 to 1.
        seed: of the split.
        date: of today.
    """

    name: str
    licence: str
    consent: str
    identity: Identity = "folder"
    validation: float = 0.15
    test: float = 0.15
    seed: int = 1
    date: str = ""


@dataclass(slots=True)
class Built:
    """What was made.

    Attributes:
        manifest: of the whole data set.
        added: how many faces are new in it.
        problems: what was left out and why: "WHERE: WHAT".
    """

    manifest: Manifest
    added: int
    problems: list[str] = field(default_factory=list)


def build(
    sources: Sequence[Path],
    out: Path,
    face_model: bytes,
    frames: Frames,
    options: BuildOptions,
    on_file: Callable[[Path], None] = lambda path: None,
) -> Built:
    """Make a data set; its folder appears when it is whole, or not at all.

    Labels are taken over where a source is a data set that `omote evaluate` reads. Of a data set
    of Omote's the pictures, identities and splits are taken over, too.

    Raises:
        ManifestProblem: there is no licence or consent, no face, or the folder is there already.
    """
    options = _on_record(sources, options)
    if out.exists():
        raise ManifestProblem(
            f"{out} is there already; give another name, or use `omote dataset add`"
        )
    collector = Collector(face_model, frames, options.identity, on_file)
    found = list(collector.faces(sources))
    if not found:
        raise ManifestProblem(f"no face that can be used in {', '.join(map(str, sources))}")
    copies = _copies(found)
    kept = _unique(found, copies, collector.problems)
    splits = _splits(found, copies, kept, options, collector.problems)
    beside = out.with_name(out.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    (beside / FACES).mkdir(parents=True)
    samples = [_written(beside, number, found[n], splits[n]) for number, n in enumerate(kept)]
    manifest = manifest_of(
        {"name": options.name, **_record(collector, options), "samples": samples}, out
    )
    manifest.changed(options.date, f"built of {len(samples)} faces")
    write_manifest(beside, manifest)
    beside.rename(out)
    return Built(manifest, len(samples), collector.problems)


def extend(
    folder: Path,
    sources: Sequence[Path],
    face_model: bytes,
    frames: Frames,
    options: BuildOptions,
    on_file: Callable[[Path], None] = lambda path: None,
) -> Built:
    """Add faces to a data set; those that are in it keep their picture, label and identity.

    Who is in it already stays in their split. A photograph that is in it is not added again; it
    gives its label to one that had none.

    The folder changes when everything is found, or not at all. The options' name is not looked
    at, and their parts are those of everybody.

    Raises:
        ManifestProblem: it is no data set, its pictures are not those that were labelled, another
            command is changing it, or there is no licence or consent for what is added.
        OSError: it cannot be written to.
    """
    options = _on_record(sources, options)
    lock = hold(folder)
    try:
        collector = Collector(face_model, frames, options.identity, on_file)
        return _extended(folder, sources, collector, options)
    finally:
        lock.release()


def _extended(
    folder: Path, sources: Sequence[Path], collector: Collector, options: BuildOptions
) -> Built:
    before = read_manifest(folder)
    standing = list(collector.of_set(folder))
    if len(standing) < len(before.samples):
        raise ManifestProblem(
            f"pictures of {folder} are missing or changed; `omote dataset check` says which"
        )
    found = [*standing, *collector.faces(sources)]
    copies = _copies(found)
    kept = _unique(found, copies, collector.problems, len(standing))
    splits = _splits(found, copies, kept, options, collector.problems)
    samples = [
        entry.model_copy(update={"split": splits[n], **asdict(found[n].label)})
        for n, entry in enumerate(before.samples)
    ]
    new = kept[len(standing) :]
    if not new and samples == before.samples:
        return Built(before, 0, collector.problems)
    with _numbered(folder) as (first, written):
        for number, n in enumerate(new, first):
            written.append(_written(folder, number, found[n], splits[n]))
        record = _record(collector, options)
        values = {**before.model_dump(), **record, "samples": [*samples, *written]}
        after = manifest_of(values, folder)
        after.changed(options.date, f"{len(new)} faces added")
        write_manifest(folder, after)
    return Built(after, len(new), collector.problems)


@contextmanager
def _numbered(folder: Path) -> Iterator[tuple[int, list[Entry]]]:
    """The first free number, and a list of what is written: it is removed where all fails."""
    there = [int(p.stem) for p in (folder / FACES).glob("*.jpg") if p.stem.isdecimal()]
    (folder / FACES).mkdir(exist_ok=True)
    written: list[Entry] = []
    try:
        yield max(there, default=-1) + 1, written
    except BaseException:
        for entry in written:
            (folder / entry.file).unlink(missing_ok=True)
        raise


def _on_record(sources: Sequence[Path], options: BuildOptions) -> BuildOptions:
    """The options with a licence that means something; both may be left to data sets alone.

    Raises:
        ManifestProblem: the licence or the consent is missing, or means nothing.
    """
    brought = all(dataset_of(source) for source in sources)
    licence, consent = options.licence.strip(), options.consent.strip()
    if not (brought and not licence):
        licence = checked_licence(licence)
    if len(consent) < 3 and not (brought and not consent):
        raise ManifestProblem(
            "say how the people agreed to be in it (--consent), such as 'all signed the form of "
            "2026-11-01': a data set without it must not be used"
        )
    return replace(options, licence=licence, consent=consent)


def _record(collector: Collector, options: BuildOptions) -> dict[str, str]:
    """Licence and consent of everything that was collected, each said once."""
    licences = [*(m.licence for m in collector.manifests), options.licence]
    consents = [*(m.consent for m in collector.manifests), options.consent]
    said = {"licence": licences, "consent": consents}
    return {word: "; ".join(filter(None, dict.fromkeys(texts))) for word, texts in said.items()}


def _copies(found: Sequence[Found]) -> list[Pair]:
    return list(alike(np.stack([each.print for each in found])))


def _splits(
    found: Sequence[Found],
    copies: Sequence[Pair],
    kept: Sequence[int],
    options: BuildOptions,
    problems: list[str],
) -> dict[int, Split]:
    shares: dict[Split, float] = {"validation": options.validation, "test": options.test}
    return split_people(found, copies, kept, shares, options.seed, problems)


def _unique(
    found: Sequence[Found], copies: Sequence[Pair], problems: list[str], standing: int = 0
) -> list[int]:
    """Which faces to keep: of copies the first; of one with two labels none.

    The first `standing` ones are kept whatever comes; one without a label takes a copy's.
    """
    dropped: set[int] = set()
    for one, other in copies:
        if one in dropped or other in dropped or other < standing:
            continue
        a, b = found[one], found[other]
        if one < standing:
            problems.append(_told_of_standing(a, b))
            if a.label.weight < b.label.weight:
                a.label = b.label
            dropped.add(other)
        elif not a.label.agrees(b.label):
            problems.append(f"{a.source} and {b.source}: one photograph, two labels; both left out")
            dropped |= {one, other}
        else:
            problems.append(f"{b.source}: the same photograph as {a.source}")
            dropped.add(one if a.label.weight < b.label.weight else other)
    return [n for n in range(len(found)) if n not in dropped]


def _told_of_standing(standing: Found, new: Found) -> str:
    same = f"{new.source}: the same photograph as {standing.source}"
    if standing.label.weight < new.label.weight:
        return f"{same}, which takes its label"
    return same if standing.label.agrees(new.label) else f"{same}, which keeps its own label"


def _written(folder: Path, number: int, found: Found, split: Split) -> Entry:
    file = f"{FACES}/{number:06d}.jpg"
    (folder / file).write_bytes(found.data)
    return Entry(
        file=file,
        sha256=hashlib.sha256(found.data).hexdigest(),
        source=found.source,
        identity=found.identity,
        split=split,
        **asdict(found.label),
    )
