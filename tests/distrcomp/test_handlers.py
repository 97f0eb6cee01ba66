"""distrcomp.interrupts: the program's own signal handlers."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.distrcomp.kit import TIMEOUT_S, Nodes
from tests.distrcomp.test_interrupts import frame_inside

PROGRAM = """
import signal
import distrcomp as dc

class Late(Exception):
    pass

def late(number, stack):
    raise Late

counted = []
signal.signal(signal.SIGUSR1, lambda number, stack: counted.append(number))
dc.setup_connection()
assert signal.signal(signal.SIGALRM, late) is signal.SIG_DFL
assert signal.getsignal(signal.SIGALRM) is late
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
for number in range(200):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005 + number * 1e-5)
        while True:
            signal.raise_signal(signal.SIGUSR1)
            dc.send(0, number)
            dc.recv(0)
            dc.recv(0)
    except Late:
        pass
    while dc.iprobe():
        dc.recv(0)
assert counted
dc.close_connection()
try:
    signal.raise_signal(signal.SIGALRM)
except Late:
    print("to the end")
"""


def test_time_limits_by_alarm() -> None:
    """A program's own time limits end its calls and harm nothing; its handlers look as ever."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ("to the end\n", "", 0) == (result.stdout, result.stderr, result.returncode)


def test_a_handler_that_returns_costs_no_message(two: Nodes) -> None:
    """What was put off runs once, in the call; the call goes on."""
    handled: list[int] = []
    arrive = two.engines[0].signals.arrive
    for number in range(3):
        for _ in range(2):
            arrive(lambda each, _: handled.append(each), signal.SIGUSR1, frame_inside())
        two.send(1, 0, number)
        assert [] == handled[number:]
        assert two.receive(0, 1) == number
    assert [signal.SIGUSR1] * 3 == handled
    assert two.worlds[0].iprobe() is None


def test_every_handler_has_its_turn(two: Nodes) -> None:
    """Where the first of two raises, the other one runs in the next call."""
    arrive = two.engines[0].signals.arrive
    handled: list[int] = []
    arrive(signal.default_int_handler, signal.SIGINT, frame_inside())
    arrive(lambda number, _: handled.append(number), signal.SIGUSR1, frame_inside())
    with pytest.raises(KeyboardInterrupt):
        two.worlds[0].iprobe()
    assert [] == handled
    assert two.worlds[0].iprobe() is None
    assert [signal.SIGUSR1] == handled


def test_a_signal_inside_a_handler(two: Nodes) -> None:
    """One that comes while another is being put off is put off as well."""
    signals, handled = two.engines[0].signals, []

    class Number(int):
        """Compared by the first handler, at which moment the second signal comes."""

        def __eq__(self, other: object) -> bool:
            if not handled:
                handled.append(0)
                signals.arrive(lambda each, _: handled.append(each), 3, frame_inside())
            return int(self) == other

        __hash__ = int.__hash__

    for number in (1, 2):
        signals.arrive(lambda each, _: handled.append(each), number, frame_inside())
    handled.clear()
    signals.arrive(lambda each, _: handled.append(each), Number(4), frame_inside())
    two.worlds[0].iprobe()
    assert [0, 1, 2, 3, 4] == handled
