"""Runs the contestants side by side and compares them as ratios."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from omote_server.bench.load import Load, run_load
from omote_server.bench.loops import SESSIONS
from omote_server.serving.settings import Settings

Figures = dict[str, float]

NAIVE = "naive loop"
BARE = "bare loop"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    chain: str = "lipstick+big_eyes"
    seconds: float = 8.0
    rounds: int = 2
    clients: int = 3
    faces: int = 1

    @property
    def one(self) -> Load:
        """A full server with one worker thread: beside the bare loop, what a server costs."""
        return Load(self.chain, SESSIONS, 1, self.seconds, self.faces, full=True)

    @property
    def all(self) -> Load:
        """A full server as it is by default, on all cores."""
        workers = Settings().workers
        return Load(self.chain, workers + 1, workers, self.seconds, self.faces, full=True)

    @property
    def live(self) -> Load:
        """Cameras on a server as it is by default: what is late, and what is dropped."""
        clients = self.clients * (os.cpu_count() or 1)
        return Load(self.chain, clients, Settings().workers, self.seconds, self.faces)

    @property
    def alone(self) -> Load:
        """One camera on one worker."""
        return Load(self.chain, 1, 1, self.seconds, self.faces)


def name_of(load: Load) -> str:
    """How a server is called in the report."""
    workers = f"{load.workers} worker{'s' if load.workers > 1 else ''}"
    if load.full:
        return f"full server, {workers}"
    return f"{load.clients} live client{'s' if load.clients > 1 else ''}, {workers}"


def run_bench(plan: Plan, on_step: Callable[[str], None]) -> dict[str, Figures]:
    """The median of each figure of each contestant over the rounds.

    The contestants take turns, so that a noisy minute hits all of them.
    """
    steps: dict[str, Callable[[], Figures]] = {
        NAIVE: lambda: _loop("naive", plan),
        BARE: lambda: _loop("bare", plan),
    }
    for load in (plan.one, plan.all, plan.alone, plan.live):
        steps[name_of(load)] = partial(run_load, load)
    found: dict[str, list[Figures]] = {name: [] for name in steps}
    for _ in range(plan.rounds):
        for name, step in steps.items():
            on_step(name)
            found[name].append(step())
    return {name: _median(rounds) for name, rounds in found.items()}


def ratios(figures: dict[str, Figures], plan: Plan) -> dict[str, float]:
    """What is to be compared between runs and machines."""
    naive, bare = figures[NAIVE], figures[BARE]
    one, many = figures[name_of(plan.one)], figures[name_of(plan.all)]
    cores = f"{os.cpu_count() or 1} cores"
    cpu = "cpu_ms_per_frame"
    return {
        "frames/s: server on 1 worker / bare loop": one["fps"] / bare["fps"],
        f"frames/s: server on {cores} / server on 1 worker": many["fps"] / one["fps"],
        "frames/s: server on 1 worker / naive loop": one["fps"] / naive["fps"],
        f"frames/s: server on {cores} / naive loop": many["fps"] / naive["fps"],
        "frames/s: bare loop / naive loop": bare["fps"] / naive["fps"],
        "CPU a frame: server on 1 worker / bare loop": one[cpu] / bare[cpu],
        f"CPU a frame: server on {cores} / bare loop": many[cpu] / bare[cpu],
        "CPU ms a frame: server on 1 worker above the bare loop": one[cpu] - bare[cpu],
    }


def _loop(which: str, plan: Plan) -> Figures:
    command = [sys.executable, "-m", "omote_server.bench.loops", which]
    command += [str(plan.seconds), str(plan.faces), plan.chain]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the {which} loop failed:\n{done.stderr[-2000:]}")
    figures: Figures = json.loads(done.stdout)
    return figures


def _median(rounds: list[Figures]) -> Figures:
    return {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}
