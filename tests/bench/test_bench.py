"""The ruler itself: it runs, and it measures what it says. No timing is asserted."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from omote_filters.registry import Registry
from omote_server.bench.soak import run_soak
from omote_server.workshop.clip import HEIGHT, WIDTH, clip_frames
from omote_server.workshop.cost import measure

pytestmark = pytest.mark.usefixtures("tools", "carphone")


def test_the_clip_is_480p() -> None:
    frames = clip_frames()
    assert len(frames) == 120
    assert {frame.shape for frame in frames} == {(HEIGHT, WIDTH, 3)}


def test_every_contestant_is_measured() -> None:
    command = [sys.executable, "-m", "omote_server", "bench", "--json"]
    done = subprocess.run(
        [*command, "--seconds", "1", "--rounds", "1", "--clients", "2"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert len(report["figures"]) == 6
    assert all(figures["frames"] > 5 for figures in report["figures"].values())
    assert len(report["ratios"]) == 8
    full = [f for name, f in report["figures"].items() if name.startswith("full server")]
    assert [f["dropped"] for f in full] == [0, 0], "what is offered is what it can take"
    unloaded = report["figures"]["1 live client, 1 worker"]
    assert 0 < unloaded["added_latency_p50_ms"] < unloaded["latency_p99_ms"]


def test_every_filter_is_measured() -> None:
    steps: list[str] = []
    costs, five = measure(["lipstick", "film_look", "hearts"], Registry(), steps.append)
    assert [cost.filters for cost in costs] == ["lipstick", "film_look", "hearts"] == steps[1:4]
    for cost in (*costs, five):
        assert 0 < cost.small <= cost.small_p95
        assert cost.large > 0
    lipstick, grade, particles = costs
    assert lipstick.jitter is not None
    assert 0 < lipstick.jitter < 0.5, "percent of the face's width: the bound that is promised"
    assert grade.jitter is None, "a grade has no place of its own"
    assert particles.jitter is None, "hearts are meant to move"


@pytest.mark.soak
def test_memory_is_flat_over_ten_thousand_frames() -> None:
    memory = run_soak("face_paint+big_eyes", 10_000, lambda: None)
    assert len(memory) == 20
    settled = memory[4:]
    assert max(settled) - min(settled) < 0.05 * settled[0], memory
