"""Runs the contestants side by side and compares them as ratios."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from omote_server.bench.load import Load, run_load
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
        """A saturated server with one worker thread."""
        return Load(self.chain, self.clients, 1, self.seconds, self.faces)

    @property
    def all(self) -> Load:
        """A saturated server as it is by default, on all cores."""
        clients = self.clients * (os.cpu_count() or 1)
        return Load(self.chain, clients, Settings().workers, self.seconds, self.faces)


def name_of(load: Load) -> str:
    """How a saturated server is called in the report: its workers and its clients."""
    return f"server, {load.workers} worker{'s' if load.workers > 1 else ''} × {load.clients}"


UNLOADED = "server, 1 client"


def run_bench(plan: Plan, on_step: Callable[[str], None]) -> dict[str, Figures]:
    """The median of each figure of each contestant over the rounds.

    The contestants take turns, so that a noisy minute hits all of them.
    """
    unloaded = Load(plan.chain, 1, 1, plan.seconds, plan.faces)
    steps: dict[str, Callable[[], Figures]] = {
        NAIVE: lambda: _loop("naive", plan),
        BARE: lambda: _loop("bare", plan),
        UNLOADED: lambda: run_load(unloaded),
        name_of(plan.one): lambda: run_load(plan.one),
        name_of(plan.all): lambda: run_load(plan.all),
    }
    found: dict[str, list[Figures]] = {name: [] for name in steps}
    for _ in range(plan.rounds):
        for name, step in steps.items():
            on_step(name)
            found[name].append(step())
    return {name: _median(rounds) for name, rounds in found.items()}


def ratios(figures: dict[str, Figures], plan: Plan) -> dict[str, float]:
    """What is to be compared between runs and machines."""
    naive, bare = figures[NAIVE]["fps"], figures[BARE]["fps"]
    one, many = figures[name_of(plan.one)]["fps"], figures[name_of(plan.all)]["fps"]
    cores = f"{os.cpu_count() or 1} cores"
    return {
        "server on 1 worker / bare loop": one / bare,
        f"server on {cores} / server on 1 worker": many / one,
        "server on 1 worker / naive loop": one / naive,
        f"server on {cores} / naive loop": many / naive,
        "bare loop / naive loop": bare / naive,
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
