"""Chains as they are written on a command line."""

from __future__ import annotations

import pytest

from omote_filters.chaintext import parse_chain
from omote_filters.words import ChainEntry, ChainError


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("lipstick", [("lipstick", {})]),
        ("hat + crown", [("hat", {}), ("crown", {})]),
        (
            "lipstick:coverage=0.8,colour=#aa1133",
            [("lipstick", {"coverage": 0.8, "colour": "#aa1133"})],
        ),
        ('lipstick:{"coverage": 1}+hat', [("lipstick", {"coverage": 1}), ("hat", {})]),
        ('sticker:text="1 + 1, 2"+hat', [("sticker", {"text": "1 + 1, 2"}), ("hat", {})]),
        ('sticker:{"text": "a } + \\" b"}', [("sticker", {"text": 'a } + " b'})]),
        ("sticker:text=plain words", [("sticker", {"text": "plain words"})]),
        ("sticker:text=", [("sticker", {"text": ""})]),
    ],
)
def test_read(text: str, entries: list[tuple[str, dict[str, object]]]) -> None:
    assert parse_chain([text]) == tuple(ChainEntry(name, given) for name, given in entries)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "at least one filter"),
        ("hat+", "at least one filter"),
        ("lipstick:coverage", "NAME=VALUE"),
        ('lipstick:{"a" 1}', "not a JSON object"),
        ("lipstick:{" + "[" * 5000 + "]" * 5000 + "}", "not a JSON object"),
        ('sticker:text="open', "not closed"),
        ("sticker:{", "not closed"),
    ],
)
def test_refused(text: str, told: str) -> None:
    with pytest.raises(ChainError, match=told):
        parse_chain([text])
