"""Colour tables: .cube files good and bad, and how exactly pictures are graded."""

from __future__ import annotations

import numpy as np
import pytest
from heads import noise

from omote_filters.draw.lut import MOST_BYTES, CubeError, Lut, parse_cube


def cube(size: int = 3, head: str = "") -> str:
    """The text of a table that swaps red and blue."""
    steps = np.linspace(0, 1, size)
    rows = [f"{b:.6f} {g:.6f} {r:.6f}" for b in steps for g in steps for r in steps]
    return "\n".join(['TITLE "swap"', "# a comment", head, f"LUT_3D_SIZE {size}", *rows])


def test_a_cube_is_read_and_interpolated_exactly() -> None:
    colours = np.random.default_rng(1).random((500, 3), np.float32)
    np.testing.assert_allclose(parse_cube(cube()).at(colours), colours[:, ::-1], atol=1e-5)


def test_a_picture_takes_the_colours_of_the_table() -> None:
    picture = noise()
    graded = Lut.of_cube(cube(17)).graded(picture)
    assert np.abs(graded.astype(int) - picture[:, :, ::-1]).max() <= 5


def test_a_gradient_stays_smooth() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    graded = Lut.of(lambda c: c**1.5).graded(np.ascontiguousarray(ramp))
    wanted = 255 * (np.arange(256) / 255) ** 1.5
    assert np.abs(graded[0, :, 0] - wanted).max() <= 2
    assert (np.diff(graded[0, :, 1].astype(int)) >= 0).all()


def test_the_domain_counts() -> None:
    wide = parse_cube(cube(head="DOMAIN_MIN -1 -1 -1\nDOMAIN_MAX 1 1 1"))
    np.testing.assert_allclose(wide.at(np.zeros((1, 3), np.float32)), [[0.5, 0.5, 0.5]])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no LUT_3D_SIZE"),
        ("LUT_1D_SIZE 4", "line 1: this is a 1D table"),
        ("LUT_3D_SIZE 1000", "line 1: LUT_3D_SIZE must be a whole number from 2 to 65"),
        ("LUT_3D_SIZE two", "LUT_3D_SIZE"),
        ("LUT_3D_SIZE 2\n0 0 0", "1 colours where LUT_3D_SIZE 2 asks for 8"),
        ("LUT_3D_SIZE 2\n" + "0 0 0\n" * 9, "line 10: more than"),
        ("LUT_3D_SIZE 2\n0 0", "line 2: three finite numbers"),
        ("LUT_3D_SIZE 2\nnan 0 0", "line 2: three finite numbers"),
        ("0 0 0", "line 1: a colour stands before LUT_3D_SIZE"),
        ("HELLO 2", "line 1: the keyword 'HELLO' is not known"),
        (cube(head="DOMAIN_MAX 0 0 0"), "DOMAIN_MIN"),
    ],
)
def test_a_bad_cube_says_what_to_mend(text: str, says: str) -> None:
    with pytest.raises(CubeError, match=says):
        parse_cube(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("LUT_3D_SIZE 1000000000", "whole number from 2 to 65"),
        ("LUT_3D_SIZE 000002" + "9" * 5000, "whole number from 2 to 65"),
        ("LUT_3D_SIZE 2\nLUT_3D_SIZE 65", "second time"),
        ("LUT_3D_SIZE 2\n" + "1" * 400 + " 0 0", "line 2: three finite numbers"),
        ("LUT_3D_SIZE 2\n" + "1" * 4_000_000, "line 2: three finite numbers"),
        ("LUT_3D_SIZE 2\n" + "0 " * 1_000_000, "line 2: three finite numbers"),
        ("LUT_3D_SIZE 2\n1e999 0 0", "line 2: three finite numbers"),
        ("\n" * 5_000_000, "more than 284,625 lines"),
        (" " * (MOST_BYTES + 1), "larger than 16 MiB"),
        (cube(head="DOMAIN_MIN 1 1 1\nDOMAIN_MAX 1.00000001 2 2"), "DOMAIN_MIN"),
        (cube(head="DOMAIN_MIN 0 0 0\nDOMAIN_MAX 1e-300 1 1"), "DOMAIN_MIN"),
        (cube(head="DOMAIN_MIN nan 0 0"), "three finite numbers"),
    ],
)
def test_a_hostile_cube_is_refused(text: str, says: str) -> None:
    with pytest.raises(CubeError, match=says):
        Lut.of_cube(text)
