"""The labelling page in a real browser, before a server that is slow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from browser import CHROMIUM, Browser
from people import squares

from omote_models.datasets.labelling import Desk, Label, LabelServer
from omote_models.datasets.manifest import Entry, read_manifest

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

READY = "document.getElementById('form').getAttribute('aria-busy') === 'false'"
ERROR = "document.getElementById('error').textContent"
SHOWN = "document.getElementById('face').src.includes('/face/{}?')"


class SlowDesk(Desk):
    """Answers only when it is let."""

    let_save: Event
    let_show: Event
    hidden = -1
    """This face is shown only when it is let."""

    def label(self, label: Label) -> int:
        """Take its time, and save."""
        assert self.let_save.wait(60)
        return super().label(label)

    def entry(self, number: int) -> Entry:
        """Take its time before a face is shown."""
        assert number != self.hidden or self.let_show.wait(60)
        return super().entry(number)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SlowDesk]:
    with SlowDesk(squares(tmp_path / "set", [None] * 4), "2026-11-25", lambda path: {}) as slow:
        slow.let_save, slow.let_show = Event(), Event()
        slow.let_save.set()
        yield slow


@pytest.fixture
def page(desk: SlowDesk, tmp_path: Path) -> Iterator[Browser]:
    with LabelServer(desk) as server, Browser(tmp_path / "profile") as browser:
        thread = Thread(target=server.serve, daemon=True)
        thread.start()
        browser.open(server.address)
        browser.wait(f"{READY} && {SHOWN.format(0)}")
        yield browser
        desk.let_save.set()
        desk.let_show.set()
        server.close()
        thread.join(5)


def ages(desk: Desk) -> list[float | None]:
    return [entry.age for entry in read_manifest(desk.folder).samples]


def test_enter_twice_and_typing_on_harm_no_face(page: Browser, desk: SlowDesk) -> None:
    desk.let_save.clear()
    page.press("3", "1", "f", "Enter", "Enter", "6", "4", "m", "Enter", "s")
    desk.let_save.set()
    page.wait(f"{READY} && {SHOWN.format(1)}")
    assert ages(desk) == [31, None, None, None]
    assert "Not taken" in page.run(ERROR)
    assert page.run("document.getElementById('age').value") == ""
    page.press("4", "2", "Enter")
    page.wait(f"{READY} && {SHOWN.format(2)}")
    assert ages(desk) == [31, 42, None, None]
    assert not any(entry.skipped for entry in read_manifest(desk.folder).samples)


def test_nothing_is_taken_before_the_face_can_be_seen(page: Browser, desk: SlowDesk) -> None:
    desk.hidden = 1
    page.press("3", "1", "Enter")
    page.wait(SHOWN.format(1))
    page.press("9", "s")
    assert not page.run(READY)
    desk.let_show.set()
    page.wait(f"{READY} && document.getElementById('face').complete")
    assert page.run("document.getElementById('age').value") == ""
    assert ages(desk) == [31, None, None, None]
    page.press("1", "2", "Enter")
    page.wait(f"{READY} && {SHOWN.format(2)}")
    assert ages(desk) == [31, 12, None, None]


def test_a_save_that_fails_keeps_what_was_typed(page: Browser, desk: SlowDesk) -> None:
    blocked = desk.folder / "manifest.part"
    blocked.mkdir()
    page.press("3", "1", "Enter")
    page.wait(f"{READY} && {ERROR} !== ''")
    assert "disk full" in page.run(ERROR)
    assert page.run("document.getElementById('age').value") == "31"
    blocked.rmdir()
    page.press("Enter")
    page.wait(f"{READY} && {SHOWN.format(1)}")
    assert ages(desk)[0] == 31


def test_a_label_of_somebody_else_is_shown_and_kept(page: Browser, desk: SlowDesk) -> None:
    desk.label(Label(number=0, version=0, age=58))
    page.press("3", "1", "Enter")
    page.wait(f"{READY} && {ERROR} !== ''")
    assert "meanwhile" in page.run(ERROR)
    assert page.run("document.getElementById('age').value") == "58"
    assert ages(desk)[0] == 58
