"""`omote filters test` and `watch`: what authors are told."""

from __future__ import annotations

import json
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from omote_filters import Appearance, Filter, Scene, Stage
from omote_filters.listing import Listing
from omote_filters.registry import Registry
from omote_server.cli import app
from omote_server.workshop.trial import trial

run = CliRunner()
pytestmark = pytest.mark.usefixtures("tools")


def test_a_filter_is_put_to_the_test() -> None:
    good = run.invoke(app, ["filters", "test", "blush", "--json"])
    assert good.exit_code == 0, good.output
    checks = json.loads(good.stdout)
    assert len(checks) > 15
    assert all(each["good"] for each in checks)
    assert run.invoke(app, ["filters", "test", "no_such"]).exit_code == 2


@pytest.mark.parametrize(
    ("verb", "failing", "told"),
    [
        ("raise ValueError('here')", "it draws", "ValueError"),
        ("scene.picture[:] = 0", "it draws", "ValueError"),
        ("scene._warp = None", "it draws", "AttributeError"),
        ("scene.edit()[:] = time.time_ns() % 251", "the same recording", "scene.time"),
        ("[1 / f.landmarks[470, 0] for f in scene.faces]", "without irises", "IndexError"),
    ],
)
def test_a_bad_filter_fails_the_test(verb: str, failing: str, told: str) -> None:
    class Bad(Filter):
        """Bad."""

        id, name, appearance, stage = "bad", "Bad", Appearance.NOVELTY, Stage.PROP

        def apply(self, scene: Scene) -> None:
            exec(verb, {"scene": scene, "time": time})  # noqa: S102 - the cases above

    class Here(EntryPoint):
        def load(self) -> type[Filter]:
            return Bad

    registry = Registry([Here("bad", "here:Bad", "omote.filters")])
    bad = registry.find("bad")
    assert isinstance(bad, Listing)
    findings = list(trial(bad, registry))
    (found,) = [each for each in findings if failing in each.check]
    assert not found.good
    assert told in found.told


def test_a_pack_is_drawn_when_it_is_saved(tmp_path: Path) -> None:
    run.invoke(app, ["filters", "new", "my_look", "--folder", str(tmp_path)])
    out = tmp_path / "sheet.png"
    watch = ["filters", "watch", str(tmp_path / "my_look"), "--out", str(out), "--once"]
    drawn = run.invoke(app, watch)
    assert drawn.exit_code == 0, drawn.output
    sheet = cv2.imread(str(out))
    assert sheet is not None
    assert sheet.shape[0] > 600
    by_file = ["filters", "watch", str(tmp_path / "my_look" / "filter.yaml"), *watch[3:]]
    assert run.invoke(app, by_file).exit_code == 0
    (tmp_path / "notes.txt").write_text("no pack")
    assert run.invoke(app, ["filters", "watch", str(tmp_path / "notes.txt")]).exit_code == 2
    text = (tmp_path / "my_look" / "filter.yaml").read_text()
    (tmp_path / "my_look" / "filter.yaml").write_text(text.replace("lipstick", "lipstik"))
    wrong = run.invoke(app, watch)
    assert wrong.exit_code == 1
    assert "lipstik" in wrong.stderr
