"""What a server allows on whose face. A policy only ever restricts."""

from __future__ import annotations

from dataclasses import dataclass

from omote_filters.words import NOT_FOR_MINORS, Appearance
from omote_models.face import ADULT_AGE, AgeBand, Face

_YOUNG = (AgeBand.CHILD, AgeBand.TEENAGER)


@dataclass(frozen=True, slots=True)
class Policy:
    """Of an operator.

    Attributes:
        not_for_minors: further appearance classes that are not applied to minors, beside
            beautify, face-replace and age-alter, which never are.
        careful: whoever may be a minor counts as one: the lower end of the age's interval is
            under 18, or nothing is known.
        marks: whether pictures in which a face was replaced or aged are marked.

    Raises:
        ValueError: anonymise is among the classes; it would uncover the young.
    """

    not_for_minors: frozenset[Appearance] = frozenset()
    careful: bool = False
    marks: bool = True

    def __post_init__(self) -> None:
        if Appearance.ANONYMISE in self.not_for_minors:
            raise ValueError("anonymise cannot be kept from minors: it would uncover them")

    def guards(self, appearance: Appearance) -> bool:
        """Whether a filter of that class looks at how old somebody is."""
        return appearance in self.not_for_minors or appearance in NOT_FOR_MINORS

    def forbids(self, appearance: Appearance, face: Face) -> bool:
        """Whether a filter of that class must leave a face alone."""
        if not self.guards(appearance):
            return False
        return face.attributes.maybe_minor or (self.careful and _may_be_minor(face))


def _may_be_minor(face: Face) -> bool:
    """Whether it cannot be told that somebody is of age. What was declared can be trusted."""
    age, band = face.attributes.age, face.attributes.age_band
    if age.value is None:
        return band.value is None or band.value in _YOUNG
    return age.interval is not None and age.interval[0] < ADULT_AGE
