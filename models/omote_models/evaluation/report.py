"""An evaluation as JSON, as one HTML page without anything from outside, and in a model card."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from pathlib import Path

from omote_models.evaluation.figures import Evaluation, Figure, Row
from omote_models.evaluation.samples import Dataset

_YEARS = ("age MAE", "age bias")
_PLOT = 260
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#1c1c1e}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25em .8em;text-align:right;border-bottom:1px solid #ddd}
th:first-child,td:first-child{text-align:left}small{color:#777}
figure{display:inline-block;margin:1em 2em 1em 0}svg{background:#fafafa}
"""


def shown(name: str, figure: Figure) -> str:
    """A figure for people, without its interval."""
    if figure.value != figure.value:
        return "–"
    if name in _YEARS:
        return f"{figure.value:.2f} y"
    return f"{figure.value:.3f}" if name == "gender ECE" else f"{100 * figure.value:.1f} %"


def interval(name: str, figure: Figure) -> str:
    """The 95 % interval of a figure for people; empty where there is none."""
    if figure.low != figure.low:
        return ""
    scale, places = (1, 2) if name in _YEARS else (1, 3) if name == "gender ECE" else (100, 1)
    return f"{scale * figure.low:.{places}f} to {scale * figure.high:.{places}f}"


def brief_interval(name: str, figure: Figure) -> str:
    """The 95 % interval where there is little room: whole percents, tenths of a year."""
    if figure.low != figure.low:
        return ""
    scale, places = (1, 1) if name in _YEARS else (1, 2) if name == "gender ECE" else (100, 0)
    return f"{scale * figure.low:.{places}f}…{scale * figure.high:.{places}f}"


def as_json(dataset: Dataset, found: Evaluation, made_with: dict[str, object]) -> str:
    """Everything, for programs; a figure that nothing carries is null."""
    return json.dumps(
        {
            "dataset": {
                "name": dataset.name,
                "kind": dataset.kind,
                "samples": len(dataset.samples),
            },
            "made_with": made_with,
            "notes": found.notes,
            "rows": [_row(row) for row in found.rows],
            "abstention": [
                {"threshold": t, "answered": _number(share), "accuracy": _number(right)}
                for t, share, right in found.abstention
            ],
            "reliability": [
                {"confidence": said, "accuracy": right, "count": count}
                for said, right, count in found.reliability
            ],
            "latency_ms": {"median": found.latency[0], "p95": found.latency[1]},
            "problems": dataset.problems,
        },
        indent=2,
    )


def _row(row: Row) -> dict[str, object]:
    figures = {
        name: {"value": _number(f.value), "low": _number(f.low), "high": _number(f.high)}
        for name, f in row.figures.items()
    }
    return {"name": row.name, "count": row.count, "figures": figures}


def _number(value: float) -> float | None:
    return round(value, 5) if value == value else None


def as_html(dataset: Dataset, found: Evaluation, made_with: dict[str, object]) -> str:
    """One page with tables and plots."""
    title = html.escape(f"Omote evaluation: {dataset.name}")
    facts = ", ".join(f"{html.escape(k)} {html.escape(str(v))}" for k, v in made_with.items())
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in found.notes)
    problems = "".join(f"<li>{html.escape(line)}</li>" for line in dataset.problems)
    reliability = [(said, right) for said, right, _ in found.reliability]
    abstention = [(share, right) for _, share, right in found.abstention if right == right]
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>{_STYLE}</style><h1>{title}</h1><p>{facts}</p><ul>{notes}</ul>
{_table(found.rows)}
<figure>{_plot(reliability, (0.5, 1.0), "confidence", "accuracy", diagonal=True)}
<figcaption>Gender: calibration</figcaption></figure>
<figure>{_plot(abstention, (0.0, 1.0), "share of faces answered", "accuracy")}
<figcaption>Gender: abstention</figcaption></figure>
<p>One reading takes {found.latency[0]:.1f} ms (median), {found.latency[1]:.1f} ms (95th
percentile). Small print under a figure is its 95 % interval by bootstrap.</p>
<h2>Left out</h2><ul>{problems or "<li>nothing</li>"}</ul></html>
"""


def _table(rows: Sequence[Row]) -> str:
    names = list(rows[0].figures)
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("", "faces", *names))
    body = "".join(
        f"<tr><td>{html.escape(row.name)}</td><td>{row.count}</td>"
        + "".join(
            f"<td>{shown(n, row.figures[n])}<br><small>{interval(n, row.figures[n])}</small></td>"
            for n in names
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _plot(
    points: Sequence[tuple[float, float]],
    across: tuple[float, float],
    x_label: str,
    y_label: str,
    diagonal: bool = False,
) -> str:
    """A line through points as SVG; y runs from 0.5 to 1."""
    left, size = 40, _PLOT - 80

    def place(x: float, y: float) -> str:
        right = left + (x - across[0]) / (across[1] - across[0]) * size
        return f"{right:.1f},{20 + (1 - max(0.0, (y - 0.5) * 2)) * size:.1f}"

    line = " ".join(place(x, y) for x, y in points)
    dots = "".join(
        '<circle cx="{}" cy="{}" r="3"/>'.format(*place(x, y).split(",")) for x, y in points
    )
    ideal = f'<polyline points="{place(0.5, 0.5)} {place(1, 1)}" stroke="#bbb" fill="none"/>'
    bottom = 20 + size
    return (
        f'<svg width="{_PLOT}" height="{_PLOT}" font-size="11">'
        f'<rect x="{left}" y="20" width="{size}" height="{size}" fill="none" stroke="#ccc"/>'
        f"{ideal if diagonal else ''}"
        f'<polyline points="{line}" stroke="#0a66c2" stroke-width="2" fill="none"/>{dots}'
        f'<text x="{left}" y="{bottom + 15}">{across[0]:g}</text>'
        f'<text x="{left + size - 8}" y="{bottom + 15}">{across[1]:g}</text>'
        f'<text x="{left + size / 3:.0f}" y="{bottom + 30}">{html.escape(x_label)}</text>'
        f'<text x="5" y="{bottom}">50 %</text><text x="2" y="28">100 %</text>'
        f'<text x="{left}" y="14">{html.escape(y_label)}</text></svg>'
    )


def update_card(card: Path, dataset: Dataset, found: Evaluation, today: str) -> None:
    """Put the figures into a model card; those of an earlier run on this data set are replaced.

    Raises:
        OSError: the card cannot be read or written.
    """
    begin, end = f"<!-- omote evaluate: {dataset.name} -->", "<!-- end -->"
    names = list(found.rows[0].figures)
    lines = [
        begin,
        f"### Measured on {dataset.name}, {today}",
        "",
        f"| | faces | {' | '.join(names)} |",
        f"|---|---{'|---' * len(names)}|",
        *(
            f"| {row.name} | {row.count} | "
            + " | ".join(shown(name, row.figures[name]) for name in names)
            + " |"
            for row in found.rows
        ),
        *(f"\n{note}" for note in found.notes),
        end,
    ]
    section = "\n".join(lines)
    text = card.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(begin) + r".*?" + re.escape(end), re.DOTALL)
    if pattern.search(text):
        text = pattern.sub(lambda _: section, text)
    else:
        text = f"{text.rstrip()}\n\n{section}\n"
    card.write_text(text, encoding="utf-8")
