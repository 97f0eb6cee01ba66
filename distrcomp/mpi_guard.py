"""What a process of an MPI job owes the others, from the moment it imports distrcomp.

Nobody of ours has started it and nobody watches it, so the process itself has to see to its end:

- an exception that leaves the program ends the whole job, after its traceback: the others would
  wait for this node for ever;
- a node that exits without a call joins then, for the others wait for it (see mpi_joining);
- what it starts is no node: the launcher's variables would make it one with our rank. So it gets
  the mark that children of our own nodes have.

Nothing of MPI is loaded before the first call.
"""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from types import TracebackType

_SESSIONS = ("launcher", "pytest")
"""Who imports us for other reasons than to be a node."""
_PATIENCE_S = 5


class Guard:
    """The guard of this process; `install` makes it.

    Args:
        node_id, n_node: of this process.
    """

    def __init__(self, node_id: int, n_node: int) -> None:
        self.node_id, self.n_node = node_id, n_node
        self._process = os.getpid()
        self._before = sys.excepthook
        self._has_failed = False
        os.environ["DISTRCOMP_NODE_ID"] = str(node_id)
        os.environ["DISTRCOMP_N_NODE"] = str(n_node)
        sys.excepthook = self._end_job
        atexit.register(self._join_late)

    def is_here(self) -> bool:
        """Whether this is the process that the launcher has started, and no fork of it."""
        return os.getpid() == self._process

    def _end_job(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """sys.excepthook: says what happened, and ends the job."""
        self._has_failed = True
        if not self.is_here():
            self._before(kind, error, trace)
            return
        from .joining import joined
        from .last_words import code_of, report, summary

        report(error.with_traceback(trace), os.getcwd(), self._before)
        world = joined()
        if world is not None:
            world.fail(code_of(error), summary(error))
        else:
            self._abort(code_of(error))

    def _abort(self, code: int) -> None:
        """Ends a job that this node has not joined; mpiexec might let the others wait for it.

        MPI is initialised for that, which takes as long as the others need to do so. If they
        compute instead, this process is killed by SIGALRM, with its handler in the kernel, since
        MPI holds the interpreter. A death by signal ends the job, with every mpiexec.
        """
        import signal

        from .errors import OutsideRun
        from .mpi_joining import load

        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_PATIENCE_S)
        with suppress(OutsideRun):
            load().COMM_WORLD.Abort(code)
        signal.alarm(0)

    def _join_late(self) -> None:
        """At exit: a node that made no call joins, and takes its leave."""
        if self._has_failed or not self.is_here() or any(name in sys.modules for name in _SESSIONS):
            return
        from .errors import OutsideRun
        from .joining import join, joined

        if joined() is None:
            with suppress(OutsideRun):  # without MPI here nobody can wait for us by it
                join().end()


def install(place: tuple[int, int]) -> Guard:
    """Guards this process, which is at this place of its job; asks MPI where that is not told."""
    if not place[1]:
        from .mpi_joining import ask_mpi

        place = ask_mpi()
    return Guard(*place)
