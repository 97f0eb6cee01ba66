"""The node's side of its control socket: one thread that sleeps until the agent speaks.

It hands new links to the engine, passes on the ends of other nodes and the run's failure, and
writes what a `send` left queued while the program computes. A main thread that computes, so that
no call tells it of the run's failure, it interrupts as Ctrl-C does. Handshakes with other machines
run in short-lived threads of their own, so a slow one delays nobody and a computing node can be
dialled. When the agent vanishes the node ends itself: every call raises, and LAST_WORDS_S later the
node's whole process group is killed.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any, NoReturn

from . import limits
from .engine import Engine
from .errors import LinkFailed, ProtocolError
from .frames import FrameDecoder, frame
from .links import Link, StreamLink
from .links.bells import SECOND_LOOK_S
from .notices import (
    TO_AGENT,
    TO_NODE,
    Abort,
    Ask,
    AskTraffic,
    Dial,
    Go,
    LinkDown,
    LinkMade,
    LinkUp,
    NodeEnded,
    NoLink,
    Ticket,
    Traffic,
    WantLink,
)
from .poller import WRITABLE


class NoticeSocket:
    """Notices and descriptors over the control socket, in order."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(True)
        self._socket = connection
        self._decoder = FrameDecoder(limits.NOTICE_BYTES_MAX)
        self._write_lock = threading.Lock()
        self._read: deque[Any] = deque()
        self._descriptors: deque[int] = deque()

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, notice: Any) -> None:
        """Sends a notice; one that the agent no longer takes is dropped."""
        with self._write_lock, contextlib.suppress(OSError):
            self._socket.sendall(frame(TO_AGENT.pack(notice)))

    def receive(self) -> Any:
        """The next notice, waiting for it; raises EOFError when the agent is gone."""
        while not self._read:
            self.read_some()
        return self._read.popleft()

    def read_some(self) -> None:
        """Reads once; `pop` then gives the notices that are whole."""
        flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
        try:
            data, descriptors, _, _ = socket.recv_fds(self._socket, limits.READ_BYTES_MAX, 8, flags)
        except OSError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        self._descriptors.extend(descriptors)
        self._read.extend(TO_NODE.unpack(body) for body in self._decoder.feed(data))

    def pop(self) -> Any | None:
        """A notice already read, if there is one."""
        return self._read.popleft() if self._read else None

    def pop_descriptor(self) -> int:
        """The descriptor that belongs to the LinkMade just popped.

        Raises:
            ProtocolError: it did not come through.
        """
        if not self._descriptors:
            raise ProtocolError("a descriptor was lost: has this process too many open files?")
        return self._descriptors.popleft()

    def close(self) -> None:
        self._socket.close()


class ThreadOfOurs(threading.Thread):
    """A thread that is no part of the program, whatever the program calls its own."""


class Control:
    """The control thread of a node.

    Args:
        notices: the control socket, from which the ticket was read.
        ticket: that ticket; also an attribute.
    """

    def __init__(self, notices: NoticeSocket, ticket: Ticket) -> None:
        self.go = threading.Event()
        self._notices = notices
        self.ticket = ticket
        self._engine: Engine | None = None
        self._selector = selectors.DefaultSelector()
        self._selector.register(notices.fileno(), selectors.EVENT_READ)
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_writer, False)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._flushing: set[int] = set()
        self._accepting = threading.BoundedSemaphore(limits.ACCEPTS_MAX)
        self._disowned = False
        self._interrupt_at: float | None = None

    def start(self, engine: Engine) -> None:
        """Begins to listen, on behalf of `engine`."""
        self._engine = engine
        engine.listen(self._notices.send, os.getcwd())
        self._spawn(self._run, "distrcomp-control")

    def link_to(self, node: int) -> Link | None:
        """The link to `node`, if there is one already."""
        return self._the_engine.link_to(node)

    def want_link(self, node: int) -> None:
        """Has a link to `node` made: by dialling, or by asking the agent."""
        if not self.ticket.is_local(node) and self.ticket.dials(node):
            self._spawn(lambda: self._dial(node), f"distrcomp-dial-{node}")
        else:
            self._notices.send(WantLink(node))

    def wake(self) -> None:
        """Has the thread look at the engine's leftovers."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_writer, b"\0")

    def disown(self) -> None:
        """In a forked child: lets go of every descriptor, once."""
        if self._disowned:
            return
        self._disowned = True
        self._notices.close()
        self._selector.close()
        os.close(self._wake_reader)
        os.close(self._wake_writer)

    def _run(self) -> None:
        try:
            while True:
                self._round()
        except EOFError:
            self._end(f"the agent on {self._here} has vanished")
        except ProtocolError as error:
            self._end(f"the agent on {self._here} cannot be understood ({error})")
        except Exception as error:  # noqa: BLE001  without this thread nobody would hear of the run's end
            self._end(f"a fault of distrcomp's own, please report it: {error!r}")

    def _round(self) -> None:
        """Handles what was read, sleeps until there is something to do, and reads."""
        while (notice := self._notices.pop()) is not None:
            self._handle(notice)
        self._watch_leftovers()
        looks_again = self._the_engine.must_look_again
        left_s = self._interrupt_when_due()
        timeout = left_s if not looks_again else min(SECOND_LOOK_S, left_s or SECOND_LOOK_S)
        ready = {key.fd for key, _ in self._selector.select(timeout)}
        if self._wake_reader in ready:
            os.read(self._wake_reader, 4096)
        if self._flushing & ready or looks_again:  # whatever else came first
            self._the_engine.flush_leftovers()
        if self._notices.fileno() in ready:
            self._notices.read_some()

    def _interrupt_when_due(self) -> float | None:
        """Interrupts a program that has not heard of the run's end; the seconds until that."""
        if self._interrupt_at is None:
            return None
        left_s = self._interrupt_at - monotonic()
        if left_s > 0:
            return left_s
        self._interrupt_at = None
        self._the_engine.signals.interrupt_unheard()
        return None

    @property
    def _the_engine(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("the control thread runs before start()")
        return self._engine

    @property
    def _here(self) -> str:
        return self.ticket.label(self.ticket.node_id)

    def _watch_leftovers(self) -> None:
        for descriptor in self._flushing:  # all anew: a number may be another link's by now
            self._selector.unregister(descriptor)
        self._flushing = set()
        for descriptor, mask in self._the_engine.leftovers():
            event = selectors.EVENT_WRITE if mask & WRITABLE else selectors.EVENT_READ
            with contextlib.suppress(OSError, ValueError):  # closed meanwhile
                self._selector.register(descriptor, event)
                self._flushing.add(descriptor)

    def _handle(self, notice: Any) -> None:
        engine = self._the_engine
        match notice:
            case Go():
                self.go.set()
            case LinkMade(node, local):
                connection = socket.socket(fileno=self._notices.pop_descriptor())
                if local:
                    engine.attach(node, StreamLink(connection, node))
                elif self._accepting.acquire(blocking=False):
                    self._spawn(lambda: self._accept(node, connection), f"distrcomp-accept-{node}")
                else:
                    connection.close()
            case Dial(node):
                self._spawn(lambda: self._dial(node), f"distrcomp-dial-{node}")
            case NoLink(node, why):
                engine.link_failed(node, why)
            case NodeEnded(node, why):
                engine.node_ended(node, why)
            case Abort(culprit, why):
                engine.abort(culprit, why)
                self._interrupt_at = monotonic() + limits.ABORT_HEARD_WITHIN_S
            case Ask(number):
                self._notices.send(engine.standing(number, _threads_of_ours()))
            case AskTraffic():
                came, went = engine.traffic() or (None, None)
                self._notices.send(Traffic(came, went))

    def _dial(self, node: int) -> None:
        from .links.handshake import address_of, dial
        from .links.tls import link_over

        if not self._the_engine.expect(node):
            self._notices.send(LinkUp(node))
            return
        try:
            connection = dial(self.ticket, node)
            address, link = address_of(connection), link_over(connection, node)
        except Exception as error:  # noqa: BLE001  a fault of ours must not pass for waiting
            why = str(error) if isinstance(error, LinkFailed) else f"a fault of ours: {error!r}"
            self._the_engine.link_failed(node, why)
            self._notices.send(LinkDown(node, why))
            return
        self._the_engine.attach(node, link)
        self._notices.send(LinkUp(node, address))

    def _accept(self, node: int, connection: socket.socket) -> None:
        from .links.handshake import accept
        from .links.tls import link_over

        admitted = False

        def admit() -> bool:
            nonlocal admitted
            admitted = self._the_engine.expect(node)
            return admitted

        try:
            link = link_over(accept(self.ticket, node, connection, admit), node)
        except Exception as error:  # noqa: BLE001  a failure is no news of the node
            if admitted:
                self._the_engine.link_failed(node, str(error))
            return
        finally:
            self._accepting.release()
        self._the_engine.attach(node, link)

    def _end(self, why: str) -> NoReturn:
        """Ends this process, which nobody watches any more, after its last words."""
        self._the_engine.abort(self.ticket.node_id, why)
        self.go.set()
        sleep(limits.LAST_WORDS_S)
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os._exit(1)

    @staticmethod
    def _spawn(act: Callable[[], None], name: str) -> None:
        ThreadOfOurs(target=act, name=name, daemon=True).start()


def _threads_of_ours() -> set[int]:
    """The threads of this process that are no part of its program."""
    return {
        thread.ident or 0 for thread in threading.enumerate() if isinstance(thread, ThreadOfOurs)
    }
