"""`omote filters validate|new|pack`: filters written as data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import typer

from omote_filters.listing import Listing
from omote_filters.packs.load import load_pack, open_pack
from omote_filters.packs.source import NAME, PREVIEW, PackError
from omote_filters.registry import Registry
from omote_server.cli.common import Packs, packs_or_configured
from omote_server.cli.terminal import console, epilog, errors, fail, print_json

app = typer.Typer()

_EPOCH = (1980, 1, 1, 0, 0, 0)

_PACK = """\
# Edit, then: omote filters validate {id}
# and see it: omote apply {id} --packs {id} IN OUT --demographics
id: {id}
name: {name}
version: "1.0.0"
description: A look that depends on a smile and on the age.
parameters:
  lips: {{colour: "#b3123f", label: Lips}}
layers:
  - filter: lipstick
    settings:
      colour: {{param: lips}}
      coverage: {{over: age, points: [[16, 0], [25, 0.5], [60, 0.8]], unknown: 0.3}}
  - filter: blush
    settings: {{strength: 0.5}}
    when: {{smile: {{enter: 0.4, leave: 0.25}}, hold_ms: 500}}
    fade_ms: 400
"""

_PLUGIN = '''\
"""{name}: a filter for Omote."""

from __future__ import annotations

import cv2

from omote_filters import Appearance, Filter, FilterSettings, Scene, Stage, slider


class {cls}(Filter):
    """A soft focus on every face."""

    id, name, appearance, stage = "{id}", "{name}", Appearance.NOVELTY, Stage.GRADE

    class Settings(FilterSettings):
        blur: float = slider(0.05, 0, 0.2, label="Blur", hint="In face widths.")

    def apply(self, scene: Scene) -> None:
        for face in scene.faces:
            crop = scene.edit(face.box)
            if crop.size:
                crop[:] = cv2.GaussianBlur(crop, (0, 0), 0.1 + self.settings.blur * face.width)
'''

_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{dashed}"
version = "1.0.0"
dependencies = ["omote[server]"]

[project.entry-points."omote.filters"]
{id} = "{id}:{cls}"
"""


@app.command(epilog=epilog("omote filters validate mypack", {1: "a pack is wrong"}))
def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="PACK…", exists=True)],
    packs: Packs = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Check packs: folders, .zip files or YAML files."""
    registry = Registry(packs=packs_or_configured(packs))
    found = {path: _problems(path, registry) for path in paths}
    if as_json:
        print_json([{"pack": str(path), "problems": list(found[path])} for path in found])
    else:
        for path, problems in found.items():
            print_problems(problems)
            if not problems:
                console.print(f"{path}: good")
    if any(found.values()):
        raise typer.Exit(1)


def print_problems(problems: Sequence[str]) -> None:
    """What is wrong with a pack, a line each."""
    for problem in problems:
        errors.print(problem, style="red", soft_wrap=True)


def _problems(path: Path, registry: Registry) -> list[str]:
    try:
        loaded(path, registry)
    except PackError as error:
        return error.problems
    return []


def loaded(path: Path, registry: Registry | None = None) -> Listing:
    """A pack, with the filters of a registry; those that are installed by default.

    Raises:
        PackError: everything that is wrong with it.
    """
    return load_pack(path, (registry or Registry()).find)


@app.command(epilog=epilog("omote filters new summer_look"))
def new(
    filter_id: Annotated[str, typer.Argument(metavar="ID")],
    plugin: Annotated[bool, typer.Option("--plugin", help="A Python package instead.")] = False,
    folder: Annotated[Path, typer.Option(file_okay=False, help="Where its folder goes.")] = Path(),
) -> None:
    """Begin a pack, or a plugin in Python, that works at once."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", filter_id):
        fail("an id is lower case letters, digits and underscores", code=2)
    place = folder / filter_id
    if place.exists():
        fail(f"{place} is there already", code=2)
    words = {
        "id": filter_id,
        "name": filter_id.replace("_", " ").capitalize(),
        "cls": "".join(part.capitalize() for part in filter_id.split("_")),
        "dashed": filter_id.replace("_", "-"),
    }
    files = {"filter.yaml": _PACK}
    if plugin:
        files = {f"{filter_id}.py": _PLUGIN, "pyproject.toml": _PROJECT}
    place.mkdir(parents=True)
    for name, text in files.items():
        (place / name).write_text(text.format(**words), encoding="utf-8")
    then = f"pip install -e {place}" if plugin else f"omote filters validate {place}"
    console.print(f"made {place}; next: {then}")


@app.command(epilog=epilog("omote filters pack summer_look", {1: "the pack is wrong"}))
def pack(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", exists=True, file_okay=False)],
    out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, show_default="FOLDER.zip", help="The file to make."),
    ] = None,
) -> None:
    """Check a pack's folder and make a .zip of it, the same bytes every time."""
    try:
        listing = loaded(folder)
        written, bundle = open_pack(folder)
    except PackError as error:
        fail("\n  ".join(error.problems))
    names = [NAME, *sorted(written.assets), *([PREVIEW] if listing.preview() else [])]
    target = out or folder.resolve().with_suffix(".zip")
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for name in names:
            member = ZipInfo(name, _EPOCH)
            member.compress_type = ZIP_DEFLATED
            archive.writestr(member, bundle.asset(name))
    console.print(f"wrote {target}")
