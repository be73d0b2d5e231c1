"""What filters say to the host app: checked as it is said, so that nothing later can fail."""

from __future__ import annotations

import math
from collections.abc import Mapping

from omote_filters.words import Event

MOST_EVENTS = 64
"""Of one filter in one frame."""
MOST_BYTES = 16 * 1024
"""Of what one filter says in one frame, eight for a number. Each filter has its own allowance:
one that chatters must not silence the next."""
_LONGEST_NAME = 64


class Speech:
    """The events of one frame, in the order they were said."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._speaker = ""
        self._said = 0
        self._bytes = 0

    @property
    def events(self) -> list[Event]:
        """What was said so far."""
        return list(self._events)

    def begin(self, speaker: str) -> int:
        """Another filter speaks; the mark to `undo` to."""
        self._speaker, self._said, self._bytes = speaker, 0, 0
        return len(self._events)

    def undo(self, mark: int) -> None:
        """Take back what was said since."""
        del self._events[mark:]

    def say(self, name: str, payload: Mapping[str, object]) -> None:
        """Add an event.

        Raises:
            TypeError, ValueError: it cannot be sent, or it is too much.
        """
        event = Event(_name(name), {_name(k): _value(k, v) for k, v in payload.items()})
        self._said += 1
        self._bytes += size(event)
        if self._said > MOST_EVENTS or self._bytes > MOST_BYTES:
            raise ValueError(f"a filter says at most {MOST_EVENTS} events, {MOST_BYTES} bytes")
        self._events.append(Event(event.name, event.payload, self._speaker))


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError("names in events are texts")
    if not 0 < len(name) <= _LONGEST_NAME:
        raise ValueError(f"names in events have 1 to {_LONGEST_NAME} characters")
    return _text(name)


def _value(name: str, value: object) -> object:
    """The value as a plain one: a subclass may behave in any way later."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, int | float):
        raise TypeError(f"{name[:64]} must be a number, boolean or string")
    try:
        finite = math.isfinite(number := float(value))
    except OverflowError:
        finite = False
    if not finite:
        raise ValueError(f"{name[:64]} must be a finite number")
    return int(value) if isinstance(value, int) else number


def _text(text: str) -> str:
    if len(text) > MOST_BYTES:
        raise ValueError(f"a text in an event has at most {MOST_BYTES} characters")
    plain = str.__str__(text)
    plain.encode()  # a lone surrogate is a ValueError here, and no wire can carry it
    return plain


def size(event: Event) -> int:
    """Bytes of what it says, eight for a number."""
    texts = [event.name, *event.payload, *(v for v in event.payload.values() if type(v) is str)]
    return sum(len(text.encode()) for text in texts) + 8 * len(event.payload)
