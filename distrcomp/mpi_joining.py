"""Joins this process to its MPI job: an engine whose links go over MPI, and the job's end.

All nodes of the job join together: the first call of each waits for the first call of all, because
the communicator that we use is a duplicate of MPI's world, which all have to make. A node that
makes no call joins when it exits (see mpi_guard). While one waits nothing blocks inside MPI, so
Ctrl-C is heard, and an idle node costs next to nothing.

Ends. In order: goodbyes on all links, as everywhere; then the process waits, with pauses, until MPI
is done with all packets of all nodes, because in MPI_Finalize it would do so with a busy core.
After a failure: an alarm to all, on a tag of its own; then up to LAST_WORDS_S for them to run their
`finally` blocks and say that they have stopped; then MPI_Abort, with our exit code. A node that has
stopped because of an alarm waits for that abort, so that the exit code is the first failing node's.

Of MPI's levels of threads MPI_THREAD_SERIALIZED is enough: the engine's lock is around every call.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial
from time import monotonic, sleep
from typing import Any

from . import limits
from .cores import cpu_quota
from .engine import Engine
from .errors import OutsideRun
from .links.mpi import MpiLink
from .links.mpi_port import Port
from .mpi_collectives import MpiCollectives
from .mpi_progress import Flusher, MpiProgress, pause_s

_PACKETS, _ALARM, _STOPPED = 0, 1, 2
_ALARM_BYTES_MAX = 2000
_LEVEL_NAMES = ("MPI_THREAD_SINGLE", "MPI_THREAD_FUNNELED")


class Job:
    """This process's part in its MPI job.

    Args:
        node_id, n_node: as the launcher told before MPI was loaded.

    Attributes:
        engine: for the world communicator.
        communicator: MPI's, of mpi4py; for who hands work over to MPI.
        mpi: the module mpi4py.MPI.

    Raises:
        OutsideRun: MPI can't be used here, and why.
    """

    def __init__(self, node_id: int, n_node: int) -> None:
        self.mpi = mpi = load()
        rank, size = mpi.COMM_WORLD.Get_rank(), mpi.COMM_WORLD.Get_size()
        if (rank, size) != (node_id, n_node):
            raise OutsideRun(
                f"the launcher says that this is node {node_id} of {n_node}, MPI that it is {rank} "
                f"of {size}: is it the mpiexec of the MPI that mpi4py uses? With srun try "
                "--mpi=pmix or --mpi=pmi2"
            )
        self._process = os.getpid()
        self.communicator = comm = self._duplicate()
        self._port = port = Port(mpi, comm, _PACKETS, _PACKETS)
        here = (socket.gethostname(), sorted(_affinity()))
        everybody = comm.allgather(here)
        hosts = [host for host, _ in everybody]
        cores = {core for host, affinity in everybody if host == here[0] for core in affinity}
        quota = cpu_quota()
        n_core = len(cores) if quota is None else min(len(cores), quota)
        self._alarm: tuple[int, str] | None = None
        self._is_failing = False
        self._flusher = Flusher()
        port.wake = self._flusher.wake
        self.engine = Engine(
            (rank, size),
            lambda node: hosts[node],
            lambda _: None,  # every link is there
            self._flusher.wake,
            partial(
                MpiProgress,
                port=port,
                hear_alarm=self._hear_alarm,
                spins=n_core >= hosts.count(here[0]),
            ),
        )
        for node in range(size):
            if node != rank:
                self.engine.attach(node, MpiLink(port, node, node))
        self.engine.handover = MpiCollectives(mpi, comm, self.engine)
        self._flusher.start(self.engine._progress)  # type: ignore[arg-type]

    def close(self) -> None:
        """After the goodbyes: MPI is not called any more by itself, and may be finalised."""
        with self.engine.gate:
            self._flusher.stop()

    def end(self) -> None:
        """After the last goodbye: waits until all nodes have come so far and MPI is done."""
        if self._is_over():
            return
        _wait(lambda: self._port.is_quiet() and not self._is_alarmed())
        all_here = self.communicator.Ibarrier()
        _wait(lambda: self._port.is_quiet() and not self._is_alarmed() and all_here.Test())

    def fail(self, code: int, why: str) -> None:
        """Ends the whole job with this exit code, once the others had a moment to stop."""
        if self._is_over():
            return
        if self._alarm is None and not self._is_failing:
            self._is_failing = True
            self._alarm_all(why)
        else:
            self._await_abort()
        self.communicator.Abort(code)

    def disown(self) -> None:
        """In a forked child: not a word to anyone by MPI."""
        self._port.is_mute = True

    # ----------------------------------------------------------------------------------------------

    def _is_over(self) -> bool:
        return bool(self.mpi.Is_finalized()) or os.getpid() != self._process

    def _duplicate(self) -> Any:
        """A duplicate of MPI's world, once all are here."""
        communicator, request = self.mpi.COMM_WORLD.Idup()
        _wait(request.Test)
        return communicator

    def _hear_alarm(self) -> tuple[int, str] | None:
        """Which node has failed, and why, if one has said so."""
        if self._alarm is None:
            status = self.mpi.Status()
            found = self.communicator.Improbe(self.mpi.ANY_SOURCE, _ALARM, status)
            if found is None:
                return None
            text = bytearray(_ALARM_BYTES_MAX)
            found.Recv((text, self.mpi.BYTE), status)
            count = status.Get_count(self.mpi.BYTE)
            self._alarm = status.Get_source(), text[:count].decode("utf-8", "replace")
            self.engine._shortcuts.close()
        return self._alarm

    def _is_alarmed(self) -> bool:
        """Whether another one has failed, who need not wait for us: this node has ended already."""
        if self._alarm is None and self._hear_alarm() is not None:
            self._say_stopped()
        return self._alarm is not None

    def _say_stopped(self) -> None:
        if self._alarm is not None:
            self.communicator.Isend((b"", 0, self.mpi.BYTE), self._alarm[0], _STOPPED).Test()

    def _alarm_all(self, why: str) -> None:
        """Tells all others, and waits until they have stopped or LAST_WORDS_S have gone."""
        comm, byte = self.communicator, self.mpi.BYTE
        text = why.partition("\n")[0].encode("utf-8", "backslashreplace")[:_ALARM_BYTES_MAX]
        others = [node for node in range(self.engine.n_node) if node != self.engine.node_id]
        requests = [comm.Isend((text, len(text), byte), node, _ALARM) for node in others]
        running = len(others)

        def is_told() -> bool:
            nonlocal running
            self._port.is_quiet()
            while (found := comm.Improbe(self.mpi.ANY_SOURCE, _STOPPED)) is not None:
                found.Recv((bytearray(), byte))
                running -= 1
            # another one fails as well: the first abort wins
            return running == 0 or self._hear_alarm() is not None

        _wait(is_told, limits.LAST_WORDS_S)
        for request in requests:
            request.Test()

    def _await_abort(self) -> None:
        """This node has stopped because of another one, which is to end the job."""
        self._say_stopped()
        _wait(lambda: self._port.is_quiet() and False, 2 * limits.LAST_WORDS_S)


def load() -> Any:
    """The module mpi4py.MPI, with MPI initialised.

    Raises:
        OutsideRun: that can't be had, and what to do.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # no mpi4py, or no MPI library that it can load
        raise OutsideRun(
            "mpiexec or srun has started this process, so its links are MPI's, and mpi4py with an "
            f"MPI library is needed ({error}): pip install 'distrcomp[mpi]'"
        ) from error
    if MPI.Is_finalized():
        raise OutsideRun("MPI has been finalised in this process: no message can go any more")
    if not MPI.Is_initialized():
        MPI.Init_thread(MPI.THREAD_MULTIPLE)
    level = MPI.Query_thread()
    if level < MPI.THREAD_SERIALIZED:
        raise OutsideRun(
            f"MPI was initialised with {_LEVEL_NAMES[level > MPI.THREAD_SINGLE]}, and distrcomp "
            "needs MPI_THREAD_SERIALIZED: leave mpi4py.rc.threads as it is"
        )
    return MPI


def ask_mpi() -> tuple[int, int]:
    """(node id, how many nodes), where only MPI knows."""
    mpi = load()
    return mpi.COMM_WORLD.Get_rank(), mpi.COMM_WORLD.Get_size()


def _wait(is_over: Callable[[], object], limit_s: float | None = None) -> None:
    """Looks and pauses until it is over or the time is."""
    began = now = monotonic()
    while not is_over() and (limit_s is None or now - began < limit_s):
        sleep(pause_s(now - began))
        now = monotonic()


def _affinity() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))
