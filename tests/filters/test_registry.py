import pytest
from plugins import Tint, plugin, plugin_registry

from omote_filters.registry import Broken, Registry
from omote_filters.settings import Widget, describe, parse
from omote_filters.words import SettingsError


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
    assert registry.find("tint") is Tint
    assert len(registry.catalogue()) == len(registry.ids)


def test_everything_wrong_with_a_plugin_is_said_at_once() -> None:
    said = why(plugin_registry("nameless"), "nameless")
    for word in ("'name'", "'appearance'", "'stage'", "version 'one'", "no apply()", "docstring"):
        assert word in said


def test_two_packages_with_the_same_id_are_both_named() -> None:
    said = why(Registry([plugin("tint"), plugin("tint")]), "tint")
    assert said.count("plugins:tint") == 2


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
