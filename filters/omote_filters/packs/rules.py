"""Rules: `all`, `any`, `not` over conditions; written as data, judged for each face."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, Tag, model_validator

from omote_filters.packs.facts import DEMOGRAPHIC, FACTS, FORBIDDEN, WORDS, Band, Moment, Sex, Third
from omote_filters.packs.source import Place, clipped
from omote_filters.packs.written import (
    TAG,
    Name,
    Number,
    ParameterName,
    Share,
    Written,
    by_key,
    nearest,
    one_of,
    told,
)

_MOST_CONDITIONS = 64
_EVENT_HOLD_MS = 2000.0
_HYSTERESIS = 0.15
"""Where only `above` or `below` is given, how far the way back lies, as a part of the limit."""

_LIMITS = "{above: N}, {below: N} or {enter: N, leave: N}"
_HELP = "a rule is `all: […]`, `any: […]`, `not: …` or a condition like {largest: true}"


class Limits(Written):
    """What a number is asked: true past a limit, false again past another."""

    model_config = ConfigDict(json_schema_extra=one_of(["above"], ["below"], ["enter", "leave"]))
    how: ClassVar[str] = _LIMITS

    above: Number | None = Field(None, description="a number: true above it")
    below: Number | None = Field(None, description="a number: true below it")
    enter: Number | None = Field(None, description="a number: true once past it")
    leave: Number | None = Field(None, description="a number: false again once past it")

    @classmethod
    def mistakes(cls, given: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
        """Which limits go together."""
        together = {"above"}, {"below"}, {"enter", "leave"}
        if set(given) not in together and given.keys() <= cls.keys().keys():
            yield (), f"write {_LIMITS}"

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.enter is not None and self.enter == self.leave:
            raise told("enter and leave must differ; for one limit write above or below")
        return self

    @cached_property
    def band(self) -> tuple[float, float]:
        """The limit on the way in, and that on the way back."""
        if self.enter is not None and self.leave is not None:
            return self.enter, self.leave
        if self.above is not None:
            return self.above, self.above - abs(self.above) * _HYSTERESIS
        below = self.below or 0.0
        return below, below + abs(below) * _HYSTERESIS

    @cached_property
    def rising(self) -> bool:
        """Whether larger numbers make it true."""
        return self.above is not None or (self.enter is not None and self.band[0] > self.band[1])

    def passed(self, number: float, before: bool) -> bool:
        """Whether it holds now, if it did or did not before."""
        limit = self.band[before]
        return number > limit if self.rising else number < limit


T = TypeVar("T")
Many = Annotated[list[T], Field(min_length=1)]


def _other(hint: str) -> Any:
    return Field(None, description=hint)


def _number(hint: str) -> Any:
    return _other(f"{_LIMITS}: {hint}")


def _words(fact: str, hint: str) -> Any:
    return _other(f"one or a list of: {', '.join(WORDS[fact])}: {hint}")


Held = Callable[["Condition"], bool]
"""The answer to one question, with its memory."""


class Condition(Written):
    """One question about one fact."""

    model_config = ConfigDict(
        json_schema_extra=one_of(
            *([fact, "unknown"] if fact in DEMOGRAPHIC else [fact] for fact in FACTS)
        )
    )

    age: Limits | None = _number("years, as estimated or declared")
    age_low: Limits | None = _number("years, the lower end of the estimate")
    age_high: Limits | None = _number("years, the upper end of the estimate")
    mouth_open: Limits | None = _number("0 to 1, how far the jaw is down")
    smile: Limits | None = _number("0 to 1, how far the corners of the mouth are up")
    pucker: Limits | None = _number("0 to 1, lips drawn together")
    blink: Limits | None = _number("0 to 1, both eyes closed")
    wink: Limits | None = _number("0 to 1, one eye closed")
    brow_raise: Limits | None = _number("0 to 1, brows up")
    brow_lower: Limits | None = _number("0 to 1, brows down")
    eyes_wide: Limits | None = _number("0 to 1, eyes wide open")
    cheek_puff: Limits | None = _number("0 to 1, cheeks full of air")
    yaw: Limits | None = _number("degrees, turned to the person's left")
    pitch: Limits | None = _number("degrees, looking up")
    roll: Limits | None = _number("degrees, tilted clockwise on the screen")
    face_width: Limits | None = _number("a part of the picture's width")
    age_band: Band | Many[Band] | None = _words("age_band", "as estimated or declared")
    gender: Sex | Many[Sex] | None = _words("gender", "as estimated or declared")
    position: Third | Many[Third] | None = _words("position", "the third of the picture")
    largest: bool | None = _other("true or false: whether it is the largest face")
    event: Name | None = _other("a name of 1 to 64 characters: an event that the host app sends")
    param: ParameterName | None = _other("a name: one of the pack's parameters")
    answer: bool | float | str = Field(
        True, alias="is", description="a constant: what the parameter must be"
    )
    unknown: bool = Field(
        False, description="true or false: what holds of a face of unknown age, …"
    )
    min_confidence: Share = Field(
        0.0, description="a number from 0 to 1: an estimate less sure than this is unknown"
    )
    hold_ms: Annotated[float, Field(ge=0, le=60_000)] | None = _other(
        "a number from 0 to 60000: how long it stays true after it was"
    )

    @classmethod
    def mistakes(cls, given: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
        """One fact, and an answer for the unknown."""
        facts = [key for key in given if key in FACTS]
        if len(facts) != 1:
            if given.keys() <= cls.keys().keys():
                yield (), "a condition asks for exactly one fact, as in {smile: {above: 0.5}}"
        elif facts[0] in DEMOGRAPHIC and "unknown" not in given:
            said = "add `unknown: true` or `unknown: false`"
            yield (), f"say what holds when {facts[0]} is unknown: {said}"

    @classmethod
    def stray(cls, key: str) -> str:
        """Facts that do not exist, and those that never will."""
        why = FORBIDDEN.get(key.lower())
        return why or f"there is no fact {clipped(key)!r}; {nearest(key, list(cls.keys()))}"

    @cached_property
    def fact(self) -> str:
        """Of `facts.FACTS`."""
        return next(fact for fact in FACTS if getattr(self, fact) is not None)

    @cached_property
    def asked(self) -> Any:
        """What the fact is asked: limits, a word or several, or a name."""
        return getattr(self, self.fact)

    @cached_property
    def hold_s(self) -> float:
        """How long it stays true after it was."""
        default = _EVENT_HOLD_MS if self.fact == "event" else 0.0
        return (default if self.hold_ms is None else self.hold_ms) / 1000

    def judged(self, held: Held) -> bool:
        """Whether it holds."""
        return held(self)

    def conditions(self, negated: bool = False) -> Iterator[tuple[Condition, bool]]:
        """Itself, and whether an odd number of `not` stands before it."""
        yield self, negated

    def holds(self, moment: Moment, before: bool) -> bool:
        """Whether it is true of a face now, if it was or was not before."""
        fact = self.fact
        if fact == "largest":
            return moment.face is not None and moment.largest == self.asked
        if fact == "event":
            return self.asked in moment.events
        if fact == "param":
            return moment.parameters.get(self.asked) == self.answer
        if fact in DEMOGRAPHIC and moment.confidence(fact) < self.min_confidence:
            return self.unknown
        if fact in WORDS:
            word = moment.word(fact)[0]
            words = [self.asked] if isinstance(self.asked, str) else self.asked
            return self.unknown if word is None else word in words
        number = moment.number(fact)
        return self.unknown if number is None else self.asked.passed(number, before)


class _Joint(Written):
    """Other rules, joined."""

    @classmethod
    def stray(cls, key: str) -> str:
        """Nothing stands beside a joint."""
        return f"beside `{next(iter(cls.keys()))}` nothing may stand; put it into the list"

    @property
    def parts(self) -> list[Rule]:
        """What is joined."""
        given = getattr(self, next(iter(type(self).model_fields)))
        return given if isinstance(given, list) else [given]

    def conditions(self, negated: bool = False) -> Iterator[tuple[Condition, bool]]:
        """Every condition, and whether an odd number of `not` stands before it."""
        for part in self.parts:
            yield from part.conditions(negated ^ isinstance(self, NotOf))


class AllOf(_Joint):
    """Holds where every one of its rules does."""

    all: Many[Rule] = Field(description="a list of one or more rules: every one must hold")

    def judged(self, held: Held) -> bool:
        """Whether it holds. Every part is asked: a latch that is not asked would go stale."""
        verdicts = [part.judged(held) for part in self.all]
        return all(verdicts)


class AnyOf(_Joint):
    """Holds where one of its rules does."""

    any: Many[Rule] = Field(description="a list of one or more rules: one must hold")

    def judged(self, held: Held) -> bool:
        """Whether it holds; every part is asked."""
        verdicts = [part.judged(held) for part in self.any]
        return any(verdicts)


class NotOf(_Joint):
    """Holds where its rule does not."""

    inner: Rule = Field(alias="not", description="a rule: it must not hold")

    def judged(self, held: Held) -> bool:
        """Whether it holds."""
        return not self.inner.judged(held)


Rule = Annotated[
    Annotated[AllOf, Tag(TAG + "all")]
    | Annotated[AnyOf, Tag(TAG + "any")]
    | Annotated[NotOf, Tag(TAG + "not")]
    | Annotated[Condition, Tag(TAG + "is")],
    by_key("all", "any", "not", mapping="is", how=_HELP),
]


def _few_enough(rule: Rule) -> Rule:
    if sum(1 for _ in rule.conditions()) > _MOST_CONDITIONS:
        raise told(f"a rule asks at most {_MOST_CONDITIONS} questions, on every frame")
    return rule


WholeRule = Annotated[Rule, AfterValidator(_few_enough)]
"""A rule with all its parts."""


Latches = dict[int, tuple[bool, float]]
"""What was true of each condition, and since when."""

_FACELESS = ("event", "param")
"""Facts that are the same whoever's rule asks."""


class Judge:
    """One rule's memory for one face: what is true now, and since when."""

    def __init__(self, rule: Rule, latches: Latches | None = None) -> None:
        """Of a rule.

        Args:
            rule: what is judged.
            latches: where all judges of the rule remember what asks about no face.
        """
        self._rule = rule
        self._state: Latches = {}
        self._latches: Latches = {} if latches is None else latches

    def verdict(self, moment: Moment) -> bool:
        """Whether the rule holds at this moment."""
        return self._rule.judged(lambda condition: self._held(condition, moment))

    def _held(self, condition: Condition, moment: Moment) -> bool:
        state = self._latches if condition.fact in _FACELESS else self._state
        before, since = state.get(id(condition), (False, -1e9))
        now = condition.holds(moment, before)
        if now:
            state[id(condition)] = (True, moment.time)
            return True
        # Time that runs backwards (a looped file) ends a hold.
        if before and 0 <= moment.time - since < condition.hold_s:
            return True
        state[id(condition)] = (False, since)
        return False
