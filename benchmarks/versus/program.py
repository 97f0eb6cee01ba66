"""What each node of the benchmark runs: the same loops on distrcomp and on mpi4py.

    program.py distrcomp|mpi4py KIND PAYLOAD COUNT BLOCKS

One block is COUNT repetitions between two looks at the clock. The first block warms up and doesn't
count; the figure is the median of the others. Node 0 prints one line of JSON: for each call that
was measured seconds, messages a second or a share of a core.

The classes differ in nothing but the calls. Where a block is many small messages the calls are
written out in each loop, because one Python function more would cost either stack a tenth of a
message. mpi4py's arguments go by position, which is its quickest form.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

# Each node runs this file, so its neighbour is found by its bare name.
from collective_loops import KINDS as COLLECTIVES  # type: ignore[import-not-found]
from collective_loops import Loop, lower_case, upper_case, with_out

KIB = 1024


class Distrcomp:
    """The loops by distrcomp's calls."""

    def __init__(self) -> None:
        import distrcomp

        self.dc = distrcomp
        self.node_id = distrcomp.node_id
        self.n_node = distrcomp.n_node

    def send(self, dest: int, obj: Any) -> None:
        self.dc.send(dest, obj)

    def recv(self, source: int) -> Any:
        return self.dc.recv(source)

    def ping(self, other: int, obj: Any, count: int) -> Any:
        dc, back = self.dc, None
        for _ in range(count):
            dc.send(other, obj)
            back = dc.recv(other)
        return back

    def pong(self, other: int, obj: Any, count: int) -> Any:
        dc, back = self.dc, None
        for _ in range(count):
            back = dc.recv(other)
            dc.send(other, obj)
        return back

    def flood(self, other: int, obj: Any, count: int) -> None:
        dc = self.dc
        for _ in range(count):
            dc.send(other, obj)

    def drain(self, other: int, count: int) -> Any:
        dc, back = self.dc, None
        for _ in range(count):
            back = dc.recv(other)
        return back


class DistrcompBuffers(Distrcomp):
    """Receiving an array into one that was made before."""

    def ping(self, other: int, obj: Any, count: int) -> Any:
        dc, back = self.dc, np.zeros_like(obj)
        for _ in range(count):
            dc.send(other, obj)
            dc.recv(other, out=back)
        return back

    def pong(self, other: int, obj: Any, count: int) -> Any:
        dc, back = self.dc, np.zeros_like(obj)
        for _ in range(count):
            dc.recv(other, out=back)
            dc.send(other, obj)
        return back


class Mpi4py:
    """The same by mpi4py's calls.

    Args:
        out_of_band: by those of its `util.pkl5`.
        face: by distrcomp's face of mpi4py.
    """

    def __init__(self, out_of_band: bool = False, face: bool = False) -> None:
        package = import_module("distrcomp.mpi.MPI" if face else "mpi4py.MPI")
        self.comm = package.COMM_WORLD
        if out_of_band:
            from mpi4py.util import pkl5

            self.comm = pkl5.Intracomm(self.comm)
        self.node_id = self.comm.Get_rank()
        self.n_node = self.comm.Get_size()

    def send(self, dest: int, obj: Any) -> None:
        self.comm.send(obj, dest)

    def recv(self, source: int) -> Any:
        return self.comm.recv(None, source)

    def ping(self, other: int, obj: Any, count: int) -> Any:
        comm, back = self.comm, None
        for _ in range(count):
            comm.send(obj, other)
            back = comm.recv(None, other)
        return back

    def pong(self, other: int, obj: Any, count: int) -> Any:
        comm, back = self.comm, None
        for _ in range(count):
            back = comm.recv(None, other)
            comm.send(obj, other)
        return back

    def flood(self, other: int, obj: Any, count: int) -> None:
        comm = self.comm
        for _ in range(count):
            comm.send(obj, other)

    def drain(self, other: int, count: int) -> Any:
        comm, back = self.comm, None
        for _ in range(count):
            back = comm.recv(None, other)
        return back


class Mpi4pyBuffers(Mpi4py):
    """`Send` and `Recv` of an array into one that was made before."""

    def ping(self, other: int, obj: Any, count: int) -> Any:
        comm, back = self.comm, np.zeros_like(obj)
        for _ in range(count):
            comm.Send(obj, other)
            comm.Recv(back, other)
        return back

    def pong(self, other: int, obj: Any, count: int) -> Any:
        comm, back = self.comm, np.zeros_like(obj)
        for _ in range(count):
            comm.Recv(back, other)
            comm.Send(obj, other)
        return back


Calls = Distrcomp | Mpi4py


def payload(name: str) -> Any:
    """The object of this name; for a number an array of that many KiB."""
    if name == "int":
        return 7
    if name == "dict":
        return {"step": 7, "name": "node", "value": 3.5}
    if name == "string":
        return "x" * 100
    if name == "arrays":
        return {f"field{i}": np.arange(100 * KIB // 8, dtype=float) for i in range(10)}
    return np.arange(int(name) * KIB // 8, dtype=float)


def check(sent: Any, got: Any) -> None:
    """Ends the program if what arrived is not what was sent."""
    if isinstance(sent, list):
        if len(sent) != len(got):
            sys.exit("what arrived is not as much as was sent")
        for one, other in zip(sent, got, strict=True):
            check(one, other)
        return
    if isinstance(sent, dict):
        same = sent.keys() == got.keys() and all(np.array_equal(sent[k], got[k]) for k in sent)
    else:
        same = type(sent) is type(got) and bool(np.array_equal(sent, got))
    if not same:
        sys.exit("what arrived is not what was sent")


def block_seconds(calls: Calls, obj: Any, blocks: int, block: Callable[[], Any]) -> float:
    """The median of node 0's seconds for one block, which gets `obj`; without the first block."""
    seconds = []
    for _ in range(1 + blocks):
        # Everyone is at the line, and has checked what came before, when node 0 looks at the clock.
        if calls.node_id == 0:
            for other in range(1, calls.n_node):
                calls.recv(other)
        else:
            calls.send(0, "ready")
        begin = time.perf_counter()
        got = block()
        seconds.append(time.perf_counter() - begin)
        check(obj, got)
    return statistics.median(seconds[1:])


def bounce(calls: Calls, obj: Any, count: int, blocks: int) -> float:
    """Seconds of half a round trip between two nodes; each sends an object of its own."""
    loop = calls.pong if calls.node_id else calls.ping
    other = 1 - calls.node_id
    return block_seconds(calls, obj, blocks, lambda: loop(other, obj, count)) / (2 * count)


def rate(calls: Calls, obj: Any, count: int, blocks: int) -> float:
    """Messages a second in one direction; node 1 says when it has the last."""

    def block() -> Any:
        if calls.node_id == 0:
            calls.flood(1, obj, count)
            return calls.recv(1)
        got = calls.drain(0, count)
        calls.send(0, got)
        return got

    return count / block_seconds(calls, obj, blocks, block)


def ring(calls: Calls, obj: Any, count: int, blocks: int) -> float:
    """Seconds of a hop when one message goes round all nodes."""
    left, right = (calls.node_id - 1) % calls.n_node, (calls.node_id + 1) % calls.n_node

    def block() -> Any:
        got = obj
        for _ in range(count):
            if calls.node_id == 0:
                calls.send(right, got)
                got = calls.recv(left)
            else:
                got = calls.recv(left)
                calls.send(right, got)
        return got

    return block_seconds(calls, obj, blocks, block) / (count * calls.n_node)


def wait(calls: Calls, seconds: int) -> float:
    """The share of a core, in percent, that node 1 uses while it waits for node 0."""
    other = 1 - calls.node_id
    calls.send(other, "connected")
    calls.recv(other)
    if calls.node_id == 0:
        time.sleep(seconds)
        calls.send(other, "awake")
        return float(calls.recv(other))
    cpu, begin = time.process_time(), time.perf_counter()
    calls.recv(other)
    share = 100 * (time.process_time() - cpu) / (time.perf_counter() - begin)
    calls.send(other, share)
    return share


def collective(calls: Calls, loop: Loop, count: int, blocks: int) -> float:
    """Seconds of one call of a collective; the block ends when the last node has done them all."""

    def block() -> Any:
        got = loop.run(count)
        if calls.node_id == 0:
            for other in range(1, calls.n_node):
                calls.recv(other)
        else:
            calls.send(0, "done")
        return got

    return block_seconds(calls, loop.expected, blocks, block) / count


def collectives(stack: str, kind: str, name: str) -> dict[str, tuple[Calls, Loop]]:
    """The loops that this stack has for a collective, by the name of the call."""
    obj, upper = payload(name), kind.capitalize()
    has_buffers = name.isdecimal() and kind in ("allreduce", "bcast")
    calls: Calls = Distrcomp() if stack == "distrcomp" else Mpi4py()
    where = calls.dc if isinstance(calls, Distrcomp) else calls.comm
    who = calls.node_id, calls.n_node, kind, obj
    found = {kind: (calls, lower_case(where, *who))}
    if has_buffers and stack == "distrcomp":
        found[f"{kind} out"] = calls, with_out(where, *who)
        face = Mpi4py(face=True)
        found[f"face {upper}"] = face, upper_case(face.comm, *who)
    elif has_buffers:
        found[upper] = calls, upper_case(where, *who)
    return found


def faces(stack: str, kind: str, name: str) -> dict[str, Calls]:
    """The calls that this stack has for the object of this name."""
    found: dict[str, Calls]
    if stack == "distrcomp":
        found = {"send": Distrcomp()}
        if name.isdecimal() and kind == "bounce":
            found["send out"] = DistrcompBuffers()
            found["face Send"] = Mpi4pyBuffers(face=True)
        return found
    found = {"send": Mpi4py()}
    if name.isdecimal():
        found["Send"] = Mpi4pyBuffers()
    if name.isdecimal() or name == "arrays":
        found["pkl5 send"] = Mpi4py(out_of_band=True)
    return found


def main() -> None:
    """Measures, and prints on node 0."""
    stack, kind, name, count, blocks = sys.argv[1:]
    figures = {}
    if kind in COLLECTIVES:
        for call, (calls, loop) in collectives(stack, kind, name).items():
            figures[call] = collective(calls, loop, int(count), int(blocks))
        return say(calls, figures)
    obj = payload(name)
    for call, calls in faces(stack, kind, name).items():
        if kind == "wait":
            figures[call] = wait(calls, int(count))
        else:
            measure = {"bounce": bounce, "rate": rate, "ring": ring}[kind]
            figures[call] = measure(calls, obj, int(count), int(blocks))
    return say(calls, figures)


def say(calls: Calls, figures: dict[str, float]) -> None:
    """Prints the figures, on node 0."""
    if calls.node_id == 0:
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
