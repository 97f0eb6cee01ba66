"""At the end of a program: whether its nodes were in different collectives without waiting there.

Who waits for nobody, as the root of a bcast, doesn't see that others are elsewhere, and where no
later call waits for them nobody does. But what they sent is unread at the end. A message of a
collective in which this node was, or of one before it, that it has not received by now is one of
another kind or root than it was in. What belongs to a later one says that it has not called that
one, which is sure only when it makes no calls any more.

The last node to come to its end sees it: it reads what has arrived first. Between machines a
message may still be under way then; nobody waits for that.
"""

from __future__ import annotations

from .collective_calls import CollectiveCalls
from .collectives.kinds import CARD, described, split_tag, turn_of
from .engine import Engine
from .errors import CollectiveMismatch, DistrcompError
from .spaces import COLLECTIVE


def mismatch_left(engine: Engine, is_last: bool) -> CollectiveMismatch | None:
    """The mismatch of which nobody was told so far, if there is one.

    Args:
        is_last: this node makes no call any more.
    """
    communicators = [each for each in engine.shortcuts() if isinstance(each, CollectiveCalls)]
    try:
        if any(each._together is not None for each in communicators):
            engine.read_arrived()
        found = [_look(engine, each, is_last) for each in communicators]
    except DistrcompError:  # the run has failed, or was left before
        return None
    return next((each for each in found if each is not None), None)


def _look(engine: Engine, calls: CollectiveCalls, is_last: bool) -> CollectiveMismatch | None:
    path = calls._together
    if path is not None and path.has_told:
        return None
    here = calls._name(calls.node_id)
    for member, tag in sorted(engine.unread(calls._number + COLLECTIVE)):
        node = calls._ids[member]
        if split_tag(tag)[0] == CARD:
            continue
        if path is not None and path.has_entered(turn_of(tag)):
            ours = path.place_of(turn_of(tag))
            if ours is not None and ours[0] != tag:
                return CollectiveMismatch(path.sentence(ours, node, (tag, "")))
        elif is_last:
            return CollectiveMismatch(
                f"{calls._name(node)} is in {described(tag)}, which {here} has not called: "
                "all nodes of a communicator must call the same collectives"
            )
    return None
