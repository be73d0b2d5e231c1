"""Figures of an evaluation as tables that fit a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from omote_models.evaluation.figures import Evaluation, Figure, Row
from omote_models.evaluation.report import brief_interval, shown

_SHORT = {
    "age MAE": "MAE",
    "age bias": "bias",
    "age 80 % interval": "in 80 %",
    "age band exact": "band",
    "age band within one": "±1 band",
    "age group exact": "group",
    "age group within one": "±1 group",
    "gender accuracy": "right",
    "gender ECE": "ECE",
    "gender shown": "shown",
    "gender accuracy shown": "right shown",
}
_HEADLINES = ("age MAE", "age group exact", "gender accuracy")
_WIDEST_NAME = 20


def figure_tables(found: Evaluation) -> Iterator[Table]:
    """One estimator's figures: a table of age and one of gender."""
    names = list(found.rows[0].figures)
    for about in ("age", "gender"):
        own = [name for name in names if name.startswith(about)]
        table = _table(f"{about}", ["faces", *(_SHORT.get(name, name) for name in own)])
        for row in found.rows:
            table.add_row(row.name, str(row.count), *(_cell(n, row.figures[n]) for n in own))
        yield table


def side_by_side(found: Mapping[str, Evaluation]) -> Iterator[Table]:
    """Several estimators' figures: all of them for all faces, then the first ones by part.

    Args:
        found: by the estimator's name; all of the same faces.
    """
    rows = [evaluation.rows for evaluation in found.values()]
    names = list(rows[0][0].figures)
    table = _table(f"all {rows[0][0].count} faces", list(found))
    for name in names:
        table.add_row(name, *_cells(name, [part[0] for part in rows]))
    yield table
    for name in (name for name in _HEADLINES if name in names):
        table = _table(name, ["faces", *found])
        for same in zip(*rows, strict=True):
            table.add_row(same[0].name, str(same[0].count), *_cells(name, same))
        yield table


def _table(about: str, columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(about, max_width=_WIDEST_NAME, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    return table


def _cells(name: str, rows: Sequence[Row]) -> list[Text]:
    return [_cell(name, row.figures[name]) for row in rows]


def _cell(name: str, figure: Figure) -> Text:
    return Text.assemble(shown(name, figure), "\n", (brief_interval(name, figure), "dim"))
