"""Who stands in which split: nobody in two, and nobody who stood in one in another."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from omote_models.datasets.collect import Found
from omote_models.datasets.copies import Pair
from omote_models.datasets.manifest import SPLITS, Split


def split_people(
    found: Sequence[Found],
    copies: Sequence[Pair],
    kept: Sequence[int],
    shares: Mapping[Split, float],
    seed: int,
    problems: list[str],
) -> dict[int, Split]:
    """A split for each face that is kept; people who share a photograph count as one.

    Args:
        found: all faces.
        copies: which of them are the same photograph.
        kept: the places of those that are kept.
        shares: parts of the people, 0 to 1; the rest is to train with.
        seed: of the chance by which new people are split.
        problems: who stood in two splits, and where they stand now, is told here.
    """
    leaders = _leaders(found, copies)
    stood: dict[str, set[Split]] = defaultdict(set)
    for each in found:
        if each.split is not None:
            stood[leaders[each.identity]].add(each.split)
    for name, before in stood.items():
        if len(before) > 1:
            told = " and ".join(sorted(before))
            problems.append(f"{name}: stood in {told}; stands in {_first(before)} now")
    groups = {leaders[found[n].identity] for n in kept}
    parts = {name: _first(before) for name, before in stood.items() if name in groups}
    new = sorted(
        groups - set(parts), key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest()
    )
    lacking = _lacking(len(groups), Counter(parts.values()), shares)
    held = [split for split, count in lacking.items() for _ in range(count)]
    parts |= dict(zip(new, [*held, *[SPLITS[0]] * len(new)], strict=False))
    return {n: parts[leaders[found[n].identity]] for n in kept}


def _leaders(found: Sequence[Found], copies: Sequence[Pair]) -> dict[str, str]:
    """For each identity the one that it counts as."""
    leader = {each.identity: each.identity for each in found}

    def led(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    for one, other in copies:
        leader[led(found[other].identity)] = led(found[one].identity)
    return {name: led(name) for name in leader}


def _first(stood: set[Split]) -> Split:
    """Of several splits the one in which it does no harm: what was trained on is never measured."""
    return min(stood, key=SPLITS.index)


def _lacking(
    people: int, there: Mapping[Split, int], shares: Mapping[Split, float]
) -> dict[Split, int]:
    """How many people each held-out split lacks."""
    wanted = {split: round(people * share) for split, share in shares.items()}
    if people >= len(SPLITS):
        wanted = {split: max(n, int(shares[split] > 0)) for split, n in wanted.items()}
    return {split: max(0, n - there.get(split, 0)) for split, n in wanted.items()}
