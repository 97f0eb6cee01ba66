"""The phases of a run in which something may be killed, and how a test knows that one is reached.

Three nodes. Node 1 is the victim where a node is: it waits in the phase's call, for node 0, which
never does its part, and node 2 waits too. A phase is reached by a sign: a file that the program
writes just before the call and, after that, the process asleep in the kernel; bytes that the fault
proxy holds; a folder that is gone. Nothing is reached by waiting a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from tests.command import Command
from tests.faults.places import (
    Peers,
    Place,
    nodes_of,
    signs_of,
    start_run,
    wait_asleep,
    wait_for_sign,
)
from tests.faults.proxy import Faults, Way
from tests.leaks import wait_until

# Node 0 keeps away but hears of the run's end at once; `mark` gives a sign.
_PROGRAM = """
import os, time, distrcomp as dc

def mark(word):
    path = os.path.join(os.environ["SIGNS"], f"{{dc.node_id}}.{{word}}")
    with open(path + ".part", "w") as file:
        file.write(str(os.getpid()))
    os.rename(path + ".part", path)

def keep_away():
    while True:
        dc.iprobe(0)
        time.sleep(0.01)

if dc.node_id == 0:
    mark("there")
    {absent}
mark("there")
{call}
"""
COLLECTIVES = {
    "barrier": "dc.barrier()",
    "bcast": "dc.bcast(None, root=0)",
    "scatter": "dc.scatter(None, root=0)",
    "gather": "dc.gather(1, root=1)",
    "allgather": "dc.allgather(1)",
    "alltoall": "dc.alltoall([1, 2, 3])",
    "reduce": "dc.reduce(1, root=1)",
    "allreduce": "dc.allreduce(1)",
    "reduce_scatter": "dc.reduce_scatter([1, 2, 3])",
    "scan": "dc.scan(1)",
    "exscan": "dc.exscan(1)",
}
# More than `send` buffers, to a node that takes nothing.
_SEND = "dc.send(0, bytes(80 << 20)) if dc.node_id == 1 else dc.recv(0)"
# The program is over when its last messages are not.
_LAST = "if dc.node_id == 2: dc.recv(0)\ndc.send(0, bytes(32 << 20))\nmark('last')"
_GONE = "import sys; sys.exit()"


@dataclass(frozen=True)
class Phase:
    """A phase, and how to bring a run there.

    Attributes:
        reach: as `with`: a run that is in this phase, until the block ends.
        has_started: whether the programs run by then.
        needs: what a place must have for it: "peers" on other machines, or a "proxy" before one.
        has_nodes: whether there are nodes in it.
        all_listen: whether each node is inside a call of ours, or soon in the next.
    """

    name: str
    reach: Callable[[Place], AbstractContextManager[Command]]
    has_started: bool = True
    needs: str = ""
    has_nodes: bool = True
    all_listen: bool = False


def in_call(call: str, absent: str = "keep_away()", word: str = "there") -> Callable[..., object]:
    """Reaches the phase in which node 1 waits in this call."""

    def reach(place: Place) -> AbstractContextManager[Command]:
        run = start_run(place, _PROGRAM.format(call=call, absent=absent))
        for node in range(3):
            pid = wait_for_sign(place, node, word if node == 1 else "there")
            if node == 1:
                wait_asleep(pid)
        return nullcontext(run)

    return reach


def before_hello(place: Place) -> AbstractContextManager[Command]:
    """Node 1's interpreter has started, and nothing of ours in it."""
    run = start_run(place, "", held=1)
    wait_asleep(wait_for_sign(place, 1, "started"))
    return nullcontext(run)


@contextmanager
def mesh_forming(place: Place) -> Iterator[Command]:
    """Node 0 dials node 1, which never hears of it."""
    with place.holding_mesh() as wait_for_held:
        run = start_run(place, "")
        for node in range(3):
            wait_for_sign(place, node, "started")
        wait_for_held()
        yield run


@contextmanager
def shipping(place: Place) -> Iterator[Command]:
    """A part of the bundle has come to `b`."""
    assert isinstance(place, Peers)
    (place.operator.work_dir / "large").write_bytes(bytes(8 << 20))
    with place.behind_proxy(control=Faults(there=Way(hold_after=2 << 20))) as proxy:
        run = start_run(place, "", "--include", "large")
        proxy.wait_for_held()
        yield run


@contextmanager
def collecting(place: Place) -> Iterator[Command]:
    """The programs are over, `a` has cleaned up, and `b` has not been told to."""
    assert isinstance(place, Peers)
    program = "\n".join(
        [_PROGRAM.format(call=_WAIT_FOR_FILE, absent="pass"), "print('the last line')"]
    )
    with place.behind_proxy() as proxy:
        run = start_run(place, program)
        for node in range(3):
            wait_for_sign(place, node, "there")
        proxy.hold()
        (signs_of(place) / "go").touch()
        proxy.wait_for_held()
        wait_until(lambda: not nodes_of(place), 30, "the nodes' end")
        wait_until(lambda: not place.sandboxes_on("a"), 30, "`a` to clean up")
        yield run
        proxy.release()


_WAIT_FOR_FILE = """
while not os.path.exists(os.path.join(os.environ["SIGNS"], "go")):
    time.sleep(0.01)
"""

PHASES = {
    phase.name: phase
    for phase in (
        Phase("before hello", before_hello, has_started=False),
        Phase("mesh forming", mesh_forming, has_started=False, needs="peers"),
        Phase("idle", in_call("time.sleep(1000) if dc.node_id == 1 else dc.recv(0)")),
        Phase("in a large send", in_call(_SEND, absent="time.sleep(1000)")),
        Phase("in recv", in_call("dc.recv(0)"), all_listen=True),
        *(
            Phase(f"in {name}", in_call(call), all_listen=True)
            for name, call in COLLECTIVES.items()
        ),
        Phase("finalizing", in_call(_LAST, absent="time.sleep(1000)", word="last")),
        Phase("shipping", shipping, has_started=False, needs="proxy", has_nodes=False),
        Phase("collecting", collecting, needs="proxy", has_nodes=False),
    )
}
