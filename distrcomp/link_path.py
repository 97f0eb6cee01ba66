"""The short way of messages that a link carries: large ones inside a machine, all between machines.

What `fast_path` can't do by itself, one record written or read, is mostly one `post` or one
`receive` of a link. So here a call goes in by the gate and does just that, without the engine's
steps around it: their code and data would have to come back from far caches after each large copy.
`send` then looks for a while whether the message is out of its hands, for the receiver may just be
copying it. `recv` looks at the link for a while, if nothing from that node lies in the mailbox and
nobody has posted a receive; what it takes and can't use goes to the mailbox as always.

TLS links go the long way: there the cipher costs more than all this saves.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

from . import codec
from .arguments import tag_number
from .frames import ACKNOWLEDGEMENT, Message
from .gate import is_atomic
from .links import MpiLink, ShmLink, StreamLink
from .long_path import LongPath
from .mailbox import ANY, Receive
from .progress import SPIN_S
from .status import Status


class LinkPath(LongPath):
    """Sending and receiving over links directly; see LongPath."""

    __slots__ = ("_is_atomic", "_links")

    def _prepare(self) -> None:
        super()._prepare()
        self._links: dict[int, ShmLink | StreamLink | MpiLink] = {}
        self._is_atomic = is_atomic() and not self._engine.sees_sends(self._number)

    def know(self, member: int, link: Any) -> None:
        """Goes the short way to a node of the world from now on, if it is one of ours."""
        node = self._ids.get(member)
        if node is not None and self._is_atomic and type(link) in (ShmLink, StreamLink, MpiLink):
            self._links[node] = link

    def forget(self) -> None:
        """Has every call go the long way from now on."""
        self._links.clear()

    def _send_encoded(self, dest: int, tag: int, encoded: codec.Encoded) -> None:
        """Sends by the link to `dest` if it is known, else the long way."""
        engine, gate = self._engine, self._gate
        link = self._known(dest)
        message = Message(engine.node_id, tag_number(tag), self._number, *encoded)
        if link is None or gate.taken:
            return self._send_long(dest, tag, encoded)
        gate.taken = True
        try:
            pending = link.post(message)
        finally:
            gate.taken = False
        if link.is_broken or (pending is not None and not engine.is_out_soon(link, pending)):
            engine.finish_posted(link, pending, self._number)
        if gate.interrupted:
            engine.check_interrupt()
        return None

    def _recv_link(self, source: int, tag: int, timeout: float | None) -> Message | None:
        """The next message from `source` if its link is known, it comes soon, and it fits."""
        engine, gate = self._engine, self._gate
        link = self._known(source)
        if link is None or not self._soon(link, timeout):
            return None
        if gate.taken:
            return None
        gate.taken = True
        try:
            node, mailbox = link.node, engine.mailbox
            if mailbox.receives or node in mailbox.unread or engine.link_to(node) is not link:
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

    def _recv_told(
        self, source: int, tag: int, timeout: float | None, out: Any, status: Status | None
    ) -> Any:
        """Receives into the caller's memory, or says what the message was like."""
        wanted = self._wanted_for(source, tag, out, status)
        if self._take_soon(source, wanted, timeout):
            return self._take(wanted, out, status)
        return self._recv_long(source, tag, timeout, out, status)

    def _take_soon(self, source: int, wanted: Receive, timeout: float | None) -> bool:
        """Has a receive matched if it is with the next message from `source`, and that comes soon.

        Where it gives memory, the message may arrive straight there.
        """
        engine, gate = self._engine, self._gate
        link = self._known(source)
        if link is None or not self._soon(link, timeout) or gate.taken:
            return False
        gate.taken = True
        try:
            node, mailbox = link.node, engine.mailbox
            if mailbox.receives or node in mailbox.unread or engine.link_to(node) is not link:
                return False
            mailbox.post(wanted)
            is_taken = False
            try:
                for message in engine.take_from(node, link):
                    engine.deliver(message)
                is_taken = wanted.message is not None
            finally:
                if not is_taken:
                    mailbox.withdraw(wanted)
            return is_taken
        finally:
            gate.taken = False

    def _known(self, node: Any) -> ShmLink | StreamLink | MpiLink | None:
        try:
            return self._links.get(node)
        except TypeError:  # the long way says what is wrong
            return None

    def _soon(self, link: ShmLink | StreamLink | MpiLink, timeout: float | None) -> bool:
        """Whether something can be read now or in a short while; on a ring `fast_path` has looked.

        Between the looks nobody is inside, so what is found is looked at once more there.
        """
        gate = self._gate
        until = 0.0
        while not gate.taken:
            gate.taken = True
            try:
                if link.can_receive():
                    return True
            finally:
                gate.taken = False
            if not until:
                if timeout is not None or not self._engine.spins or isinstance(link, ShmLink):
                    break
                until = perf_counter() + SPIN_S
            elif gate.interrupted or perf_counter() >= until:
                break
        return False
