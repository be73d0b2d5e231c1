"""One thread that works for many: whose results, errors and time are whose, and how it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from heads import head, skin_picture

from omote_filters.builtin.play.head_3d import Head3d
from omote_filters.draw.render import lack
from omote_filters.onethread import OneThread, Stuck, cpu_elsewhere
from omote_filters.scene import Scene

CALLERS = 16
FACE = head(width=120)


def burnt(seconds: float) -> float:
    """Use so much CPU time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return seconds


def test_every_caller_gets_its_own_result_from_the_same_thread() -> None:
    one = OneThread("one")
    with ThreadPoolExecutor(CALLERS) as pool:
        found = list(
            pool.map(lambda n: one.run(lambda: (n, threading.get_ident())), range(10 * CALLERS))
        )
    assert [n for n, _ in found] == list(range(10 * CALLERS))
    assert len({thread for _, thread in found}) == 1
    one.close()


@pytest.mark.parametrize("error", [ValueError("bad"), TimeoutError("mine"), SystemExit(3)])
def test_an_error_is_the_callers_and_the_thread_lives_on(error: BaseException) -> None:
    def fail() -> None:
        raise error

    one = OneThread("one")
    with pytest.raises(type(error)) as raised:
        one.run(fail)
    assert raised.value is error
    assert one.run(lambda: 7) == 7
    one.close()


def test_time_counts_for_the_caller_that_it_was_spent_for() -> None:
    one, mine = OneThread("one"), cpu_elsewhere()

    def of(seconds: float) -> float:
        one.run(lambda: burnt(seconds))
        return cpu_elsewhere()

    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        long, short = first.submit(of, 0.1).result(), second.submit(of, 0.0).result()
    assert long >= 0.1
    assert 0.0 <= short < long
    assert cpu_elsewhere() == mine, "what others had done is not ours"
    one.close()


def test_a_thread_that_hangs_is_said_and_late_jobs_are_dropped() -> None:
    held, late = threading.Event(), threading.Event()
    one = OneThread("one", patience=0.05)
    with pytest.raises(Stuck, match="one did not end it"):
        one.run(held.wait)
    with pytest.raises(Stuck):
        one.run(late.set)
    held.set()
    one.close()
    assert not late.is_set()


def test_it_ends_in_its_own_thread_and_starts_again() -> None:
    ends: list[int] = []
    one = OneThread("one", lambda: ends.append(threading.get_ident()))
    first = one.run(threading.get_ident)
    one.close()
    one.close()
    assert ends == [first]
    assert one.run(lambda: 7) == 7
    one.close()


needs_opengl = pytest.mark.skipif(bool(lack()), reason=lack() or "there is OpenGL")


def worn() -> bytes:
    """A picture of somebody with a solid head, by a filter of its own."""
    scene = Scene(skin_picture(), [FACE])
    filter_ = Head3d()
    filter_.start()
    filter_.apply(scene)
    return scene.picture.tobytes()


@needs_opengl
def test_many_sessions_draw_in_3d_at_once_and_get_the_same() -> None:
    together = threading.Barrier(CALLERS)

    def drawn(_: int) -> list[bytes]:
        together.wait()
        return [worn() for _ in range(3)]

    with ThreadPoolExecutor(CALLERS) as pool:
        pictures = [picture for many in pool.map(drawn, range(CALLERS)) for picture in many]
    assert set(pictures) == {worn()}
    assert worn() != skin_picture().tobytes()


ENDS = """
import sys
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, sys.argv[1])
from test_onethread import worn
worn()
if sys.argv[2] == "busy":
    pool = ThreadPoolExecutor(3)
    for _ in range(12):
        pool.submit(worn)
"""
"""Its last line may be reached long before the last picture is drawn."""


@needs_opengl
@pytest.mark.parametrize("how", ["idle", "busy"])
def test_a_process_that_drew_ends_in_order(how: str, request: pytest.FixtureRequest) -> None:
    command = [sys.executable, "-W", "error", "-c", ENDS, str(request.path.parent), how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
