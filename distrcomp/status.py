"""What a message is like, and one that a probe has taken (MPI-4.1, 3.2.5 and 3.8.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .engine import Engine
from .errors import AlreadyReceived, DoesNotFit
from .mailbox import ANY, Receive


class Status:
    """What a received message was like, filled in by `recv(status=...)` and returned by probes.

    Attributes:
        source: the node that sent it, by its id in the communicator.
        tag: its tag.
        payload_bytes: how many bytes its object took while it travelled.

    Semantics: MPI-4.1, 3.2.5.

    Example:
        >>> import distrcomp as dc
        >>> dc.send(dc.node_id, "abc", tag=5)
        >>> status = dc.Status()
        >>> dc.recv(status=status)
        'abc'
        >>> status.source, status.tag, status.payload_bytes
        (0, 5, 3)
    """

    __slots__ = ("payload_bytes", "source", "tag")

    def __init__(self, source: int = ANY, tag: int = ANY, payload_bytes: int = 0) -> None:
        self.source = source
        self.tag = tag
        self.payload_bytes = payload_bytes

    def __repr__(self) -> str:
        return f"Status(source={self.source}, tag={self.tag}, payload_bytes={self.payload_bytes})"


class MatchedMessage:
    """A message that a matched probe has taken out of the mailbox: only `recv` here receives it.

    Semantics: MPI-4.1, 3.8.2.

    Attributes:
        status: what it is like.
    """

    def __init__(
        self,
        engine: Engine,
        status: Status,
        wanted: Receive,
        take: Callable[[Receive, Any], Any],
        take_raw: Callable[[Receive, Any], Any],
    ) -> None:
        self.status = status
        self._engine = engine
        self._wanted: Receive | None = wanted
        self._take = take
        self._take_raw = take_raw

    def __repr__(self) -> str:
        told = "received" if self._wanted is None else f"{self.status.payload_bytes} bytes"
        source, tag = self.status.source, self.status.tag
        return f"<MatchedMessage from node {source} with tag {tag}: {told}>"

    def recv(self, *, out: Any = None) -> Any:
        """Its object, once.

        Args:
            out: an array or buffer to receive into, as in `Communicator.recv`.

        Raises:
            AlreadyReceived: the second time.
            DoesNotFit: it can be received in another way.
            Undecodable: its object cannot be rebuilt here.
        """
        return self._receive(self._take, out)

    def recv_raw(self, into: memoryview | None = None) -> Any:
        """Its bytes, once; see `Communicator.recv_raw`."""
        return self._receive(self._take_raw, into)

    def _receive(self, take: Callable[[Receive, Any], Any], memory: Any) -> Any:
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            raise AlreadyReceived("this message was received already")
        try:
            value = take(wanted, memory)
        except (DoesNotFit, KeyboardInterrupt):
            self._wanted = wanted
            raise
        try:
            self._engine.check_interrupt()
        except BaseException:
            self._wanted = wanted
            raise
        return value
