"""Which calls of a window may follow which."""

from __future__ import annotations

import pytest

from distrcomp.mpi.window_epochs import Access, Epochs, Event, WrongEpoch


def after(*events: Event) -> Epochs:
    """Epochs after these calls, each on node 0 where it concerns a node."""
    epochs = Epochs()
    for event in events:
        target = 0 if event in (Event.LOCK, Event.UNLOCK, Event.OPERATE) else None
        epochs.call(event, target)
    return epochs


@pytest.mark.parametrize("event", [Event.OPERATE, Event.UNLOCK, Event.FLUSH, Event.UNLOCK_ALL])
def test_without_an_epoch_nothing_is_done(event: Event) -> None:
    """Operations and the ends of epochs need one that was begun."""
    with pytest.raises(WrongEpoch, match="no epoch is open"):
        Epochs().call(event, 0)


def test_after_a_fence_another_kind_may_follow() -> None:
    """A fence after which nothing was done needs no second one before Lock or Start."""
    for event in (Event.LOCK, Event.LOCK_ALL, Event.START, Event.FREE):
        after(Event.FENCE).call(event)


def test_a_used_fence_must_be_closed() -> None:
    """Once an operation followed a fence, only a fence ends the epoch."""
    epochs = after(Event.FENCE, Event.OPERATE)
    with pytest.raises(WrongEpoch):
        epochs.call(Event.LOCK, 0)
    epochs.call(Event.LAST_FENCE)
    assert epochs.access is Access.NONE


def test_locks_are_counted() -> None:
    """The epoch of locks ends with the last unlock, and no lock is taken twice."""
    epochs = after(Event.LOCK)
    epochs.call(Event.LOCK, 1)
    with pytest.raises(WrongEpoch, match="locked by this node already"):
        epochs.call(Event.LOCK, 1)
    epochs.call(Event.UNLOCK, 0)
    assert epochs.locked == {1}
    with pytest.raises(WrongEpoch, match="not locked"):
        epochs.call(Event.UNLOCK, 0)
    epochs.call(Event.UNLOCK, 1)
    assert epochs.access is Access.NONE


def test_start_names_its_targets() -> None:
    """Between Start and Complete only the group's windows may be used."""
    epochs = Epochs()
    epochs.start(frozenset({1, 2}))
    epochs.call(Event.OPERATE, 2)
    with pytest.raises(WrongEpoch, match="not in the group"):
        epochs.call(Event.OPERATE, 3)


def test_post_is_waited_for() -> None:
    """Post and Wait come in pairs, and neither a fence nor Free comes between them."""
    epochs = Epochs()
    with pytest.raises(WrongEpoch):
        epochs.check_posted()
    epochs.post(frozenset({1}))
    for event in (Event.FENCE, Event.FREE):
        with pytest.raises(WrongEpoch, match="between Post and Wait"):
            epochs.call(event)
    with pytest.raises(WrongEpoch):
        epochs.post(frozenset({1}))
    epochs.wait()
    epochs.call(Event.FREE)
