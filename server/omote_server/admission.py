"""Whether a chain can be switched on here."""

from __future__ import annotations

from collections.abc import Sequence

from omote_filters.filter import Need
from omote_filters.registry import ChainEntry, ChainError, Registry
from omote_filters.settings import Violation
from omote_server.errors import InvalidRequest, NotYet

_NOT_YET = frozenset({Need.SEGMENTATION})


def check_chain(chain: Sequence[ChainEntry], registry: Registry, longest: int, path: str) -> None:
    """Refuse a chain that cannot run, with everything that is wrong with it.

    Args:
        chain: as the client asks for it.
        registry: the filters there are.
        longest: how many filters the stream may have.
        path: of the chain in the client's message.

    Raises:
        InvalidRequest: it is too long, or an entry is unknown, broken or has wrong settings.
        NotYet: a filter needs what this server cannot compute.
    """
    if len(chain) > longest:
        raise InvalidRequest.at(
            f"{path}.entries",
            f"has {len(chain)} filters; at most {longest} may run (limits.max_chain_length)",
        )
    try:
        resolved = registry.resolve(chain)
    except ChainError as error:
        raise InvalidRequest(error.violations).under(path) from None
    missing = [
        Violation(f"{path}.entries[{i}]", f"{kind.id} needs {need}, which is not there yet")
        for i, (kind, _) in enumerate(resolved)
        for need in sorted(kind.needs & _NOT_YET)
    ]
    if missing:
        raise NotYet(missing)
