"""Both ends of a link over a real MPI: in one process, and in two.

    mpiexec -n 2 python -m tests.distrcomp.links.mpi_ends SOCKET tests/.../test_contract.py

Process 0 runs pytest. In "mpi loop" it has both ends, on a duplicate of COMM_SELF: what is sent
goes through MPI's matching, and its own memory. In "mpi" the second end is in process 1, which does
what it is told through a socket and calls MPI at no other time: it is as deaf as a node that
computes. Pairs are told apart by their tags.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

import pytest

from distrcomp.errors import ProtocolError
from distrcomp.frames import Message
from distrcomp.links import Link, LinkEnded, Pending
from distrcomp.links.mpi import MpiLink
from distrcomp.links.mpi_port import Port
from tests.distrcomp.links import kit

Ends = tuple[Link, Link]

_QUIET_TIMEOUT_S = 10.0
_tags = itertools.count(0, 2)


class RemoteLink:
    """The end of a link that is in the other process."""

    kind = MpiLink

    def __init__(self, connection: Connection, node: int, hears: int) -> None:
        self._connection = connection
        self.node = self.rank = node
        self._number = self._ask("link", node, hears)

    def __getattr__(self, name: str) -> Any:
        if name in ("queued_bytes", "at_end", "is_broken", "is_closed", "connection"):
            return self._ask("look", self._number, name)
        return lambda *arguments: self._ask("call", self._number, name, *arguments)

    def post(self, message: Message) -> RemotePending | None:
        number = self._ask("post", self._number, portable(message))
        return None if number is None else RemotePending(lambda: self._ask("is_out", number))

    def receive(self, most: int) -> list[Message]:
        received: list[Message] = self._ask("receive", self._number, most)
        return received

    def is_quiet(self) -> bool:
        return bool(self._ask("quiet", self._number))

    def _ask(self, *words: Any) -> Any:
        self._connection.send(words)
        kind, answer = self._connection.recv()
        if kind == "ended":
            raise LinkEnded(*answer)
        if kind == "protocol":
            raise ProtocolError(answer)
        return answer


class RemotePending:
    """A Pending of the other process."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask

    @property
    def is_out(self) -> bool:
        return self._ask()


def portable(message: Message) -> Message:
    """The same, as it can be pickled."""
    buffers = [bytearray(memoryview(buffer)) for buffer in message.buffers]
    return message._replace(meta=bytes(message.meta), buffers=buffers)


class Puppet:
    """Process 1: has the second ends and does what it is told."""

    def __init__(self, mpi: Any, communicator: Any) -> None:
        self._mpi, self._communicator = mpi, communicator
        self._ports: list[Port] = []
        self._links: list[Any] = []
        self._pending: list[Pending] = []

    def serve(self, connection: Connection) -> None:
        """Answers until the other process hangs up."""
        with contextlib.suppress(EOFError):
            while True:
                words = connection.recv()
                try:
                    connection.send(("answer", getattr(self, words[0])(*words[1:])))
                except LinkEnded as end:
                    connection.send(("ended", (end.clean, str(end))))
                except ProtocolError as error:
                    connection.send(("protocol", str(error)))

    def link(self, node: int, hears: int) -> int:
        self._ports.append(Port(self._mpi, self._communicator, hears, hears ^ 1))
        self._links.append(MpiLink(self._ports[-1], node, node))
        return len(self._links) - 1

    def look(self, number: int, name: str) -> Any:
        return getattr(self._links[number], name)

    def call(self, number: int, name: str, *arguments: Any) -> Any:
        found = getattr(self._links[number], name)(*arguments)
        return None if isinstance(found, Pending) else found

    def post(self, number: int, message: Message) -> int | None:
        pending = self._links[number].post(message)
        if pending is None:
            return None
        self._pending.append(pending)
        return len(self._pending) - 1

    def is_out(self, number: int) -> bool:
        return self._pending[number].is_out

    def receive(self, number: int, most: int) -> list[Message]:
        return [portable(each) for each in self._links[number].receive(most)]

    def quiet(self, number: int) -> bool:
        return self._ports[number].is_quiet()


def settle(looks: list[Callable[[], bool]]) -> None:
    """At the end of a test MPI is done with all packets, as it must be before it is finalised."""
    deadline = time.monotonic() + _QUIET_TIMEOUT_S
    while [each for each in looks if not each()]:
        assert time.monotonic() < deadline, "a packet of a closed link was never received"


def loop(mpi: Any, communicator: Any, stack: contextlib.ExitStack) -> Ends:
    """Both ends in this process."""
    tag = next(_tags)
    here, there = Port(mpi, communicator, tag, tag + 1), Port(mpi, communicator, tag + 1, tag)
    ends = MpiLink(here, 1, 0), MpiLink(there, 0, 0)
    stack.callback(settle, [here.is_quiet, there.is_quiet])
    for end in ends:
        stack.callback(end.close)
    return ends


def two(mpi: Any, communicator: Any, connection: Connection, stack: contextlib.ExitStack) -> Ends:
    """One end here, one in process 1."""
    tag = next(_tags)
    port = Port(mpi, communicator, tag, tag + 1)
    ends = MpiLink(port, 1, 1), RemoteLink(connection, 0, tag + 1)
    stack.callback(settle, [port.is_quiet, ends[1].is_quiet])
    for end in ends:
        stack.callback(end.close)
    return ends  # type: ignore[return-value]


def main(address: str, arguments: list[str]) -> int:
    """What each of the two processes does."""
    from mpi4py import MPI

    world, own = MPI.COMM_WORLD.Dup(), MPI.COMM_SELF.Dup()
    if world.Get_rank() == 1:
        world.Barrier()
        with Client(address, "AF_UNIX") as connection:
            Puppet(MPI, world).serve(connection)
        return 0
    with Listener(address, "AF_UNIX") as listener:
        world.Barrier()
        with listener.accept() as connection:
            kit.KINDS.clear()
            kit.KINDS["mpi loop"] = lambda stack: loop(MPI, own, stack)
            kit.KINDS["mpi"] = lambda stack: two(MPI, world, connection, stack)
            return int(pytest.main(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
