"""What a message is like, and one that a probe has taken (MPI-4.1, 3.2.5 and 3.8.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .engine import Engine
from .errors import AlreadyReceived, DoesNotFit
from .mailbox import ANY


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

    def __init__(self, engine: Engine, status: Status, take: Callable[[Any], Any]) -> None:
        self.status = status
        self._engine = engine
        self._take: Callable[[Any], Any] | None = take

    def recv(self, *, out: Any = None) -> Any:
        """Its object, once.

        Args:
            out: an array or buffer to receive into, as in `Communicator.recv`.

        Raises:
            AlreadyReceived: the second time.
            DoesNotFit: it can be received in another way.
            Undecodable: its object cannot be rebuilt here.
        """
        take, self._take = self._take, None
        if take is None:
            raise AlreadyReceived("this message was received already")
        try:
            value = take(out)
            self._engine.check_interrupt()
        except (DoesNotFit, KeyboardInterrupt):
            self._take = take
            raise
        return value
