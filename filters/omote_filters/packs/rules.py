"""Rules: `all`, `any`, `not` over conditions; written as data, judged for each face."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from omote_filters.packs.facts import DEMOGRAPHIC, FACTS, FORBIDDEN, NUMBERS, WORDS, Moment
from omote_filters.packs.source import Place

Report = Callable[[Place, str], None]
"""Told of a mistake: its place and what to do."""

_DEFAULT_HOLD_MS = {"event": 2000.0}
_LONGEST_HOLD_MS = 60_000.0
_HYSTERESIS = 0.15
"""Where only `above` or `below` is given, how far the way back lies, as a part of the limit."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One question about one fact.

    Attributes:
        fact: of `facts.FACTS`.
        enter, leave: limits of a number; the condition becomes true past `enter` and false
            again past `leave`.
        rising: whether larger numbers make it true.
        words: answers that make it true.
        value: what `largest` or a parameter must be; the parameter's or event's name is `name`.
        unknown: whether it is true of a face of which the fact is unknown.
        min_confidence: an estimate less sure than this is unknown.
        hold_s: how long it stays true after it was.
    """

    fact: str
    enter: float = 0.0
    leave: float = 0.0
    rising: bool = True
    words: frozenset[str] = frozenset()
    name: str = ""
    value: object = True
    unknown: bool = False
    min_confidence: float = 0.0
    hold_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A tree: `kind` is all, any, not (one part) or is (a condition)."""

    kind: str
    parts: tuple[Rule, ...] = ()
    condition: Condition | None = None

    def conditions(self, negated: bool = False) -> Iterator[tuple[Condition, bool]]:
        """Every condition, and whether an odd number of `not` stands before it."""
        if self.condition is not None:
            yield self.condition, negated
        for part in self.parts:
            yield from part.conditions(negated ^ (self.kind == "not"))


class Judge:
    """One rule's memory for one face: what is true now, and since when."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._state: dict[int, tuple[bool, float]] = {}

    def verdict(self, moment: Moment) -> bool:
        """Whether the rule holds at this moment."""
        count = iter(range(10_000))
        return self._judge(self._rule, moment, count)

    def _judge(self, rule: Rule, moment: Moment, count: Iterator[int]) -> bool:
        if rule.condition is not None:
            return self._held(next(count), rule.condition, moment)
        # Every part is judged every time: a latch that is not asked would go stale.
        verdicts = [self._judge(part, moment, count) for part in rule.parts]
        if rule.kind == "not":
            return not verdicts[0]
        return all(verdicts) if rule.kind == "all" else any(verdicts)

    def _held(self, index: int, condition: Condition, moment: Moment) -> bool:
        before, since = self._state.get(index, (False, -1e9))
        now = _true(condition, moment, before)
        if now:
            self._state[index] = (True, moment.time)
            return True
        # Time that runs backwards (a looped file) ends a hold.
        if before and 0 <= moment.time - since < condition.hold_s:
            return True
        self._state[index] = (False, since)
        return False


def _true(condition: Condition, moment: Moment, before: bool) -> bool:
    fact = condition.fact
    if fact == "largest":
        return moment.face is not None and moment.largest == condition.value
    if fact == "event":
        return condition.name in moment.events
    if fact == "param":
        return moment.parameters.get(condition.name) == condition.value
    if fact in DEMOGRAPHIC and moment.confidence(fact) < condition.min_confidence:
        return condition.unknown
    if fact in WORDS:
        word = moment.word(fact)[0]
        return condition.unknown if word is None else word in condition.words
    number = moment.number(fact)
    if number is None:
        return condition.unknown
    limit = condition.leave if before else condition.enter
    return number > limit if condition.rising else number < limit


# Reading


def read_rule(value: object, place: Place, report: Report) -> Rule | None:
    """A rule from plain values; what is wrong is reported, and None comes back."""
    if not isinstance(value, dict) or not value:
        report(place, "a rule is `all: […]`, `any: […]`, `not: …` or a condition like {age: …}")
        return None
    kinds = [key for key in ("all", "any", "not") if key in value]
    if not kinds:
        condition = _read_condition(value, place, report)
        return None if condition is None else Rule("is", condition=condition)
    (kind, *_), others = kinds, [key for key in value if key not in kinds[:1]]
    if others:
        report((*place, others[0]), f"beside `{kind}` nothing may stand; put it into the list")
        return None
    inner = value[kind] if kind != "not" else [value[kind]]
    if not isinstance(inner, list) or not inner:
        report((*place, kind), "write a list of one or more rules")
        return None
    below = (*place, kind)
    places = [below] if kind == "not" else [(*below, i) for i in range(len(inner))]
    parts = [read_rule(part, at, report) for part, at in zip(inner, places, strict=True)]
    found = tuple(part for part in parts if part is not None)
    return Rule(kind, found) if len(found) == len(parts) else None


_OPTIONS = ("unknown", "min_confidence", "hold_ms", "is")


def _read_condition(value: dict[str, object], place: Place, report: Report) -> Condition | None:
    facts = [key for key in value if key not in _OPTIONS]
    if len(facts) != 1:
        report(place, "a condition asks for exactly one fact, as in {smile: {above: 0.5}}")
        return None
    (fact,) = facts
    if fact not in FACTS:
        report((*place, fact), _no_such_fact(fact))
        return None
    if fact in DEMOGRAPHIC and not isinstance(value.get("unknown"), bool):
        report(
            place,
            f"say what holds when {fact} is unknown: add `unknown: true` or `unknown: false`",
        )
        return None
    hold = _number(value.get("hold_ms", _DEFAULT_HOLD_MS.get(fact, 0.0)), 0, _LONGEST_HOLD_MS)
    least = _number(value.get("min_confidence", 0.0), 0, 1)
    if hold is None or least is None:
        name = "hold_ms" if hold is None else "min_confidence"
        most = f"{_LONGEST_HOLD_MS:.0f}" if hold is None else "1"
        report((*place, name), f"{name} is a number from 0 to {most}")
        return None
    asked = _read_question(fact, value, (*place, fact), report)
    if asked is None:
        return None
    return Condition(
        fact,
        unknown=value.get("unknown") is True,
        min_confidence=least,
        hold_s=hold / 1000,
        **asked,
    )


def _no_such_fact(fact: str) -> str:
    for word, why in FORBIDDEN.items():
        if fact.lower() == word:
            return why
    near = get_close_matches(fact, FACTS, 1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(FACTS)}"
    return f"there is no fact {fact[:40]!r}{hint}"


def _read_question(
    fact: str, value: dict[str, object], place: Place, report: Report
) -> dict[str, Any] | None:
    """The fields of a condition that the fact's own value gives."""
    given = value[fact]
    if fact == "largest":
        if isinstance(given, bool):
            return {"value": given}
        report(place, "largest is true or false")
    elif fact in ("event", "param"):
        if isinstance(given, str) and 0 < len(given) <= 64:
            return {"name": given, "value": value.get("is", True)}
        report(place, f"{fact} is a name of 1 to 64 characters")
    elif fact in WORDS:
        words = [given] if isinstance(given, str) else given
        if isinstance(words, list) and words and all(word in WORDS[fact] for word in words):
            return {"words": frozenset(words)}
        report(place, f"{fact} is one or a list of: {', '.join(WORDS[fact])}")
    elif fact in NUMBERS:
        return _read_limits(given, place, report)
    return None


def _read_limits(given: object, place: Place, report: Report) -> dict[str, Any] | None:
    limits = given if isinstance(given, dict) else {}
    numbers = {key: _number(limit, -1e6, 1e6) for key, limit in limits.items()}
    if None in numbers.values() or set(numbers) not in (
        {"above"},
        {"below"},
        {"enter", "leave"},
    ):
        report(place, "write {above: N}, {below: N} or {enter: N, leave: N}")
        return None
    if "enter" in numbers:
        enter, leave = float(numbers["enter"] or 0), float(numbers["leave"] or 0)
        if enter == leave:
            report(place, "enter and leave must differ; for one limit write above or below")
            return None
        return {"enter": enter, "leave": leave, "rising": enter > leave}
    rising = "above" in numbers
    limit = float(numbers["above" if rising else "below"] or 0)
    slack = abs(limit) * _HYSTERESIS * (-1 if rising else 1)
    return {"enter": limit, "leave": limit + slack, "rising": rising}


def _number(value: object, low: float, high: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return None
    return float(value)
