"""Nodes that don't read what their agent tells them, and nodes that talk too much: both bounded."""

from __future__ import annotations

import asyncio
import errno
import socket
from pathlib import Path
from typing import Any

import psutil
import pytest

from distrcomp import notices as n
from distrcomp.frames import frame
from distrcomp.preamble import Preamble
from launcher import limits
from launcher.agent.control_socket import ControlSocket, packed
from launcher.control import messages as m
from tests.launcher.agent.agent_kit import (
    RUN_ID,
    hosting,
    n_descriptors,
    play,
    python,
    session,
    start_node,
    until,
)

pytestmark = pytest.mark.processes

DEAF = "import os, time; os.write(1, b'up'); time.sleep(1000)"


def test_notices_that_pile_up(tmp_path: Path, leaks: object) -> None:
    """S-29: a node that leaves megabytes unread is killed; what waits never exceeds its bound."""

    async def act() -> None:
        node, heard = start_node(python(DEAF), tmp_path)
        running = asyncio.ensure_future(node.run())
        await heard.wait_output(b"up")
        notice = n.NodeEnded(1, "x" * limits.MIB)
        for _ in range(100):
            node.tell(notice)
            assert node._control.waiting_bytes <= limits.NOTICES_WAITING_BYTES_MAX
        assert (None, 9) == await running

    play(act)


def test_connections_that_pile_up(tmp_path: Path, leaks: object) -> None:
    """S-26: who has learnt a run's id can make its agent hold so many sockets, and no more."""
    ends = []
    program = "import os\nprint(os.getpid(), flush=True)\nos.kill(os.getpid(), 19)\n"

    async def act() -> None:
        before = n_descriptors()
        async with hosting(tmp_path) as host, session(host) as launcher:
            await launcher.run(program)
            pid = int((await launcher.hear(m.Output)).data)
            await until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
            taken = 0
            for _ in range(limits.LINKS_WAITING_MAX + 400):
                ours, theirs = socket.socketpair()
                ends.append(ours)
                taken += host.hand_over(Preamble(RUN_ID, 1, 0), theirs)
                theirs.close()
            assert limits.LINKS_WAITING_MAX <= taken < len(ends)
            assert n_descriptors() < before + len(ends) + limits.LINKS_WAITING_MAX + 100
        for end in ends:
            end.close()

    play(act)


@pytest.mark.parametrize("said", [bytes(2 * limits.MIB), frame(bytes(2 * limits.MIB))[:100]])
def test_long_notices(said: bytes, tmp_path: Path, leaks: object) -> None:
    """S-14: a node that announces a notice longer than any is killed before it is read."""
    path = tmp_path / "said"
    path.write_bytes(said)
    code = (
        f"import os, socket, time\nsaid = open({str(path)!r}, 'rb').read()\n"
        "s = socket.socket(fileno=int(os.environ['DISTRCOMP_CONTROL_FD']))\n"
        "s.sendall((len(said) + 2**21).to_bytes(4, 'big') + said)\ntime.sleep(1000)"
    )

    async def act() -> None:
        node, heard = start_node(python(code), tmp_path)
        assert (None, 9) == await node.run()
        (told,) = heard.notices
        assert told.error.startswith(
            "it told its agent what is no notice, and was killed for it: a "
        )

    play(act)


class CrowdedSocket:
    """A control socket over which so many descriptors are on their way that no more may follow."""

    def __init__(self) -> None:
        self.sent = b""

    def setblocking(self, flag: bool) -> None:
        """As a socket has it."""

    def fileno(self) -> int:
        return 0

    def send(self, data: bytes) -> int:
        self.sent += data
        return len(data)

    def sendmsg(self, *_: Any) -> int:
        raise OSError(errno.ETOOMANYREFS, "too many references")


def test_too_many_descriptors_on_their_way() -> None:
    """A connection that the kernel won't let pass is refused; what else is to be told, arrives."""

    async def act() -> None:
        crowded = CrowdedSocket()
        control = ControlSocket(crowded)  # type: ignore[arg-type]
        ours, theirs = socket.socketpair()
        control.send(packed(n.LinkMade(3, local=False)), theirs)
        control.send(packed(n.Abort(3, "boom")))
        assert b"LinkMade" not in crowded.sent
        assert b"boom" in crowded.sent
        assert (0, 0, -1) == (control.waiting_bytes, control.n_links_waiting, theirs.fileno())
        ours.close()

    play(act)
