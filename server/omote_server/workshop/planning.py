"""Many files, folders and patterns as errands: what becomes of each, and what is left out."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omote_models.pictures import sort_of
from omote_server.media.files import MediaError, is_folder
from omote_server.workshop.filing import Errand, ending_for, recognised, same_file


@dataclass(slots=True)
class Plan:
    """What is to be done.

    Attributes:
        errands: what is to be filtered, in the order of the command line.
        done: what is there already, and newer than its source.
        problems: source → why nothing can be made of it.
        passed: files in folders that are neither pictures nor videos.
    """

    errands: list[Errand] = field(default_factory=list)
    done: list[Errand] = field(default_factory=list)
    problems: dict[Path, str] = field(default_factory=dict)
    passed: list[Path] = field(default_factory=list)


def expanded(names: Sequence[Path]) -> list[Path]:
    """Names as they are; one that there is not, and that is a pattern, as what it stands for.

    Raises:
        MediaError: there is no such file.
    """
    found: list[Path] = []
    for name in names:
        text = os.fspath(name)
        # A file may well be called [1].jpg.
        if os.path.lexists(text):
            found.append(name)
            continue
        # As a shell does it; pathlib's has no absolute patterns.
        matched = sorted(glob.glob(text, recursive=True)) if glob.has_magic(text) else []  # noqa: PTH207
        if not matched:
            what = "file that fits" if glob.has_magic(text) else "file or folder"
            raise MediaError(f"there is no {what} {text}")
        found.extend(map(Path, matched))
    return list(dict.fromkeys(found))


def plan(sources: Sequence[Path], out: Path, *, overwrite: bool = False) -> Plan:
    """What becomes of files and folders in the folder `out`.

    What lies in a folder keeps its place below it; of several files and folders everything keeps
    its place below the folder that they have in common. A file is written when it is whole and not
    before, so one that is there and newer than its source is done.

    Args:
        sources: files and folders.
        out: where it goes; it need not be there.
        overwrite: do again what is there.
    """
    made = Plan()
    inputs: dict[tuple[int, int], Path] = {}
    found = []
    for source, place in _files(sources, out, made):
        try:
            status = source.stat()
        except OSError as error:
            made.problems[source] = error.strerror or str(error)
            continue
        inputs.setdefault((status.st_dev, status.st_ino), source)
        found.append((source, place))
    taken: set[str] = set()
    for source, place in found:
        try:
            errand = Errand(source, _free(source, out / place, taken))
            done = _is_done(errand, inputs, overwrite)
        except MediaError as error:
            made.problems[source] = str(error)
            continue
        (made.done if done else made.errands).append(errand)
    return made


def _files(sources: Sequence[Path], out: Path, made: Plan) -> Iterator[tuple[Path, Path]]:
    """Every file once, with its place below `out`."""
    base = _common(sources)
    seen: set[str] = set()
    for source in sources:
        folder = is_folder(source)
        for path in _below(source, out) if folder else (source,):
            absolute = os.path.normpath(path.absolute())
            if absolute in seen:
                continue
            seen.add(absolute)
            if folder and sort_of(path) is None:
                made.passed.append(path)
            else:
                yield path, Path(os.path.relpath(absolute, base))


def _common(sources: Sequence[Path]) -> str:
    """The folder that everything keeps its place below."""
    alone = len(sources) == 1 and is_folder(sources[0])
    # Links are names like others here: `resolve` would follow them.
    places = [Path(os.path.normpath(source.absolute())) for source in sources]
    return os.fspath(places[0]) if alone else os.path.commonpath([p.parent for p in places])


def _below(folder: Path, out: Path) -> Iterator[Path]:
    """The files of a folder, without hidden ones and without what was made of it."""
    for name, folders, files in os.walk(folder):
        here = Path(name)
        folders[:] = sorted(
            f for f in folders if not f.startswith(".") and not same_file(here / f, out)
        )
        for file in sorted(files):
            path = here / file
            # What is no file, a pipe say, would be waited for.
            if not file.startswith(".") and path.is_file():
                yield path


def _free(source: Path, place: Path, taken: set[str]) -> Path:
    """A name that no other file of the plan gets, on any file system."""
    ending = ending_for(recognised(source), place)
    own = place.with_suffix(ending) if place.suffix else place.with_name(place.name + ending)
    for target in (own, place.with_name(place.name + ending)):
        key = os.fspath(target).casefold()
        if key not in taken:
            taken.add(key)
            return target
    raise MediaError(f"another file becomes {own} already; give one of them another name")


def _is_done(errand: Errand, inputs: dict[tuple[int, int], Path], overwrite: bool) -> bool:
    target = errand.target
    try:
        there = target.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise MediaError(f"{target} cannot be written: {error.strerror}") from None
    if original := inputs.get((there.st_dev, there.st_ino)):
        raise MediaError(f"{target} is {original}, one of the files to be filtered")
    if overwrite:
        return False
    if there.st_mtime_ns < errand.source.stat().st_mtime_ns:
        raise MediaError(f"{target} is there and older than its source; --overwrite replaces it")
    return True
