"""What a communicator's nodes ask of each other beside the program's messages.

A service is a handler that is called with each message of a space of its own, in the order of
arrival, inside whatever call of distrcomp the node is in: one-sided communication stands on it. No
thread waits for it; a node that makes no call serves nobody meanwhile (weak progress; MPI-4.1,
12.7.3). It asks for nothing in the mailbox, so plain messages go on as they did; what that means
for those who wait for a service stands in `serving_path`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .engine import Engine
from .frames import Message
from .groups import GroupCalls
from .raw import encode_raw
from .serving_path import ServingPath
from .spaces import SERVICE


class ServiceCalls(GroupCalls):
    """Serving, and asking for it; see Communicator."""

    __slots__ = ()

    def serve(self, handle: Callable[[int, memoryview], None]) -> None:
        """Has each message of the service space handled from now on, while this exists.

        Args:
            handle: called with the sender and the bytes; it must not wait, nor raise.
        """
        engine = self._engine

        def hear(message: Message) -> None:
            if self._engine is not engine:  # the communicator was freed
                return
            taken = self._take_raw(message, None)
            if taken.data is not None:
                handle(taken.source, taken.data)

        engine.serve(self._number + SERVICE, self.members, hear)
        _suit_others(engine)

    def free(self) -> None:
        engine = self._engine
        super().free()
        _suit_others(engine)

    free.__doc__ = GroupCalls.free.__doc__

    def post_service(self, dest: int, data: bytes) -> None:
        """Sends to the service of a node, without waiting."""
        member = self._members[dest]
        self._engine.send(
            member,
            Message(self._engine.node_id, 0, self._number + SERVICE, *encode_raw(memoryview(data))),
        )
        self._engine.flush_later()

    def await_service(self, is_over: Callable[[], bool], nodes: Iterable[int] = ()) -> None:
        """Waits, serving, until `is_over()` holds.

        Args:
            nodes: on whom that depends.

        Raises:
            NodeLost: one of them has ended.
        """
        members = [self._members[node] for node in nodes]

        def check() -> None:
            self._engine.check_nodes(members, self._number)

        self._engine.wait_for(is_over, check, None, True)


def _suit_others(engine: Engine) -> None:
    for each in engine.shortcuts():
        if isinstance(each, ServingPath):
            each.suit_others()
