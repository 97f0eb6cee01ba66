"""When a node may access the windows of others, and others its own: MPI-4.1, 12.5. No I/O.

An access epoch is opened by a fence, by Start, by Lock or by Lock_all; an exposure epoch by Post.
The table of each says what may follow what; a pair that is not there is an error of the program
(ERR_RMA_SYNC). A fence opens an epoch only if operations follow it, so after one a lock may be
asked for, or Start called, without a second fence.
"""

from __future__ import annotations

from enum import Enum


class Access(Enum):
    """What kind of access epoch is open."""

    NONE = "none"
    FENCED = "after a fence"
    FENCE = "in a fence epoch"
    STARTED = "between Start and Complete"
    LOCKED = "holding locks"
    LOCKED_ALL = "between Lock_all and Unlock_all"


class Exposure(Enum):
    """Whether the window is open to the operations of a group."""

    NONE = "none"
    POSTED = "between Post and Wait"


class Event(Enum):
    """What the program calls."""

    FENCE = "Fence"
    LAST_FENCE = "Fence(MODE_NOSUCCEED)"
    OPERATE = "an operation"
    START = "Start"
    COMPLETE = "Complete"
    LOCK = "Lock"
    UNLOCK = "Unlock"  # some lock is still held
    LAST_UNLOCK = "the last Unlock"
    LOCK_ALL = "Lock_all"
    UNLOCK_ALL = "Unlock_all"
    FLUSH = "Flush"
    FREE = "Free"
    POST = "Post"
    WAIT = "Wait"


ACCESS = {
    (Access.NONE, Event.FENCE): Access.FENCED,
    (Access.NONE, Event.LAST_FENCE): Access.NONE,
    (Access.NONE, Event.START): Access.STARTED,
    (Access.NONE, Event.LOCK): Access.LOCKED,
    (Access.NONE, Event.LOCK_ALL): Access.LOCKED_ALL,
    (Access.NONE, Event.FREE): Access.NONE,
    (Access.FENCED, Event.FENCE): Access.FENCED,
    (Access.FENCED, Event.LAST_FENCE): Access.NONE,
    (Access.FENCED, Event.OPERATE): Access.FENCE,
    (Access.FENCED, Event.START): Access.STARTED,
    (Access.FENCED, Event.LOCK): Access.LOCKED,
    (Access.FENCED, Event.LOCK_ALL): Access.LOCKED_ALL,
    (Access.FENCED, Event.FREE): Access.NONE,
    (Access.FENCE, Event.OPERATE): Access.FENCE,
    (Access.FENCE, Event.FENCE): Access.FENCED,
    (Access.FENCE, Event.LAST_FENCE): Access.NONE,
    (Access.STARTED, Event.OPERATE): Access.STARTED,
    (Access.STARTED, Event.COMPLETE): Access.NONE,
    (Access.LOCKED, Event.OPERATE): Access.LOCKED,
    (Access.LOCKED, Event.FLUSH): Access.LOCKED,
    (Access.LOCKED, Event.LOCK): Access.LOCKED,
    (Access.LOCKED, Event.UNLOCK): Access.LOCKED,
    (Access.LOCKED, Event.LAST_UNLOCK): Access.NONE,
    (Access.LOCKED_ALL, Event.OPERATE): Access.LOCKED_ALL,
    (Access.LOCKED_ALL, Event.FLUSH): Access.LOCKED_ALL,
    (Access.LOCKED_ALL, Event.UNLOCK_ALL): Access.NONE,
}

EXPOSURE = {
    (Exposure.NONE, Event.FENCE): Exposure.NONE,
    (Exposure.NONE, Event.LAST_FENCE): Exposure.NONE,
    (Exposure.NONE, Event.FREE): Exposure.NONE,
    (Exposure.NONE, Event.POST): Exposure.POSTED,
    (Exposure.POSTED, Event.WAIT): Exposure.NONE,
}


class WrongEpoch(Exception):
    """A call that may not be made now."""


class Epochs:
    """The epochs of one node's window.

    Attributes:
        access, exposure: what is open now.
        locked: whose windows are locked by this node.
        started: to whom Start has opened the access epoch; `posted`: whose operations Post lets in.

    Example:
        >>> epochs = Epochs()
        >>> epochs.call(Event.LOCK, 3)
        >>> epochs.call(Event.OPERATE, 3)
        >>> epochs.call(Event.OPERATE, 2)
        Traceback (most recent call last):
        distrcomp.mpi.window_epochs.WrongEpoch: an operation on node 2, whose window is not locked
    """

    def __init__(self) -> None:
        self.access = Access.NONE
        self.exposure = Exposure.NONE
        self.locked: set[int] = set()
        self.started: frozenset[int] = frozenset()
        self.posted: frozenset[int] = frozenset()

    def call(self, event: Event, target: int | None = None) -> None:
        """Follows a call of the program, or raises WrongEpoch and changes nothing.

        Args:
            target: whom it concerns; with Flush, None is all.
        """
        if event is Event.UNLOCK and self.locked == {target}:
            event = Event.LAST_UNLOCK
        if (self.access, event) not in ACCESS:
            raise WrongEpoch(f"{event.value} may not be called now: {_where(self.access)}")
        if event in _BOTH and (self.exposure, event) not in EXPOSURE:
            raise WrongEpoch(f"{event.value} may not be called between Post and Wait")
        if target is not None:
            self._check_target(event, target)
        self.access = ACCESS[self.access, event]
        if event is Event.LOCK and target is not None:
            self.locked.add(target)
        elif event in (Event.UNLOCK, Event.LAST_UNLOCK) and target is not None:
            self.locked.remove(target)

    def start(self, group: frozenset[int]) -> None:
        """Follows Start."""
        self.call(Event.START)
        self.started = group

    def post(self, group: frozenset[int]) -> None:
        """Follows Post."""
        self._expose(Event.POST)
        self.posted = group

    def wait(self) -> None:
        """Follows a Wait, or a Test that was true."""
        self._expose(Event.WAIT)

    def check_posted(self) -> None:
        """Raises WrongEpoch where there is nothing to wait for."""
        if (self.exposure, Event.WAIT) not in EXPOSURE:
            raise WrongEpoch("Wait may not be called now: Post was not called")

    def _expose(self, event: Event) -> None:
        if (self.exposure, event) not in EXPOSURE:
            raise WrongEpoch(f"{event.value} may not be called now: Post was called already")
        self.exposure = EXPOSURE[self.exposure, event]

    def _check_target(self, event: Event, target: int) -> None:
        if event is Event.LOCK:
            if target in self.locked:
                raise WrongEpoch(
                    f"Lock: the window of node {target} is locked by this node already"
                )
        elif self.access is Access.LOCKED and target not in self.locked:
            raise WrongEpoch(f"{event.value} on node {target}, whose window is not locked")
        elif self.access is Access.STARTED and target not in self.started:
            raise WrongEpoch(f"{event.value} on node {target}, which is not in the group of Start")


_BOTH = (Event.FENCE, Event.LAST_FENCE, Event.FREE)


def _where(access: Access) -> str:
    return "no epoch is open" if access is Access.NONE else f"it is {access.value}"
