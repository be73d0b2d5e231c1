"""The pinned footage that the demo, the benchmark and the tests run on."""

from __future__ import annotations

from pathlib import Path

from omote_models.manifest import Manifest, first_existing
from omote_models.store import Store, cache_folder


def footage_store() -> Store:
    """The footage that this version of Omote was tested on."""
    here = Path(__file__).resolve().parents[1]
    sources = here.parents[1] / "tests" / "assets.toml"
    manifest = first_existing(here / "assets.toml", sources)
    return Store(Manifest.read(manifest), cache_folder() / "footage")
