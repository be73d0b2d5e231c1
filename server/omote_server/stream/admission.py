"""Whether a chain can be switched on here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from omote_filters.registry import Registry
from omote_filters.words import ChainEntry, ChainError, Violation
from omote_server.errors import InvalidRequest, Lacking


async def check_chain(
    chain: Sequence[ChainEntry], registry: Registry, longest: int, path: str
) -> None:
    """Refuse a chain that cannot run, with everything that is wrong with it.

    Filters are imported and plugins' settings validated on another thread: that is foreign code.

    Args:
        chain: as the client asks for it.
        registry: the filters there are.
        longest: how many filters the stream may have.
        path: of the chain in the client's message.

    Raises:
        InvalidRequest: it is too long, or an entry is unknown, broken or has wrong settings.
        Lacking: a filter cannot run on this machine.
    """
    if len(chain) > longest:
        raise InvalidRequest.at(
            f"{path}.entries",
            f"has {len(chain)} filters; at most {longest} may run (limits.max_chain_length)",
        )
    try:
        resolved = await asyncio.to_thread(registry.resolve, chain)
    except ChainError as error:
        raise InvalidRequest(error.violations).under(path) from None
    lacking = [
        Violation(f"{path}.entries[{number}]", f"{listing.id}: {listing.lack}")
        for number, (listing, _) in enumerate(resolved)
        if listing.lack
    ]
    if lacking:
        raise Lacking(lacking)
