"""Whose turn it is on the worker threads, and what becomes of one that hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from itertools import pairwise

import pytest

from omote_server.frames.pool import Account, Pool


class Step:
    """A turn that runs a function and counts as so much time."""

    def __init__(self, account: Account, act: Callable[[], object] = lambda: None) -> None:
        self.account = account
        self.done: Future[object] = Future()
        self._act = act

    def run(self) -> None:
        self.done.set_result(self._act())

    def give_up(self) -> None:
        self.done.set_exception(TimeoutError("hung"))


class Stuck(Step):
    """A turn that runs until it is released; by then nobody listens."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.release = threading.Event()

    def run(self) -> None:
        self.release.wait()


def blocked(pool: Pool) -> threading.Event:
    """A worker that is busy until the event is set."""
    gate, there = threading.Event(), threading.Event()

    def wait() -> None:
        there.set()
        gate.wait()

    pool.submit(Step(Account(), wait))
    there.wait()
    return gate


def test_who_used_least_goes_first_whatever_came_first() -> None:
    pool = Pool(1, hang_s=600)
    gate = blocked(pool)
    order: list[str] = []
    accounts = {"greedy": Account(900.0), "modest": Account(500.0), "newcomer": Account()}
    steps = [Step(account, partial(order.append, name)) for name, account in accounts.items()]
    for step in steps:
        pool.submit(step)
    gate.set()
    for step in steps:
        step.done.result(60)
    assert order == ["newcomer", "modest", "greedy"]
    assert pool.close(60)


def test_nobody_saves_up_turns_while_away() -> None:
    """Whoever comes back after an hour starts level with those who stayed."""
    pool = Pool(1, hang_s=600)
    stayed, away = Account(3600.0), Account(0.0)
    first = Step(stayed)
    pool.submit(first)
    first.done.result(60)
    second = Step(away)
    pool.submit(second)
    second.done.result(60)
    assert away.used >= 3600.0
    assert pool.close(60)


def test_turns_alternate_between_equals() -> None:
    pool = Pool(1, hang_s=600)
    order: list[str] = []
    accounts = {"a": Account(), "b": Account()}

    def work(name: str) -> Callable[[], None]:
        def act() -> None:
            accounts[name].used += 10.0  # as if it had taken long
            order.append(name)

        return act

    for _ in range(8):
        gate = blocked(pool)
        steps = [Step(accounts[name], work(name)) for name in ("a", "b")]
        for step in steps:
            pool.submit(step)
        gate.set()
        for step in steps:
            step.done.result(60)
    assert order.count("a") == order.count("b") == 8
    assert not any(len({*three}) == 1 for three in zip(order, order[1:], order[2:], strict=False))
    assert len([1 for one, other in pairwise(order) if one != other]) >= 7
    assert pool.close(60)


def test_a_turn_that_nobody_waits_for_is_not_run() -> None:
    pool = Pool(1, hang_s=600)
    gate = blocked(pool)
    unwanted = Step(Account(), lambda: pytest.fail("it ran"))
    pool.submit(unwanted)
    pool.withdraw(unwanted)
    gate.set()
    assert pool.close(60)
    assert not unwanted.done.done()


def test_a_hung_turn_is_answered_and_its_thread_replaced() -> None:
    hangs: list[int] = []
    told = threading.Event()

    def note(count: int) -> None:
        hangs.append(count)
        told.set()

    pool = Pool(1, hang_s=1, on_hang=note)
    stuck = Stuck(Account())
    pool.submit(stuck)
    with pytest.raises(TimeoutError):
        stuck.done.result(60)
    after = Step(Account(), lambda: "alive")
    pool.submit(after)
    assert after.done.result(60) == "alive"
    assert told.wait(60)
    assert hangs == [1]
    stuck.release.set()
    assert not pool.close(60), "it says that it left something behind"


def test_a_closed_pool_takes_nothing_and_finishes_what_it_has() -> None:
    pool = Pool(1, hang_s=600)
    gate = blocked(pool)
    step = Step(Account(), lambda: 1)
    pool.submit(step)
    closing = threading.Thread(target=pool.close, args=(60,))
    closing.start()
    gate.set()
    assert step.done.result(60) == 1
    closing.join(60)
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(step)
