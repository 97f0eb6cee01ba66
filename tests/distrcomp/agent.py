"""A fake agent: starts one real node process and speaks to it over its control socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from distrcomp import notices as n
from distrcomp.communicator import Communicator
from distrcomp.engine import Engine
from distrcomp.frames import FrameDecoder, frame
from distrcomp.links import StreamLink
from distrcomp.links.local import Neighbours
from distrcomp.progress import Progress
from launcher.agent.shared import Shared, share
from tests.distrcomp.links.kit import End
from tests.leaks import TAG

TIMEOUT_S = 60.0


def environment(tag: str, **variables: str) -> dict[str, str]:
    """A node's environment: nothing of the test's own but the path."""
    kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    return kept | {TAG: tag, "PYTHONUNBUFFERED": "1"} | variables


class FakeAgent:
    """Node 0 of `n_node` on this machine, and the agent that started it.

    Args:
        folder: where the node starts.
        tag: what the leak checker knows the test's processes by.
        arguments: what follows `python -P -m distrcomp.node`.
        shares: whether the nodes share memory; the test then plays node 1 by `world`.
    """

    def __init__(
        self, folder: Path, tag: str, arguments: list[str], n_node: int = 2, shares: bool = False
    ) -> None:
        self._shared = share(n_node) if shares else Shared()
        self._engine: Engine | None = None
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(TIMEOUT_S)
        self._decoder = FrameDecoder(2**24)
        self._notices: list[Any] = []
        self._n_node = n_node
        descriptor = theirs.fileno()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "distrcomp.node", *arguments],
            cwd=folder,
            env=environment(
                tag,
                DISTRCOMP_CONTROL_FD=str(descriptor),
                DISTRCOMP_NODE_ID="0",
                DISTRCOMP_N_NODE=str(n_node),
            ),
            pass_fds=[descriptor, *self._shared.descriptors],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        theirs.close()

    def tell(self, notice: Any, descriptor: int | None = None) -> None:
        """Sends a notice, with a descriptor if it has one."""
        data = frame(n.TO_NODE.pack(notice))
        if descriptor is None:
            self._socket.sendall(data)
        else:
            socket.send_fds(self._socket, [data], [descriptor])

    def hear(self) -> Any:
        """The next notice of the node; None once it has gone."""
        while not self._notices:
            data = self._socket.recv(65_536)
            if not data:
                return None
            self._notices += map(n.TO_AGENT.unpack, self._decoder.feed(data))
        return self._notices.pop(0)

    def welcome(self) -> None:
        """Gives the ticket and hears that the node is ready."""
        machines = (n.Machine("here", "", 0),)
        nodes = self._n_node
        shared = self._shared
        self.tell(
            n.Ticket(
                *(b"r" * 16, 0, nodes, machines, (0,) * nodes, "", "", "tls"),
                shared.segment,
                shared.doorbells,
            )
        )
        assert self.hear() == n.Ready()

    def make_link(self, node: int = 1) -> End:
        """Links the node to the test, which plays `node`."""
        ours, theirs = socket.socketpair()
        self.tell(n.LinkMade(node, True), theirs.fileno())
        theirs.close()
        return End(StreamLink(ours, 0))

    def world(self) -> Communicator:
        """Node 1, which the test plays, as a member of the world."""
        doorbells = [os.dup(bell) for bell in self._shared.doorbells]
        segment = os.dup(self._shared.segment)
        neighbours = Neighbours(segment, range(self._n_node), 1, doorbells, helps=False)
        self._engine = Engine(
            (1, self._n_node),
            lambda _: "here",
            lambda _: None,
            lambda: None,
            partial(Progress, neighbours=neighbours),
        )
        return Communicator(self._engine, timeout=TIMEOUT_S)

    def tell_end(self, why: str) -> None:
        """The test's node hears that node 0 has ended."""
        if self._engine is not None:
            self._engine.node_ended(0, why)

    def finish(self) -> None:
        """The test's node ends in order."""
        if self._engine is not None:
            self._engine.close(in_order=True)

    def run(self) -> tuple[int, str, str, list[Any]]:
        """Lets the program run to its end: exit code, stdout, stderr, notices."""
        self.welcome()
        self.tell(n.Go())
        return self.ended()

    def ended(self) -> tuple[int, str, str, list[Any]]:
        """The node's exit code, stdout, stderr, and the notices that were not heard yet."""
        out, err = self.process.communicate(timeout=TIMEOUT_S)
        notices = []
        while (notice := self.hear()) is not None:
            notices.append(notice)
        return self.process.returncode, out.decode(), err.decode(), notices

    def wait_for_line(self) -> str:
        """The next line that the node prints."""
        if self.process.stdout is None:
            raise AssertionError("no stdout")
        return self.process.stdout.readline().decode().strip()

    def interrupt(self) -> None:
        """Ctrl-C."""
        os.kill(self.process.pid, signal.SIGINT)

    def vanish(self) -> None:
        """As an agent that was killed."""
        self._socket.close()

    def close(self) -> None:
        """Ends everything."""
        self._socket.close()
        if self._engine is not None:
            self._engine.close(in_order=False)
        for shared in self._shared.descriptors:
            os.close(shared)
        self._shared = Shared()
        if self.process.poll() is None:
            self.process.kill()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        self.process.wait(TIMEOUT_S)
