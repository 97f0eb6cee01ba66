"""A node that is stopped and not continued, as its agent notices it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from launcher.agent.guardian import STOPPED_LOOKS, StopWatch, status_of
from launcher.agent.stopped import wait_stopped
from tests.leaks import LeakChecker, wait_until

STOPPED = "Name:\tx\nState:\tT (stopped)\nvoluntary_ctxt_switches:\t{}\n"
TRACED = STOPPED.replace("T (stopped)", "t (tracing stop)")
RUNS = STOPPED.replace("T (stopped)", "R (running)")
INTERVAL_S = 0.01


def looks(*statuses: str) -> list[bool]:
    """What a fresh watch says to each of these."""
    watch = StopWatch()
    return [watch.look(status) for status in statuses]


def test_stopped_for_long() -> None:
    """A process that is seen stopped often enough, without a break, stays so (F-05)."""
    statuses = [RUNS.format(1)] + [STOPPED.format(7)] * (STOPPED_LOOKS + 1)
    assert [False] * STOPPED_LOOKS + [True, True] == looks(*statuses)


def test_a_short_stop_is_none() -> None:
    """Who goes on before the bound begins anew (F-05)."""
    short = [STOPPED.format(7)] * (STOPPED_LOOKS - 1)
    assert True not in looks(*short, RUNS.format(8), *short)


def test_a_slow_one_is_not_stopped() -> None:
    """One that is stopped at each look and was continued in between makes its way (F-05)."""
    assert True not in looks(*(STOPPED.format(n) for n in range(5 * STOPPED_LOOKS)))


@pytest.mark.parametrize("status", [TRACED, RUNS, "", "State:\tS (sleeping)"])
def test_a_debugger_may_stop_it(status: str) -> None:
    """A tracing stop is a debugger's affair, and who is gone is not stopped (F-05)."""
    assert True not in looks(*[status.format(7)] * 50)


@pytest.fixture
def child(leaks: LeakChecker) -> Iterator[subprocess.Popen[bytes]]:
    """A process that sleeps."""
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as process:
        yield process
        process.kill()


def is_in_state(pid: int, letter: str) -> bool:
    """Whether the kernel says so."""
    return f"State:\t{letter}" in status_of(pid)


@pytest.mark.processes
def test_a_real_process(child: subprocess.Popen[bytes]) -> None:
    """The kernel's own words are understood: SIGSTOP is noticed (F-05)."""
    child.send_signal(signal.SIGSTOP)
    asyncio.run(asyncio.wait_for(wait_stopped(child.pid, INTERVAL_S), 30))
    assert is_in_state(child.pid, "T")


@pytest.mark.processes
def test_continued_in_between(child: subprocess.Popen[bytes]) -> None:
    """A process that was continued, however briefly, is told from one that was not (F-05)."""
    wait_until(lambda: is_in_state(child.pid, "S"), 10, "it to sleep")
    watch = StopWatch()
    for _ in range(3 * STOPPED_LOOKS):
        child.send_signal(signal.SIGSTOP)
        wait_until(lambda: is_in_state(child.pid, "T"), 10, "it to be stopped")
        assert not watch.look(status_of(child.pid))
        child.send_signal(signal.SIGCONT)
        wait_until(lambda: is_in_state(child.pid, "S"), 10, "it to go on")


@pytest.mark.processes
def test_ours_is_not_stopped() -> None:
    """A process that runs is seen to run."""
    assert not is_in_state(os.getpid(), "T")
    assert "" == status_of(2**22 + 1)
