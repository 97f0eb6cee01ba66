"""A process that has all loaded what a node needs, and forks nodes from itself.

    python -P -m distrcomp.fork_server SOCKET

An agent starts it, as a plain interpreter, leaves it a socket, and tells it by that what to fork
(fork_orders). It is a process apart because a fork copies the memory of one thread's process: this
one has no other thread, holds nothing of the agent's and runs no program. The child leaves the loop
and goes on as `distrcomp.node` does; what it must shed is in fresh_start.

What always holds: a child that has ended is reaped only when the agent says so, so its number, by
which agent and guardian kill its group, is nobody else's before. When the agent is gone the server
kills what it has forked and ends.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from typing import Any

import distrcomp

from . import fresh_start, limits, node
from .fork_orders import (
    DESCRIPTORS_MAX,
    TO_AGENT,
    TO_SERVER,
    Fork,
    Forked,
    Load,
    Reap,
    Reaped,
    Share,
    Unshare,
)
from .frames import FrameDecoder, frame
from .interrupts import replace_handlers
from .joining import joined
from .notices import TO_NODE, Exits, Go, NodeEnded, Ticket
from .short_end import ShortEnd

_READ_BYTES = 65536
_BEFORE_PROGRAM = 4  # PYTHON -P -m distrcomp.node


class Server:
    """The loop.

    Args:
        connection: to the agent.
        end: of the nodes that will be forked.
    """

    def __init__(self, connection: socket.socket, end: ShortEnd) -> None:
        self._socket = connection
        self._end_of_nodes = end
        self._decoder = FrameDecoder(limits.FORK_ORDER_BYTES_MAX)
        self._descriptors: deque[int] = deque()
        self._shared: list[tuple[int, int]] = []
        self._children: set[int] = set()
        self._words = fresh_start.ShownWords()

    def serve(self) -> list[str]:
        """In the server: never returns. In each child: what its program is."""
        while True:
            for body in self._decoder.feed(self._read()):
                if (order := self._obey(TO_SERVER.unpack(body))) is not None:
                    return order

    def _read(self) -> bytes:
        flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
        try:
            data, descriptors, _, _ = socket.recv_fds(
                self._socket, _READ_BYTES, DESCRIPTORS_MAX, flags
            )
        except OSError:
            data, descriptors = b"", []
        if not data:
            self._end()
        self._descriptors.extend(descriptors)
        return data

    def _obey(self, order: Any) -> list[str] | None:
        match order:
            case Load(links_machines):
                self._load(links_machines)
            case Share(numbers):
                self._shared += fresh_start.take_free_places(self._taken(numbers))
            case Unshare():
                for descriptor, _ in self._shared:
                    os.close(descriptor)
                self._shared.clear()
            case Reap(pid):
                self._tell(self._reap(pid))
            case Fork():
                return self._fork(order)
        return None

    def _load(self, links_machines: bool) -> None:
        from .warm_numpy import preload

        if links_machines:
            from .links import handshake, tls  # noqa: F401  nodes will find them loaded
        self._end_of_nodes.share(preload())
        _settle()

    def _taken(self, numbers: tuple[int, ...]) -> list[tuple[int, int]]:
        """The descriptors that came along, fewer where some were lost on the way."""
        count = min(len(numbers), len(self._descriptors))
        return [(self._descriptors.popleft(), number) for number in numbers[:count]]

    def _fork(self, order: Fork) -> list[str] | None:
        """In the child: what its program is."""
        held = self._taken(order.numbers)
        try:
            if len(held) < len(order.numbers):
                raise OSError(errno.EMFILE, "descriptors were lost")
            if threading.active_count() > 1 or len(os.listdir("/proc/self/task")) > 1:
                raise OSError(errno.EDEADLK, "there is another thread")
            pid = os.fork()
        except OSError as error:
            self._tell(Forked(order.number, 0, error.errno or errno.EIO))
        else:
            if pid == 0:
                return self._become(order, [*held, *self._shared])
            self._children.add(pid)
            self._tell(Forked(order.number, pid, 0))
        for descriptor, _ in held:
            os.close(descriptor)
        return None

    def _become(self, order: Fork, held: list[tuple[int, int]]) -> list[str]:
        os.setsid()
        self._socket.detach()
        fresh_start.take_places(held)
        fresh_start.take_environment(order.environment)
        self._words.show(order.arguments, order.environment)
        fresh_start.renew_main_thread()
        fresh_start.renew_streams()
        os.chdir(order.folder)
        words = list(map(os.fsdecode, order.arguments))
        sys.orig_argv = words
        sys.argv = [node.__file__, *words[_BEFORE_PROGRAM:]]
        distrcomp.node_id = int(os.environ["DISTRCOMP_NODE_ID"])
        distrcomp.n_node = int(os.environ["DISTRCOMP_N_NODE"])
        return words[_BEFORE_PROGRAM:]

    def _reap(self, pid: int) -> Reaped:
        _, status, usage = os.wait4(pid, 0)
        self._children.discard(pid)
        return Reaped(pid, os.waitstatus_to_exitcode(status), usage.ru_maxrss)

    def _tell(self, answer: Any) -> None:
        with contextlib.suppress(OSError):  # the next read says so
            self._socket.sendall(frame(TO_AGENT.pack(answer)))

    def _end(self) -> None:
        """The agent is gone, and so goes what it had started: leaders first, as the guardian."""
        for kill in (os.kill, os.killpg):
            for pid in self._children:
                with contextlib.suppress(OSError):
                    kill(pid, signal.SIGKILL)
            if self._children:
                time.sleep(limits.LEADER_HEAD_START_S)
        os._exit(0)


def _settle() -> None:
    """What is there now stays: its pages need not be copied to look for garbage."""
    gc.collect()
    gc.freeze()


def main() -> int:
    """The server; and each node that it forks."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(connection.fileno(), False)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, ends of children would be lost
    # What each node would do first, and in memory of its own.
    replace_handlers()
    TO_NODE.make_ready(Ticket, Go, NodeEnded)
    end = ShortEnd()
    _settle()
    arguments = Server(connection, end).serve()
    code = node.main(arguments)
    world = joined()
    if world is not None and world.notices is not None:
        world.notices.send(Exits(code))  # the server may be killed before it has told the agent
    end.code = code
    return code


if __name__ == "__main__":
    sys.exit(main())
