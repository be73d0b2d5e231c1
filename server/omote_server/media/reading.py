"""A handle that one thread reads and another may close."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from threading import Lock
from types import TracebackType
from typing import Self, TypeVar

Step = TypeVar("Step")


class Closing(ABC):
    """Something that is opened by whoever makes it, and closed at the end of a `with`."""

    @abstractmethod
    def close(self) -> None:
        """Let go, as often as you like."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Reading:
    """Native memory that is let go by whoever leaves it last.

    A decoder that is closed in the middle of a frame takes the process with it. So who closes
    while another thread reads only says stop, and that thread lets go when it comes back: nobody
    waits for a camera that does not answer, and nothing is read that is gone.
    """

    def __init__(self, release: Callable[[], object]) -> None:
        """Take over a handle that `release` lets go."""
        self._release = release
        self._busy = Lock()
        self._stopped = False
        self._gone = False

    def read(self, step: Callable[[], Step]) -> Step | None:
        """What a step reads; None, without reading, once it was closed."""
        try:
            with self._busy:
                return None if self._stopped else step()
        finally:
            # Said while we read: it was left to us.
            if self._stopped:
                self.close()

    @property
    def closed(self) -> bool:
        """Whether somebody said stop."""
        return self._stopped

    def close(self) -> None:
        """Say stop, and let go where nobody reads. From any thread, as often as you like."""
        self._stopped = True
        # Not held only for the moment between a reader's coming back and its letting go.
        if not self._busy.acquire(blocking=False):
            return
        try:
            if not self._gone:
                self._gone = True
                self._release()
        finally:
            self._busy.release()
