"""A pack as a listing of the catalogue: its layers, checked against the filters that they use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial

from omote_filters.listing import Broken, Listing, Plan
from omote_filters.packs.facts import DEMOGRAPHIC, Moment, need_of
from omote_filters.packs.gate import Gate
from omote_filters.packs.model import Curve, Layer, Pack, Use
from omote_filters.packs.source import Bundle, PackError
from omote_filters.settings import FilterSettings, asset_slots, describe
from omote_filters.words import Appearance, SettingsError

Find = Callable[[str], Listing | Broken | None]
"""What is known of a filter by its id, why it cannot be used, or None where there is none."""

_STRICTEST = (
    Appearance.ANONYMISE,
    Appearance.FACE_REPLACE,
    Appearance.AGE_ALTER,
    Appearance.BEAUTIFY,
    Appearance.MAKEUP,
    Appearance.NOVELTY,
)


@dataclass(frozen=True, slots=True, eq=False)
class LayerPart:
    """One filter of a pack.

    Attributes:
        filter: the filter.
        use: its settings.
        layer: the rule and the fade.
        otherwise: whether it is on where the rule does not hold.
    """

    filter: Listing
    use: Use
    layer: Layer
    otherwise: bool

    def plan(self, settings: FilterSettings) -> Plan:
        """A new session's gate, with the pack's parameters."""
        return Gate(self.filter, self.use, self.layer, self.otherwise, settings.model_dump())

    def check(self, settings: FilterSettings) -> None:
        """Whether the pack's parameters suit this filter.

        Raises:
            SettingsError: they do not.
        """
        moment = Moment(0.0, 1, parameters=settings.model_dump())
        self.filter.parse(self.use.resolved(moment))


def filter_of(pack: Pack, bundle: Bundle, find: Find) -> Listing:
    """What the catalogue shows of a pack, and its parts.

    Raises:
        PackError: a filter is unknown, its settings do not fit, or it would not be safe.
    """
    problems: list[str] = []
    parts = tuple(part for layer in pack.layers for part in _parts(layer, pack, find, problems))
    if problems:
        raise PackError(problems)
    filters = [part.filter for part in parts]
    facts = {need for fact in pack.facts if (need := need_of(fact)) is not None}
    appearances = {each.appearance for each in filters}
    return Listing(
        id=pack.id,
        name=pack.name,
        version=pack.version,
        description=pack.description,
        appearance=next(a for a in _STRICTEST if a in appearances),
        stage=min(each.stage for each in filters),
        needs=frozenset(facts).union(*(each.needs for each in filters)),
        settings=pack.settings,
        parameters=tuple(describe(pack.settings)),
        files=tuple(asset_slots(pack.settings)),
        fewest_faces=min(each.fewest_faces for each in filters),
        draws=any(each.draws for each in filters),
        in_front=any(each.in_front for each in filters),
        animated=any(each.animated for each in filters),
        budget_ms=sum(each.budget_ms for each in filters),
        # It can run where every part can.
        lack="; ".join(dict.fromkeys(each.lack for each in filters if each.lack)),
        home=bundle.path,
        layers=parts,
        read_preview=bundle.preview,
    )


def _parts(layer: Layer, pack: Pack, find: Find, problems: list[str]) -> Iterator[LayerPart]:
    for use, otherwise in ((layer, False), (layer.otherwise, True)):
        if use is None:
            continue
        report = partial(_report, pack, problems)
        found = find(use.filter_id)
        if isinstance(found, Broken):
            report(use, "filter", f"{use.filter_id!r} does not work here: {found.error}")
        elif found is None:
            report(use, "filter", f"there is no filter {use.filter_id!r} that works here")
        elif found.layers:
            report(use, "filter", "a pack cannot be a layer of a pack")
        else:
            _check_settings(use, found, pack, problems)
            if found.appearance is Appearance.ANONYMISE:
                _check_safe(layer, use, otherwise, pack, problems)
            yield LayerPart(found, use, layer, otherwise)


def _report(pack: Pack, problems: list[str], use: Use, key: str, text: str) -> None:
    problems.append(pack.problem(use, tuple(key.split(".")), text))


def _check_settings(use: Use, found: Listing, pack: Pack, problems: list[str]) -> None:
    """Parse the settings with the parameters' defaults and with both ends of every curve."""
    defaults = pack.settings().model_dump()
    moment = Moment(0.0, 1, parameters=defaults)
    for end in range(3):
        values = use.resolved(moment)
        values |= {n: v.ends[end] for n, v in use.settings.items() if isinstance(v, Curve)}
        try:
            found.parse(values)
        except SettingsError as error:
            for violation in error.violations:
                near = get_close_matches(violation.field, found.setting_names, 1)
                hint = f"; did you mean {near[0]!r}?" if near and near[0] not in values else ""
                place = f"settings.{violation.field}" if violation.field else "settings"
                _report(pack, problems, use, place, violation.description + hint)
            return


def _check_safe(layer: Layer, use: Use, otherwise: bool, pack: Pack, problems: list[str]) -> None:
    """An anonymise filter must cover a face of which nothing is known."""
    for condition, negated in layer.when.conditions() if layer.when else ():
        if condition.fact in DEMOGRAPHIC and condition.unknown == (negated ^ otherwise):
            text = f"{use.filter_id} must cover faces of unknown {condition.fact}, too: "
            wanted = "false" if condition.unknown else "true"
            _report(pack, problems, use, "filter", text + f"write `unknown: {wanted}` there")
