"""Errors that end a call, named by who must act. The service turns them into gRPC statuses."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from omote_filters.words import Violation

_MOST_VIOLATIONS = 12
_LONGEST_TEXT = 1000
_LONGEST_PART = 300


class CallError(Exception):
    """Base: a text for the client, and never anything else."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class InvalidRequest(CallError):
    """The client's mistake, with the path of each field that is wrong."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        """Take over what is wrong; cut to what fits into a status's trailing metadata."""
        self.violations = tuple(_short(v) for v in islice(violations, _MOST_VIOLATIONS))
        told = "; ".join(f"{v.field}: {v.description}" for v in self.violations)
        super().__init__(_cut(told, _LONGEST_TEXT))

    @classmethod
    def at(cls, field: str, description: str) -> InvalidRequest:
        """One violation."""
        return cls([Violation(field, description)])

    def under(self, prefix: str) -> InvalidRequest:
        """The same with each path inside another message."""
        return InvalidRequest(
            Violation(f"{prefix}.{v.field}", v.description) for v in self.violations
        )


class Stranger(CallError):
    """The client did not show the server's token."""


class OutOfOrder(CallError):
    """The client's mistake: a message at the wrong time."""


class TooSlow(CallError):
    """The client said nothing for too long."""


class Busy(CallError):
    """The server is full; try again after `retry_seconds`."""

    def __init__(self, text: str, retry_seconds: float) -> None:
        super().__init__(text)
        self.retry_seconds = retry_seconds


class Lacking(InvalidRequest):
    """What is asked for makes sense, and this machine lacks what it takes."""


class Leaving(CallError):
    """The server shuts down; open a new stream elsewhere."""


class Stuck(CallError):
    """A filter hangs: this frame, and so this stream, cannot be answered."""


def _short(violation: Violation) -> Violation:
    return Violation(
        _cut(violation.field, _LONGEST_PART), _cut(violation.description, _LONGEST_PART)
    )


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
