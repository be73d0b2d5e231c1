"""gRPC does not live on in a forked child: its threads are gone. Whoever tries is told at once."""

from __future__ import annotations

import os

from omote_client.errors import Forked


class Home:
    """The process in which gRPC was first used."""

    def __init__(self) -> None:
        self._process: int | None = None
        self._kept: list[object] = []

    def settle(self) -> None:
        """Use gRPC in this process.

        Raises:
            Forked: it is a child of the one that did so first.
        """
        if self._process is None:
            self._process = os.getpid()
        if not self.here:
            raise Forked(
                "This process was forked from one that had used gRPC, which does not live on in"
                ' the child. Start processes by multiprocessing\'s "spawn" or "forkserver", or'
                " fork before the first client is opened."
            )

    def keep(self, work: object) -> None:
        """Never let go of something in a child: to take apart what is gRPC's needs its threads."""
        self._kept.append(work)

    @property
    def here(self) -> bool:
        """Whether this process may use gRPC."""
        return self._process in (None, os.getpid())


HOME = Home()
"""Of this client; a fork copies it, and so the child knows what its parent did."""
