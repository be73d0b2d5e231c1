"""One filter of a chain: its instance, from the first start to the stop, and how it fares."""

from __future__ import annotations

import logging

from omote_filters.faults import hand_up, place
from omote_filters.filter import Filter
from omote_filters.listing import Part
from omote_filters.settings import FilterSettings
from omote_filters.warming import warm
from omote_filters.words import Need, Reason

_log = logging.getLogger(__name__)


class Breaker:
    """Trips after repeated failures; a success mends a little."""

    def __init__(self, limit: float = 3.0, mended: float = 0.1) -> None:
        self._limit = limit
        self._mended = mended
        self._failures = 0.0

    def failed(self) -> bool:
        """Count a failure; whether the limit is reached now."""
        self._failures += 1
        return self._failures >= self._limit

    def succeeded(self) -> None:
        """Count a success."""
        self._failures = max(0.0, self._failures - self._mended)


class Slot:
    """One filter of a chain and how it fares; the instance is made when it is started.

    Its id is what the client asked for: the filter, or the pack that it is part of. It is fresh
    until it has drawn once.
    """

    def __init__(self, asked_id: str, part: Part, settings: FilterSettings) -> None:
        self.id = asked_id
        self.part = part
        self.listing = part.filter
        self.plan = part.plan(settings)
        self.asked = settings
        self.filter: Filter | None = None
        self.fresh = True
        self.breaker = Breaker()
        self.disabled: Reason | None = None

    @property
    def needs(self) -> frozenset[Need]:
        """What must be computed for it."""
        return self.listing.needs | self.plan.needs

    def serves(self, part: Part) -> bool:
        """Whether it runs that part already."""
        return self.listing is part.filter and self.part.use is part.use

    def started(self, warmed: bool) -> Filter:
        """The instance, made and started where it is not yet."""
        if self.filter is None:
            settings = self.plan.settings
            if warmed:
                self._warm(settings)
            made = self.listing.make(settings)
            try:
                made.start()
            except BaseException:
                self._end(made)
                raise
            self.filter = made
        return self.filter

    def struck(self) -> bool:
        """Count a failure, or a frame that came late; whether that switches it off."""
        if not self.breaker.failed():
            return False
        self.disabled = Reason.DISABLED
        self.stop()
        return True

    def stop(self) -> None:
        """Stop the instance, where there is one."""
        made, self.filter = self.filter, None
        if made is not None:
            self._end(made)

    def _warm(self, settings: FilterSettings) -> None:
        try:
            warm(self.listing, settings)
        except BaseException as error:  # on a frame that was made up, which it need not like
            hand_up(error)
            _log.info("filter %s failed to warm up: %s", self.listing.id, place(error))

    def _end(self, made: Filter) -> None:
        try:
            made.stop()
        except BaseException as error:
            hand_up(error)
            _log.warning("filter %s failed to stop: %s", self.listing.id, place(error))
