"""What comes with an extra is declared, and whoever lacks it is told so."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from omote_models.extras import EXTRAS, lament

_PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("module", EXTRAS)
def test_an_extra_brings_what_it_is_named_for(module: str) -> None:
    wanted = _PROJECT["optional-dependencies"][EXTRAS[module].name]
    names = {re.split(r"[\[<>=]", need)[0] for need in wanted}
    names |= {name.replace("-", "_") for name in names}
    # Where it is not installed, it is called as it is imported.
    assert names & {*packages_distributions().get(module, []), module}
    assert f"'omote[{EXTRAS[module].name}]'" in lament(module)


def test_a_part_of_a_package_is_missing_with_the_package() -> None:
    assert lament("av.error") == lament("av")


def test_what_no_extra_brings_belongs_to_the_server() -> None:
    assert "'omote[server]'" in lament("typer")
    assert "'omote[server]'" in lament(None)
