"""Tells what became of every filter that was asked for: a table for people, or JSON."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from omote_filters.words import Degradation, Reason
from omote_server.media.report import MediaReport
from omote_server.workshop.account import Account, Fate

IN_VAIN = 3
"""The exit code where a filter that was asked for did nothing at all."""

_LESS = {
    Degradation.RATE_LIMITED: "frames came faster than they may",
    Degradation.NO_FACE_CONSENT: "nobody agreed that faces are found",
    Degradation.NO_DEMOGRAPHICS_CONSENT: "nobody agreed to estimates of age and gender",
    Degradation.MASKED: "what should have been hidden was covered instead",
    Degradation.FACE_LIMIT: "there may be more faces than were looked for",
}
_LEFT_OUT: dict[str, str] = {
    Reason.ERROR: "failed",
    Reason.OVERRUN: "took too long",
    Reason.DISABLED: "was switched off",
    Reason.CONSENT: "left out who did not agree",
    Reason.MINOR: "left out who is, or may be, under 18,",
}


def account_table() -> Table:
    """An empty table, for rows of a name and what is to be told of it."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def account_rows(account: Account) -> list[tuple[str, str]]:
    """What became of each filter, how many faces there were, and what was less than asked for."""
    rows = [(fate.filter_id, _told(fate, account.frames)) for fate in account.fates]
    if account.sees_faces:
        rows.append(("faces", _faces(account)))
    for reason, count in sorted(account.degraded.items()):
        less = _LESS[Degradation(reason)] if reason in set(Degradation) else reason
        rows.append(("less", f"{less}{_on(count, account.frames)}"))
    return rows


def account_json(account: Account) -> dict[str, Any]:
    """The same as plain values."""
    faces = {
        "most": account.most_faces,
        "frames": account.frames_with_faces,
    }
    return {
        "filters": [
            {
                "id": fate.filter_id,
                "frames": fate.frames,
                "bypassed": dict(fate.bypassed),
                "in_vain": fate.why or None,
                "unseen": fate.unseen or None,
            }
            for fate in account.fates
        ],
        "faces": faces if account.sees_faces else None,
        "degraded": dict(account.degraded),
    }


def media_rows(account: Account, report: MediaReport) -> list[tuple[str, str]]:
    """What became of each filter, and of the file's frames and streams."""
    changed = f", {account.changed or 0} changed"
    told = [(name, line + changed * (name == "frames")) for name, line in report.rows()]
    return account_rows(account) + told


def media_json(account: Account, report: MediaReport) -> dict[str, Any]:
    """The same as plain values."""
    frames = {
        "in": report.frames_in,
        "out": report.frames_out,
        "changed": account.changed or 0,
    }
    return {**account_json(account), "frames": frames, "media": report.as_json()}


def in_vain(account: Account) -> str:
    """Which filters did nothing; empty where all did something."""
    return "; ".join(f"{fate.filter_id} did nothing: {fate.why}" for fate in account.in_vain)


def _told(fate: Fate, frames: int) -> str:
    if fate.why:
        return f"did nothing: {fate.why}"
    told = f"applied{_on(fate.frames, frames)}"
    if fate.unseen:
        told += f", but there is nothing to see of it: {fate.unseen}"
    for reason, count in fate.bypassed.items():
        told += f"; {_LEFT_OUT.get(reason, reason)}{_on(count, frames)}".removesuffix(",")
    return told


def _faces(account: Account) -> str:
    if account.most_faces == 0:
        return "no face was found"
    most = "1" if account.most_faces == 1 else f"up to {account.most_faces} at once"
    return f"{most}{_on(account.frames_with_faces, account.frames)}"


def _on(count: int, frames: int) -> str:
    """On how many frames; of one picture it goes without saying."""
    return f" on {count} of {frames} frames" if frames > 1 else ""
