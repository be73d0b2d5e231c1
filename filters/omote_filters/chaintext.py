"""A chain as it is written on a command line.

`lipstick`, `lipstick:coverage=0.8,colour=#aa1133+hat`, or `sticker:{"text": "1 + 1, 2"}`.
A "+" or a "," inside quotes or brackets belongs to the value: `sticker:text="1 + 1, 2"`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from omote_filters.words import ChainEntry, ChainError, Violation

_CLOSING = {"{": "}", "[": "]"}


def parse_chain(texts: Sequence[str]) -> tuple[ChainEntry, ...]:
    """Several filters, each as its own text or joined by "+".

    Raises:
        ChainError: a name is missing, or settings cannot be read.
    """
    parts = [part.strip() for text in texts for part in _split(text, "+")]
    if not all(parts):
        raise _error("chain", "name at least one filter, and one on each side of a +")
    return tuple(_entry(part) for part in parts)


def _entry(text: str) -> ChainEntry:
    filter_id, _, settings = text.partition(":")
    return ChainEntry(filter_id.strip(), _settings(settings.strip(), filter_id.strip()))


def _settings(text: str, filter_id: str) -> dict[str, object]:
    if not text:
        return {}
    if text.startswith("{"):
        return _json(text, filter_id)
    pairs = [part.partition("=") for part in _split(text, ",")]
    for name, equals, _ in pairs:
        if not equals:
            raise _error(filter_id, f"write settings as NAME=VALUE, not {name.strip()!r}")
    return {name.strip(): _value(value.strip()) for name, _, value in pairs}


def _json(text: str, filter_id: str) -> dict[str, object]:
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise _error(filter_id, f"settings are not a JSON object: {error}") from None


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _split(text: str, separator: str) -> list[str]:
    """Split at separators that stand outside of quotes and brackets."""
    parts, start = [], 0
    open_: list[str] = []
    quoted = escaped = False
    for place, sign in enumerate(text):
        if quoted:
            quoted = escaped or sign != '"'
            escaped = sign == "\\" and not escaped
        elif sign == '"':
            quoted = True
        elif sign in _CLOSING:
            open_.append(_CLOSING[sign])
        elif open_ and sign == open_[-1]:
            open_.pop()
        elif sign == separator and not open_:
            parts.append(text[start:place])
            start = place + 1
    if quoted or open_:
        raise _error("chain", f"something is not closed in {text!r}: a quote or a bracket")
    return [*parts, text[start:]]


def _error(field: str, text: str) -> ChainError:
    return ChainError([Violation(field, text)])
