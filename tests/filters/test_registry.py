"""Filters as they are found and read, whatever their authors did."""

from __future__ import annotations

import sys
from collections import UserDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, Literal, Self

import pytest
from plugins import Tint, plugin, plugin_registry, point, registry_of
from pydantic import Field, model_validator

from omote_filters import Appearance, Filter, FilterSettings, Need, Scene, Stage, number, text
from omote_filters.listing import Broken, Listing
from omote_filters.registry import GROUP, Registry
from omote_filters.settings import Widget, describe, parse
from omote_filters.words import ChainEntry, ChainError, SettingsError

SELECT: Any = {"widget": "select"}


def listed(registry: Registry, filter_id: str) -> Listing:
    found = registry.find(filter_id)
    assert isinstance(found, Listing), found
    return found


def why(registry: Registry, filter_id: str) -> str:
    found = registry.find(filter_id)
    assert isinstance(found, Broken)
    return found.error


def test_the_built_in_filters_come_through_the_same_door() -> None:
    registry = Registry()
    expected = {"big_eyes", "face_paint", "life_stages", "lipstick", "pixelate_face", "smooth_skin"}
    assert expected <= set(registry.ids)
    assert not [found for found in registry.catalogue() if isinstance(found, Broken)]


def test_a_broken_plugin_is_listed_and_stops_nobody() -> None:
    registry = plugin_registry("explodes", "nameless", "number")
    assert "cannot open shared object file" in why(registry, "explodes")
    assert "is not a subclass" in why(registry, "number")
    assert "SystemExit" in why(plugin_registry("leaves"), "leaves")
    assert "frozenset" in why(plugin_registry("needs_nothing"), "needs_nothing")
    assert listed(registry, "tint").kind is Tint
    assert len(registry.catalogue()) == len(registry.ids)


def test_everything_wrong_with_a_plugin_is_said_at_once() -> None:
    said = why(plugin_registry("nameless"), "nameless")
    for word in ("'name'", "'appearance'", "'stage'", "version 'one'", "no apply()", "docstring"):
        assert word in said


def test_two_packages_with_the_same_id_are_both_named() -> None:
    said = why(Registry([plugin("tint"), plugin("tint")]), "tint")
    assert said.count("plugins:tint") == 2


# Classes that others wrote


def sound(filter_id: str = "sound", **members: object) -> type[Filter]:
    """A filter with nothing wrong but what is given."""

    def apply(self: Filter, scene: Scene) -> None:
        scene.emit("applied")

    body = {
        "__doc__": "A sound filter.",
        "id": filter_id,
        "name": "Sound",
        "appearance": Appearance.NOVELTY,
        "stage": Stage.PAINT,
        "needs": frozenset[Need](),
        "apply": apply,
        **members,
    }
    return type("Sound", (Filter,), body)


class Odd(BaseException):
    """Neither an error nor an exit."""


def raises(*_: object) -> str:
    raise Odd("not today")


class OddMeta(type):
    """A class whose attribute cannot even be looked at."""

    @property
    def needs(cls) -> frozenset[Need]:
        raise Odd("not today")


class Unreadable(Tint, metaclass=OddMeta):
    """Fails when it is asked what it needs."""

    id = "unreadable"


def settings_class(**members: object) -> type[FilterSettings]:
    annotations = members.pop("annotations", {})
    body = {"__annotations__": annotations, "__module__": __name__, **members}
    return type("Settings", (FilterSettings,), body)


def only_numbers(self: FilterSettings) -> FilterSettings:
    raise Odd("not today")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (OSError("no such library"), "loading it failed: OSError: no such library"),
        (KeyboardInterrupt(), "loading it failed: KeyboardInterrupt"),
        (Odd("not today"), "loading it failed: Odd: not today"),
        (7, "is not a subclass of omote_filters.Filter"),
        (Unreadable, "'needs' failed: Odd: not today"),
        (sound(lack=classmethod(raises)), "lack() failed: Odd: not today"),
        (sound(lack=classmethod(lambda cls: None)), "lack() must be a str"),
        (sound(summary=classmethod(raises)), "summary() failed: Odd: not today"),
        (sound(summary=classmethod(lambda cls: b"x")), "summary() must be a str"),
        (sound(__doc__=""), "docstring"),
        (sound(needs={"mesh"}), "'needs' must be a frozenset"),
        (sound(needs=frozenset({"nothing"})), "'needs' must be a frozenset"),
        (sound(name="\ud800"), "'name' must be a str"),
        (sound(name="x" * 201), "'name' must be a str of 1 to 200"),
        (sound(version="1"), "must be like 1.0.0"),
        (sound(appearance="novelty"), "'appearance' must be one of Appearance"),
        (sound(stage=5), "'stage' must be one of Stage"),
        (sound(fewest_faces="two"), "'fewest_faces' must be an int"),
        (sound(draws=1), "'draws' must be True or False"),
        (sound(animated=None), "'animated' must be True or False"),
        (sound(budget_ms=float("nan")), "'budget_ms' must be milliseconds"),
        (sound(budget_ms=0), "'budget_ms' must be milliseconds"),
        (sound(apply=Filter.apply), "has no apply()"),
        (sound(Settings=dict), "'Settings' must be a subclass"),
        (sound(Settings=settings_class(__init__=raises)), "Settings failed: Odd: not today"),
        (
            sound(
                Settings=settings_class(
                    annotations={"n": float}, n=number(1, label="N", low=2, high=3)
                )
            ),
            "Settings failed: SettingsError: n: it should be greater than or equal to 2, not 1",
        ),
        (
            sound(
                Settings=settings_class(
                    annotations={"n": Literal[1, 2]}, n=Field(1, json_schema_extra=SELECT)
                )
            ),
            "annotation of texts",
        ),
        (
            sound(Settings=settings_class(annotations={"n": int}, n=3)),
            "write it with slider()",
        ),
        (
            sound(Settings=settings_class(annotations={"n": str}, n=text("", label="\udfff"))),
            "can be written",
        ),
        (
            sound(Settings=settings_class(annotations={"n": str}, n=text("\udfff", label="N"))),
            "Settings failed: SettingsError: n: it should be a valid string",
        ),
        (
            sound(Settings=settings_class(annotations={"n": int}, n=number(10**400, label="N"))),
            "Settings failed: OverflowError",
        ),
        (
            sound(
                Settings=settings_class(
                    annotations={"n": float}, n=number(1, label="N", high=float("inf"))
                )
            ),
            "no number that a client can show",
        ),
        (
            sound(Settings=settings_class(check=model_validator(mode="after")(only_numbers))),
            "Settings failed: Odd: not today",
        ),
    ],
)
def test_a_class_that_is_wrong_is_broken_and_its_cause_is_named(found: object, told: str) -> None:
    name = "unreadable" if found is Unreadable else "sound"

    def look() -> str:
        # As in a server: on the main thread a KeyboardInterrupt is Ctrl+C.
        registry = Registry([point(name, found), point("tint", Tint)])
        assert isinstance(registry.find("tint"), Listing)
        assert len(registry.catalogue()) == len(registry.ids)
        return why(registry, name)

    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(look).result()
    assert told in said


def test_an_error_that_cannot_be_shown_is_named_all_the_same() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise Odd("not even that")

    assert "Mute" in why(Registry([point("mute", Mute())]), "mute")


def test_a_filter_is_asked_once_and_what_it_said_is_frozen() -> None:
    asked: list[str] = []

    def note(name: str, answer: str) -> Any:
        def said(cls: type[Filter]) -> str:
            asked.append(name)
            return answer

        return classmethod(said)

    mesh = frozenset({Need.MESH})
    kind = sound(lack=note("lack", "a moon"), summary=note("summary", "Once."), needs=mesh)
    registry = registry_of(kind)
    listing = listed(registry, "sound")
    for _ in range(3):
        assert listed(registry, "sound") is listing
        assert (listing.lack, listing.description) == ("a moon", "Once.")
    kind.needs = frozenset({Need.POSE})
    kind.name = "Another"
    assert (listing.needs, listing.name) == (mesh, "Sound")
    assert sorted(asked) == ["lack", "summary"]


@pytest.mark.parametrize("preview", [raises, lambda cls: "text", lambda cls: 7, lambda cls: b"GIF"])
def test_a_preview_that_cannot_be_had_is_none(preview: Any) -> None:
    assert listed(registry_of(sound(preview=classmethod(preview))), "sound").preview() == b""


def test_a_filter_may_speak_any_language() -> None:
    said = "می\u200cخواهم\u00a0👩\u200d🎤"
    kind = sound(name=said, __doc__=f"{said}.")
    assert listed(registry_of(kind), "sound").description == f"{said}."


def test_defaults_may_be_made_by_a_factory() -> None:
    made = Field(
        default_factory=lambda: 0.25,
        title="N",
        json_schema_extra={"widget": "slider", "low": 0.0, "high": 1.0},
    )
    kind = sound(Settings=settings_class(annotations={"n": float}, n=made))
    (parameter,) = listed(registry_of(kind), "sound").parameters
    assert parameter.default == 0.25


class Range(Filter):
    """Takes two numbers that go together."""

    id, name = "range", "Range"
    appearance, stage = Appearance.NOVELTY, Stage.PAINT
    needs = frozenset[Need]()

    class Settings(FilterSettings):
        """From one to another."""

        low: float = number(0, label="Low")
        high: float = number(1, label="High")

        @model_validator(mode="after")
        def _in_order(self) -> Self:
            if self.low == 13:
                raise Odd("secret 13")
            if self.low > self.high:
                raise ValueError("low is above high")
            return self

    def apply(self, scene: Scene) -> None:
        pass


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"low": 2.0}, "low is above high"),
        ({"low": 13.0}, "its own check of them failed"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    settings: dict[str, object], told: str
) -> None:
    with pytest.raises(ChainError) as caught:
        registry_of(Range).resolve([ChainEntry("range", settings)])
    (violation,) = caught.value.violations
    assert violation.field == "entries[0].settings"
    assert told in violation.description
    assert "secret" not in violation.description


# Entry points


TEN = {f"ten_{n}": f"plugins_of_ten:Ten{n}" for n in range(10)}


def test_one_line_brings_ten_filters_of_which_one_is_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ModuleType("plugins_of_ten")
    for n in range(10):
        kind = sound(f"ten_{n}", **({"lack": classmethod(raises)} if n == 7 else {}))
        setattr(module, f"Ten{n}", kind)
    monkeypatch.setitem(sys.modules, "plugins_of_ten", module)
    registry = Registry([point("ten", TEN, "plugins_of_ten:FILTERS"), point("tint", Tint)])
    found = {filter_id: registry.find(filter_id) for filter_id in TEN}
    assert [i for i, each in found.items() if isinstance(each, Broken)] == ["ten_7"]
    assert isinstance(registry.find("tint"), Listing), "the old form works beside it"


class OddMapping(UserDict[str, str]):
    def __iter__(self) -> Iterator[str]:
        raise Odd("not today")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([1, 2], "must be a mapping"),
        (None, "must be a mapping"),
        (OSError("no such library"), "OSError: no such library"),
        (SystemExit(3), "SystemExit"),
        (OddMapping({"a": "b:C"}), "Odd: not today"),
    ],
)
def test_a_list_of_filters_that_cannot_be_read_is_listed_itself(found: object, told: str) -> None:
    registry = Registry([point("tint", found, "others:FILTERS"), point("tint", Tint)])
    assert isinstance(registry.find("tint"), Listing), "which only shares the list's name"
    assert told in why(registry, "tint = others:FILTERS")


def test_a_list_may_hold_anything() -> None:
    table: dict[object, object] = {"a": 7, 8: "b:C", "\ud800": "c:D", "b": "d", "e" * 999: "e:E"}
    registry = Registry([point("odd", table, "others:FILTERS"), point("tint", Tint)])
    for found in registry.catalogue():
        assert isinstance(found, Listing) == (found.id == "tint")
        assert found.id.encode()
        assert len(found.id) <= 120
    assert '"module:Class"' in why(registry, "a")


def test_a_list_that_names_a_filter_of_ours_says_where_both_are() -> None:
    ours = [each for each in entry_points(group=GROUP) if each.attr == "FILTERS"]
    theirs = point("theirs", {"lipstick": "theirs:Lipstick"}, "theirs:FILTERS")
    said = why(Registry([*ours, theirs]), "lipstick")
    assert "theirs:Lipstick" in said
    assert "omote_filters.builtin.makeup.lipstick:Lipstick" in said


def test_a_class_in_capitals_is_a_filter() -> None:
    found = Registry([point("sound", sound(), "others:VHS")]).find("sound")
    assert isinstance(found, Listing)


@pytest.mark.parametrize("value", ["", ":", "no colon at all", "module:", "module:Class [extra"])
def test_an_entry_that_is_none_is_broken(value: str) -> None:
    assert "loading it failed" in why(Registry([EntryPoint("none", value, GROUP)]), "none")


# Settings


def test_settings_describe_themselves() -> None:
    strength, count, tone, mode, fast, note = describe(Tint.Settings)
    assert (strength.type, strength.widget) == ("number", Widget.SLIDER)
    assert (strength.low, strength.high, strength.default) == (0, 1, 0.5)
    assert strength.hint == "0 leaves it alone."
    assert (count.type, count.step) == ("integer", 1)
    assert (tone.type, tone.widget) == ("colour", Widget.COLOUR)
    assert mode.choices == ("add", "mix")
    assert (fast.type, note.type) == ("boolean", "string")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"strength": -0.1}, "strength"),
        ({"strength": "0.5"}, "strength"),
        ({"strength": float("nan")}, "strength"),
        ({"strength": True}, "strength"),
        ({"count": 2.5}, "count"),
        ({"colour": "#12345"}, "colour"),
        ({"mode": "sub"}, "mode"),
        ({"fast": 1}, "fast"),
        ({"note": "x" * 11}, "note"),
        ({"nope": 1}, "nope"),
    ],
)
def test_settings_that_do_not_fit_are_refused(values: dict[str, object], field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(Tint.Settings, values)
    (violation,) = caught.value.violations
    assert violation.field == field
    assert violation.description


def test_whole_numbers_fit_both_kinds_of_number() -> None:
    settings = parse(Tint.Settings, {"strength": 1, "count": 3})
    assert isinstance(settings, Tint.Settings)
    assert (settings.strength, settings.count) == (1.0, 3)
