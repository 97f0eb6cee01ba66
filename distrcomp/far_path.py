"""The short way for small messages between machines: the same idea as in `fast_path`.

A message without buffers on a plain stream link is one write and one read. `send` writes it itself
when nothing is queued before it. `recv` looks at the link for a while, if nothing from that node
lies in the mailbox, nobody has posted a receive and the link is between two messages. What it reads
and can't use goes to the mailbox as always. TLS links go the long way: there the cipher costs more
than all this saves.
"""

from __future__ import annotations

from operator import index
from time import perf_counter
from typing import Any

from . import codec, limits
from .engine import Engine, Sending
from .errors import BadTag
from .frames import ACKNOWLEDGEMENT, Message
from .gate import IS_ATOMIC
from .links import StreamLink
from .mailbox import ANY
from .progress import SPIN_S


class FarPath:
    """Sending and receiving over stream links, for FastPath.

    Args:
        engine: of this node.
        number: of the communicator.
        members: the world's ids of its nodes, by their ids here.
    """

    __slots__ = ("__weakref__", "_engine", "_far", "_gate", "_members", "_number")

    def __init__(self, engine: Engine, number: int, members: range | tuple[int, ...]) -> None:
        self._engine = engine
        self._gate = engine.gate
        self._number = number
        self._members = members
        self._far: dict[int, StreamLink] = {}

    def forget(self) -> None:
        """Has every call go the long way from now on."""
        self._far.clear()

    def _know(self, node: int) -> None:
        """Goes the short way to `node` from now on, if its link is of the kind."""
        link = self._engine.link_to(self._members[node])
        if type(link) is StreamLink and IS_ATOMIC:
            self._far[node] = link

    def _send_far(self, dest: int, obj: Any, tag: int) -> bool:
        """Sends if there is a short way to `dest`; False has changed nothing."""
        link = self._far.get(dest)
        gate = self._gate
        if link is None or gate.taken:
            return False
        kind, meta, buffers = codec.encode(obj)
        engine = self._engine
        message = Message(engine.node_id, tag_number(tag), self._number, kind, meta, buffers)
        if self._is_taken():  # encoding may have let another thread run
            return False
        gate.taken = True
        try:
            pending = link.post(message)
        finally:
            gate.taken = False
        if pending is not None or link.is_broken:
            try:
                engine.finish(engine.follow(link, pending))
            except BaseException:
                engine.let_go(Sending(link.node, pending, 0))
                raise
        if gate.interrupted:
            engine.check_interrupt()
        return True

    def _is_taken(self) -> bool:
        return self._gate.taken

    def _recv_far(self, source: int, tag: int) -> Message | None:
        """The next message from `source` if there is a short way, it comes soon, and it fits."""
        link = self._far.get(source)
        gate = self._gate
        if link is None or gate.taken:
            return None
        engine = self._engine
        mailbox = engine.mailbox
        gate.taken = True
        try:
            node = link.node
            if mailbox.receives or node in mailbox.unread or engine.link_to(node) is not link:
                return None
            if not self._soon(link):
                return None
            messages = engine.take_from(node, link)
            first = 0
            if messages:
                message = messages[0]
                if (
                    message.communicator == self._number
                    and (tag == ANY or message.tag == tag)
                    and not message.serial
                    and message.codec != ACKNOWLEDGEMENT
                ):
                    first = 1
            for other in messages[first:]:
                engine.deliver(other)
            return message if first else None
        finally:
            gate.taken = False

    def _soon(self, link: StreamLink) -> bool:
        """Whether something can be read now or in a short while."""
        until = perf_counter() + (SPIN_S if self._engine.spins else 0.0)
        while not link.is_readable():
            if perf_counter() >= until:
                return False
        return True


def tag_number(tag: Any) -> int:
    """`tag` as an integer.

    Raises:
        BadTag: it is not an integer from 0 to 2**31-1.
    """
    try:
        number = index(tag)
    except TypeError:
        number = -1
    if not 0 <= number <= limits.TAG_MAX:
        raise BadTag(f"{tag!r} is no tag: tags are integers from 0 to {limits.TAG_MAX}")
    return number
