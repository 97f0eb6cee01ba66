# ruff: noqa: N802
"""The synchronisation calls of a window: fences, groups, locks, flushes (MPI-4.1, 12.5).

Lock does not wait for the grant: the target keeps the operations that follow until the lock is the
origin's. Lock_all asks each node for its lock when the first operation goes there, so it costs
nothing where nothing is done. Only this node's own lock, and in a window of shared memory
everybody's, are waited for, because the program may read and write that memory directly. Unlock
waits where something was done that was not known to be complete.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from .constants import (
    LOCK_EXCLUSIVE,
    LOCK_SHARED,
    MODE_NOCHECK,
    MODE_NOPRECEDE,
    MODE_NOPUT,
    MODE_NOSTORE,
    MODE_NOSUCCEED,
    PROC_NULL,
    WIN_FLAVOR_SHARED,
)
from .errors import ERR_ASSERT, ERR_GROUP, ERR_LOCKTYPE, ERR_RMA_SYNC, MPIException
from .window_base import WinBase, asks_handler
from .window_epochs import Event, WrongEpoch
from .window_messages import Kind, Message
from .window_state import WinState

if TYPE_CHECKING:
    from .group import Group

_FENCE_MODES = MODE_NOSTORE | MODE_NOPUT | MODE_NOPRECEDE | MODE_NOSUCCEED
_POST_MODES = MODE_NOCHECK | MODE_NOSTORE | MODE_NOPUT


class SynchronizationCalls(WinBase):
    """Mixin of Win: when its memory may be accessed."""

    @asks_handler
    def Fence(self, assertion: int = 0) -> None:
        """Complete all operations of everybody, and open an epoch of new ones. Collective."""
        _check_assertion(assertion, _FENCE_MODES)
        state = self._live
        state.follow(Event.LAST_FENCE if assertion & MODE_NOSUCCEED else Event.FENCE)
        try:
            _flush(state, None)
        finally:
            state.core.barrier()

    @asks_handler
    def Start(self, group: Group, assertion: int = 0) -> None:
        """Open an epoch of operations on the windows of a group; waits for each one's Post."""
        _check_assertion(assertion, MODE_NOCHECK)
        state = self._live
        targets = _ranks(state, group)
        _follow(lambda: state.epochs.start(frozenset(targets)))
        posted = state.protocol.posted
        state.wait(lambda: all(posted[target] for target in targets), targets)
        for target in targets:
            posted[target] -= 1

    @asks_handler
    def Complete(self) -> None:
        """Close the epoch that Start has opened."""
        state = self._live
        targets = sorted(state.epochs.started)
        state.follow(Event.COMPLETE)
        for target in targets:
            state.post(target, Message(Kind.COMPLETE))
        for target in targets:
            state.wait_answered(target)

    @asks_handler
    def Post(self, group: Group, assertion: int = 0) -> None:
        """Open this node's window to the operations of a group; does not wait."""
        _check_assertion(assertion, _POST_MODES)
        state = self._live
        origins = _ranks(state, group)
        _follow(lambda: state.epochs.post(frozenset(origins)))
        for origin in origins:
            state.post(origin, Message(Kind.POST))

    @asks_handler
    def Wait(self) -> Literal[True]:
        """Wait until all in the group of Post have called Complete."""
        state = self._live
        _follow(state.epochs.check_posted)
        state.wait(lambda: _is_completed(state), state.epochs.posted)
        _end_exposure(state)
        return True

    @asks_handler
    def Test(self) -> bool:
        """Whether all in the group of Post have called Complete; then as Wait."""
        state = self._live
        _follow(state.epochs.check_posted)
        state.wait(lambda: True)
        if not _is_completed(state):
            return False
        _end_exposure(state)
        return True

    @asks_handler
    def Lock(self, rank: int, lock_type: int = LOCK_EXCLUSIVE, assertion: int = 0) -> None:
        """Lock a node's window and open an epoch of operations on it."""
        _check_assertion(assertion, MODE_NOCHECK)
        if lock_type not in _LOCKS:
            raise MPIException(ERR_LOCKTYPE, f"{lock_type} is no type of lock")
        state = self._live
        if rank == PROC_NULL:
            return
        state.check_rank(rank)
        state.follow(Event.LOCK, rank)
        if not assertion & MODE_NOCHECK:
            state.lock(rank, _LOCKS[lock_type])
        if rank == state.me or state.parts is not None:
            state.wait_answered(rank)

    @asks_handler
    def Unlock(self, rank: int) -> None:
        """Complete all operations on a node's window, here and there, and unlock it."""
        state = self._live
        if rank == PROC_NULL:
            return
        state.check_rank(rank)
        state.follow(Event.UNLOCK, rank)
        _release(state, rank)
        state.wait_answered(rank)

    @asks_handler
    def Lock_all(self, assertion: int = 0) -> None:
        """Open an epoch of operations on all windows, with shared locks."""
        _check_assertion(assertion, MODE_NOCHECK)
        state = self._live
        state.follow(Event.LOCK_ALL)
        state.checks_locks = not assertion & MODE_NOCHECK
        if state.checks_locks:
            is_direct = state.flavor == WIN_FLAVOR_SHARED
            for rank in range(state.core.n_node) if is_direct else (state.me,):
                state.lock(rank, Kind.LOCK_SHARED)
        state.wait_answered()

    @asks_handler
    def Unlock_all(self) -> None:
        """Complete all operations on all windows, here and there, and unlock them."""
        state = self._live
        state.follow(Event.UNLOCK_ALL)
        for rank in sorted(state.granted.union(state.protocol.unflushed())):
            _release(state, rank)
        state.wait_answered()

    @asks_handler
    def Flush(self, rank: int) -> None:
        """Complete all operations on a node's window, here and there."""
        state = self._live
        if rank == PROC_NULL:
            return
        state.check_rank(rank)
        state.follow(Event.FLUSH, rank)
        _flush(state, rank)

    @asks_handler
    def Flush_all(self) -> None:
        """Complete all operations on all windows, here and there."""
        self._live.follow(Event.FLUSH)
        _flush(self._live, None)

    @asks_handler
    def Flush_local(self, rank: int) -> None:
        """Complete all operations on a node's window here: buffers may be used again."""
        state = self._live
        if rank == PROC_NULL:
            return
        state.check_rank(rank)
        state.follow(Event.FLUSH, rank)
        state.wait_answered(rank)

    @asks_handler
    def Flush_local_all(self) -> None:
        """Complete all operations on all windows here."""
        self._live.follow(Event.FLUSH)
        self._live.wait_answered()

    @asks_handler
    def Sync(self) -> None:
        """Make direct and remote accesses to this node's window see each other.

        There is one copy of a window here (WIN_UNIFIED), so this only does what has arrived.
        """
        self._live.wait(lambda: True)


_LOCKS = {LOCK_EXCLUSIVE: Kind.LOCK_EXCLUSIVE, LOCK_SHARED: Kind.LOCK_SHARED}


def _follow(change: Callable[[], None]) -> None:
    try:
        change()
    except WrongEpoch as error:
        raise MPIException(ERR_RMA_SYNC, str(error)) from error


def _check_assertion(assertion: int, known: int) -> None:
    if assertion & ~known:
        raise MPIException(ERR_ASSERT, f"{assertion} says what this call knows nothing of")


def _ranks(state: WinState, group: Group) -> list[int]:
    """The ranks of a group in the window's."""
    places = {member: rank for rank, member in enumerate(state.core.members)}
    try:
        return [places[member] for member in group._members]
    except KeyError as error:
        raise MPIException(ERR_GROUP, f"node {error} has no part in this window") from None


def _flush(state: WinState, target: int | None) -> None:
    """Has all operations on `target`, or on all, completed."""
    for dirty in state.protocol.unflushed():
        if target in (None, dirty):
            state.ask(dirty, Kind.FLUSH)
    state.wait_answered(target)


def _release(state: WinState, rank: int) -> None:
    if rank in state.granted:
        state.granted.remove(rank)
        if rank in state.protocol.unflushed():
            state.ask(rank, Kind.UNLOCK)
        else:
            state.post(rank, Message(Kind.UNLOCK))
    elif rank in state.protocol.unflushed():
        state.ask(rank, Kind.FLUSH)


def _is_completed(state: WinState) -> bool:
    completed = state.protocol.completed
    return all(completed[origin] for origin in state.epochs.posted)


def _end_exposure(state: WinState) -> None:
    for origin in state.epochs.posted:
        state.protocol.completed[origin] -= 1
    state.epochs.wait()
