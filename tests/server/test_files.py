"""Files are whole or not there, and what hinders them is called what it is."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from omote_server.media.files import Draft, MediaError, why
from omote_server.media.pictures import read_picture, write_picture
from omote_server.media.video import VideoError, VideoReader, VideoWriter

Pixels = NDArray[np.uint8]

_WITHOUT_PERMISSION = """
import os
from pathlib import Path
import numpy as np
from omote_server.media.files import MediaError
from omote_server.media.pictures import write_picture
if os.getuid() == 0:
    os.setuid(65534)
try:
    write_picture(Path("/omote.png"), np.zeros((4, 4, 3), np.uint8))
except MediaError as error:
    print(error)
"""


def _noise(side: int = 64) -> Pixels:
    return np.random.default_rng(1).integers(0, 255, (side, side, 3), np.uint8)


def _film(target: Path, frames: int, end: type[BaseException] | None = None) -> None:
    with VideoWriter(target, 30) as writer:
        for number in range(frames):
            writer.write(np.roll(_noise(256), number, 0), number / 30)
        if end is not None:
            raise end


def test_a_picture_is_written_as_it_is(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", _noise())
    assert (read_picture(tmp_path / "a.png").pixels == _noise()).all()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_draft_is_gone_on_any_failure(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("before")

    def broken_off_by(error: type[BaseException]) -> None:
        with Draft(target) as draft:
            draft.path.write_text("half")
            raise error

    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error):
            broken_off_by(error)
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_a_link_and_a_file_keeps_its_mode(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("before")
    real.chmod(0o600)
    link.symlink_to(real)
    with Draft(link) as draft:
        draft.path.write_text("after")
    assert link.is_symlink()
    assert real.read_text() == "after"
    assert real.stat().st_mode & 0o777 == 0o600


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    full = tmp_path / "full.png"
    full.symlink_to("/dev/full")
    with pytest.raises(MediaError, match="the disk is full"):
        write_picture(full, _noise())
    assert Path("/dev/full").is_char_device()
    assert list(tmp_path.iterdir()) == [full]


def test_what_hinders_a_picture_is_called_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for target, words in {
        "none/a.png": f"there is no folder {tmp_path / 'none'}",
        "file/a.png": f"{tmp_path / 'file'} is not a folder",
        f"{'a' * 300}.png": "its name is too long",
        "a.xyz": "take one of .avif, .bmp, .gif, .jfif, .jpe, .jpeg, .jpg",
        "a": "take one of",
    }.items():
        with pytest.raises(MediaError, match="cannot be written") as refused:
            write_picture(tmp_path / target, _noise())
        assert words in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_without_permission() -> None:
    command = [sys.executable, "-c", _WITHOUT_PERMISSION]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "/omote.png cannot be written: permission denied" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "your share of the disk"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EPERM, "permission denied"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_what_the_system_means(number: int, words: str, tmp_path: Path) -> None:
    assert words in why(OSError(number, os.strerror(number)), tmp_path / "a.png")


@pytest.mark.usefixtures("limited")
def test_a_video_that_does_not_fit_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="larger than a file may be here"):
        _film(tmp_path / "a.mp4", 90)
    with pytest.raises(MediaError, match="larger than a file may be here"):
        write_picture(tmp_path / "a.png", _noise(512))
    assert not list(tmp_path.iterdir())


@pytest.fixture
def limited() -> Iterator[None]:
    """Files of at most 100 kB, as on a disk that is nearly full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_video_is_whole_or_not_there(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    with pytest.raises(KeyboardInterrupt):
        _film(target, 1, KeyboardInterrupt)
    with pytest.raises(VideoError, match="no frame"):
        _film(target, 0)
    assert not list(tmp_path.iterdir())
    _film(target, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    with VideoReader(target) as reader:
        assert sum(1 for _ in reader.frames()) == 1


def test_what_cannot_be_read_is_called_what_it_is(tmp_path: Path) -> None:
    text = tmp_path / "text.png"
    text.write_text("text")
    empty = tmp_path / "empty.png"
    empty.touch()
    for path, words in {
        text: "is not a picture",
        empty: "is not a picture",
        tmp_path: "it is a folder",
        tmp_path / "none.png": "there is no such file",
    }.items():
        with pytest.raises(MediaError, match=words):
            read_picture(path)
    with pytest.raises(VideoError, match="there is no such file"):
        VideoReader(tmp_path / "none.mp4")


def test_what_a_process_left_behind_is_swept_away(tmp_path: Path) -> None:
    target, dead = tmp_path / "out.png", 12345
    ours = Draft(target).path
    left = ours.with_name(ours.name.replace(str(os.getpid()), str(dead)))
    left.write_bytes(b"half")
    Draft.sweep(target, dead + 1)
    assert left.exists(), "another's"
    Draft.sweep(target, dead)
    assert list(tmp_path.iterdir()) == []
