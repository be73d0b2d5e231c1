"""What became of every filter that was asked for, in every way that there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from omote_filters.words import Bypass, Degradation, Reason
from omote_server.cli.telling import account_json, account_rows, in_vain
from omote_server.workshop.account import Account, Wish


@dataclass
class Outcome:
    """A filtered frame, as a pipeline or a client tells of it."""

    applied: Sequence[str] = ()
    bypassed: Sequence[Bypass] = ()
    degraded: Sequence[str] = ()
    faces: Sequence[object] = ()


FACE = ("a face",)


def test_a_filter_that_ran() -> None:
    account = Account([Wish("lipstick", faces=1)], sees_faces=True)
    account.add(Outcome(["lipstick"], faces=FACE), changed=True)
    assert account.in_vain == []
    assert account_rows(account) == [("lipstick", "applied"), ("faces", "1")]


def test_frames_are_added_up() -> None:
    account = Account([Wish("big_eyes", faces=1)], sees_faces=True)
    minor = Bypass("big_eyes", Reason.MINOR)
    degraded = [Degradation.NO_DEMOGRAPHICS_CONSENT]
    account.add(Outcome(["big_eyes"], faces=FACE), changed=True)
    account.add(Outcome(["big_eyes"], [minor], degraded, FACE * 2), changed=True)
    account.add(Outcome([], [minor], degraded, FACE), changed=False)
    account.add(Outcome(["big_eyes"]), changed=False)
    assert account_rows(account) == [
        (
            "big_eyes",
            "applied on 3 of 4 frames; left out who is, or may be, under 18, on 2 of 4 frames",
        ),
        ("faces", "up to 2 at once on 3 of 4 frames"),
        ("less", "nobody agreed to estimates of age and gender on 2 of 4 frames"),
    ]
    assert (account.frames, account.changed) == (4, 2)


@pytest.mark.parametrize(
    ("wish", "outcome", "why"),
    [
        (Wish("x", 1), Outcome(["x"]), "no face was found"),
        (Wish("x", 2), Outcome(["x"], faces=FACE), "it needs 2 faces, and there were at most 1"),
        (Wish("x", 1), Outcome(faces=FACE), "its conditions were never met"),
        (Wish("x", 1, lack="no OpenGL"), Outcome(["y"], faces=FACE), "no OpenGL"),
        *(
            (Wish("x", 1), Outcome([], [Bypass("x", reason)], faces=FACE), words)
            for reason, words in {
                Reason.ERROR: "it failed",
                Reason.DISABLED: "switched off",
                Reason.CONSENT: "nobody agreed",
                Reason.MINOR: "under 18",
            }.items()
        ),
    ],
)
def test_why_a_filter_did_nothing(wish: Wish, outcome: Outcome, why: str) -> None:
    account = Account([wish, Wish("y")], sees_faces=True)
    account.add(outcome, changed=False)
    fate, *_ = account.fates
    assert why in fate.why
    assert f"x did nothing: {fate.why}" in in_vain(account)
    assert account_json(account)["filters"][0]["in_vain"] == fate.why


def test_the_most_frequent_reason_is_told() -> None:
    account = Account([Wish("x")])
    for reason in (Reason.ERROR, Reason.DISABLED, Reason.DISABLED):
        account.add(Outcome([], [Bypass("x", reason)]))
    assert "switched off" in account.fates[0].why


def test_a_filter_without_faces_needs_none() -> None:
    account = Account([Wish("vignette"), Wish("lipstick", 1)], sees_faces=True)
    account.add(Outcome(["vignette", "lipstick"]), changed=True)
    assert [fate.filter_id for fate in account.in_vain] == ["lipstick"]
    assert account_rows(account)[-1] == ("faces", "no face was found")


def test_whoever_shows_no_faces_is_not_blamed_for_it() -> None:
    account = Account([Wish("lipstick", 1)])
    account.add(Outcome(["lipstick"]))
    assert account.in_vain == []
    assert account_json(account)["faces"] is None


def test_what_ran_and_is_not_seen() -> None:
    account = Account([Wish("content", 1, draws=False), Wish("hearts", 1)], sees_faces=True)
    account.add(Outcome(["content", "hearts"], faces=FACE), changed=False)
    assert account.in_vain == []
    assert [bool(fate.unseen) for fate in account.fates] == [True, True]
    assert "only sends events" in account_rows(account)[0][1]
    account.add(Outcome(["content", "hearts"], faces=FACE), changed=True)
    assert not any(fate.unseen for fate in account.fates)
