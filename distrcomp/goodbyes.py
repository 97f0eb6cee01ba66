"""The end of a node's part, in order: its goodbyes, until the others have them."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from . import limits
from .fates import Fates
from .links.local import Neighbours
from .progress import Progress

# While bytes are queued here one waits for room, which wakes; but not for ever without a look.
_QUEUED_LOOK_S = 0.1
# Acknowledgements wake nobody: they are asked for this often.
_DRAIN_LOOK_S = 0.002
# Between two looks while the others are heard out. Where many nodes end at the same time, to be
# woken by each goodbye would cost more than all else of the end.
_HEAR_OUT_LOOK_MIN_S = 0.001
_HEAR_OUT_LOOK_MAX_S = 0.016


def say_goodbye(
    progress: Progress, fates: Fates, check_interrupt: Callable[[], None], hears_out: bool
) -> BaseException | None:
    """Says goodbye, on each link or else by a byte, and waits until other machines have all of it.

    Then it hears out who has not said goodbye yet, if it shall, for a moment; nobody rings for
    that. Returns what a signal's handler has raised to end all this, if it has.

    A receiver may compute for as long as it likes before it reads: while bytes are queued here
    only its end, the run's failure or Ctrl-C cut them off. What the kernel holds has a bound.
    """
    links, neighbours = progress.links, progress.neighbours
    for node, link in links.items():
        link.own()
        link.finish()
        progress.watch(node, link)
    if neighbours is not None:
        neighbours.leave()
    progress.n_sending += 1  # for good
    deadline = monotonic() + limits.DRAIN_TIMEOUT_S
    until: float | None = None
    pause = _HEAR_OUT_LOOK_MIN_S
    while not fates.is_aborted:
        try:
            check_interrupt()
        except BaseException as error:  # noqa: BLE001  raised again when all is closed
            return error
        undrained = [link for link in links.values() if not link.is_drained()]
        queued = any(link.queued_bytes for link in undrained)
        if queued:
            deadline = monotonic() + limits.DRAIN_TIMEOUT_S
        elif not undrained:
            if until is None:
                until = monotonic() + limits.HEAR_OUT_S
            is_heard_out = not links and not _silent(neighbours, fates)
            if not hears_out or is_heard_out or monotonic() >= until:
                break
            progress.is_rung = False
            progress.wait(min(until, monotonic() + pause))
            pause = min(2 * pause, _HEAR_OUT_LOOK_MAX_S)
            continue
        elif monotonic() >= deadline:
            break
        progress.wait(monotonic() + (_QUEUED_LOOK_S if queued else _DRAIN_LOOK_S))
    return None


def _silent(neighbours: Neighbours | None, fates: Fates) -> bool:
    """Whether there are nodes of this machine that may send something yet, for the first time."""
    return neighbours is not None and not all(map(fates.is_lost, neighbours.silent()))
