"""What the nodes of a soak run: `program.py KIND SHAPE SEED`.

KIND is traffic, stuck or patient; a stuck one deadlocks on purpose, a patient one looks as if it
did and goes on; both begin with some traffic. Each node prints one line of JSON for the judge: what
it sent and received, whether it came to its end, when it began its last wait and when that ended.
Times are of the one clock that the hosts of the soak share.
"""

from __future__ import annotations

import contextlib
import json
import select
import signal
import subprocess
import sys
import threading
import time
from random import Random
from typing import Any

from shapes import stuck_nodes
from traffic import Traffic

import distrcomp as dc

times: dict[str, float | str] = {}


def pause(seconds: float) -> None:
    """Does nothing, as time.sleep does."""
    select.select([], [], [], seconds)


# --- programs that deadlock: each takes the nodes that do, of which this one is one ---------------


def ring(stuck: list[int], here: int) -> None:
    """Each waits for the next one."""
    dc.recv(stuck[(here + 1) % len(stuck)], tag=5)


def ssend(stuck: list[int], here: int) -> None:
    """Each waits for the next one to receive."""
    dc.ssend(stuck[(here + 1) % len(stuck)], "never received", tag=5)


def wrong_tag(stuck: list[int], here: int) -> None:
    """Each has sent what the next one waits for, with another tag."""
    dc.send(stuck[(here + 1) % len(stuck)], "near miss", tag=5)
    dc.recv(stuck[here - 1], tag=6)


def request(stuck: list[int], here: int) -> None:
    """The same as `ring` by requests."""
    other = stuck[(here + 1) % len(stuck)]
    dc.Request.wait_any([dc.irecv(other, tag=5), dc.irecv(other, tag=6)])


def probe(stuck: list[int], here: int) -> None:
    """Each looks for a message of the next one."""
    dc.probe(stuck[(here + 1) % len(stuck)], tag=5)


def threads(stuck: list[int], here: int) -> None:
    """Two threads of each wait."""
    other = stuck[(here + 1) % len(stuck)]
    thread = threading.Thread(target=lambda: _in_thread(other), daemon=True)
    thread.start()
    dc.recv(other, tag=6)


def _in_thread(other: int) -> None:
    with contextlib.suppress(dc.DistrcompError):
        dc.recv(other, tag=5)


def barrier(stuck: list[int], here: int) -> None:
    """All of the world are in the barrier but one, which waits for another."""
    if here == 0:
        dc.recv(stuck[1], tag=5)
    else:
        dc.barrier()


def be_stuck(shape: str, seed: int) -> None:
    """Deadlocks if this node is to; else computes for a while and ends."""
    stuck = stuck_nodes(shape, seed, dc.n_node)
    dice = Random(f"{seed}/{dc.node_id}")
    pause(dice.uniform(0.0, 1.5))
    if dc.node_id in stuck:
        times["waits"] = time.time()
        globals()[shape](stuck, stuck.index(dc.node_id))
        raise AssertionError("this was to be a deadlock")
    compute(dice.uniform(0.0, 4.0))


# --- programs that look stuck ---------------------------------------------------------------------


def compute(seconds: float) -> None:
    """Python code, for so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sum(range(10_000))


def slow_one(seconds: float, busy: Any) -> None:
    """All wait for node 0, which is not in a hurry."""
    if dc.node_id == 0:
        busy(seconds)
        for node in range(1, dc.n_node):
            dc.send(node, "here", tag=5)
    else:
        dc.recv(0, tag=5)


def sleeping(seconds: float) -> None:
    """Node 0 sleeps."""
    slow_one(seconds, pause)


def computing(seconds: float) -> None:
    """Node 0 computes."""
    slow_one(seconds, compute)


def reading(seconds: float) -> None:
    """Node 0 waits for what another program writes."""
    slow_one(seconds, lambda s: subprocess.run(["sleep", str(s)], check=True))


def late_for_a_barrier(seconds: float) -> None:
    """All but one are in the barrier."""
    if dc.node_id == dc.n_node - 1:
        pause(seconds)
    dc.barrier()


def time_limits(seconds: float) -> None:
    """All wait for each other, but not for ever."""
    try:
        dc.recv((dc.node_id + 1) % dc.n_node, tag=5, timeout=seconds)
    except dc.RecvTimeout:
        dc.barrier()


def other_thread(seconds: float) -> None:
    """All wait for each other, but a thread of node 0 will send."""
    if dc.node_id == 0:

        def act() -> None:
            pause(seconds)
            dc.send(1, "from a thread", tag=5)

        threading.Thread(target=act).start()
    token = dc.recv((dc.node_id - 1) % dc.n_node, tag=5)
    if dc.node_id:
        dc.send((dc.node_id + 1) % dc.n_node, token, tag=5)


class Alarm(Exception):
    """The timer has run out."""


def timer(seconds: float) -> None:
    """All wait for each other, but a timer of node 0 will end that."""

    def ring_alarm(*_: object) -> None:
        raise Alarm

    if dc.node_id == 0:
        signal.signal(signal.SIGALRM, ring_alarm)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            dc.recv(dc.n_node - 1, tag=5)
        except Alarm:
            dc.send(1, "after the alarm", tag=5)
            dc.recv(dc.n_node - 1, tag=5)
    else:
        token = dc.recv(dc.node_id - 1, tag=5)
        dc.send((dc.node_id + 1) % dc.n_node, token, tag=5)


def slow_reader(seconds: float) -> None:
    """Node 0 can't send on, for node 1 does not read; the others wait for node 0."""
    if dc.node_id == 0:
        for _ in range(12):
            dc.send(1, bytes(12_000_000), tag=5)
    elif dc.node_id == 1:
        pause(seconds)
        for _ in range(12):
            if dc.recv(0, tag=5) != bytes(12_000_000):
                raise AssertionError("12 MB have changed on their way")
    dc.barrier()


def be_patient(shape: str, seed: int) -> None:
    """Looks stuck for some seconds."""
    globals()[shape](Random(f"{seed}/patient").uniform(1.5, 6.0))


# --------------------------------------------------------------------------------------------------


def main(kind: str, shape: str, seed: int) -> None:
    """The program of one node."""
    traffic = Traffic(dc.world, seed)
    done = False
    try:
        traffic.run()
        if kind == "stuck":
            be_stuck(shape, seed)
        elif kind == "patient":
            be_patient(shape, seed)
        done = True
    except BaseException as error:
        times["ended"] = time.time()
        times["by"] = type(error).__name__
        raise
    finally:
        ledger = traffic.ledger
        told = {
            "done": done,
            "begun": ledger.begun,
            "received": ledger.received,
            "nbytes": ledger.nbytes,
            **times,
        }
        print("SOAK", json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
