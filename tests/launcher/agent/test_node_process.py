"""One node as a real process: its output, its end, what it leaves behind."""

from __future__ import annotations

import asyncio
import hashlib
import os
import select
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from distrcomp import notices as n
from distrcomp.frames import frame
from launcher import limits
from tests.launcher.agent.agent_kit import (
    lives,
    n_descriptors,
    play,
    python,
    start_node,
    until,
)
from tests.leaks import LeakChecker

pytestmark = pytest.mark.processes

# A process outside the node's group that holds its output, and says who it is.
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(1, b"daemon %d\\n" % os.getpid())
        {then}
    os._exit(0)
os.wait()
os.read(int(os.environ["DISTRCOMP_CONTROL_FD"]), 1)
"""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", (0, None)),
        ("import os; os._exit(7)", (7, None)),
        ("raise SystemExit(255)", (255, None)),
        ("import os; os.kill(os.getpid(), 9)", (None, 9)),
        ("import os; os.abort()", (None, 6)),
        ("import ctypes; ctypes.string_at(0)", (None, 11)),
    ],
)
def test_ends(code: str, expected: tuple[object, object], tmp_path: Path, leaks: object) -> None:
    """F-07: an exit code is told as such, a signal as such."""

    async def act() -> None:
        node, _ = start_node(python(code), tmp_path)
        assert expected == await node.run()

    play(act)


def test_output_is_complete(tmp_path: Path, leaks: object) -> None:
    """F-26: all bytes of both streams, whatever they are, are handed on before the end is told."""
    code = "import os\nfor i in range(64): os.write(1 + i % 2, bytes(range(256)) * 40)\n"

    async def act() -> None:
        node, heard = start_node(python(code), tmp_path)
        assert (0, None) == await node.run()
        assert [bytes(range(256)) * 40 * 32] * 2 == [bytes(heard.output[1]), bytes(heard.output[2])]

    play(act)


def test_slow_teller_slows_the_node(tmp_path: Path, leaks: object) -> None:
    """F-26: who floods while nobody listens waits; nothing is lost and nothing piles up."""
    code = (
        "import os\nfor i in range(100):\n os.write(1, bytes(10**5))\n"
        " os.write(2, b'%d\\n' % i) if i % 10 == 0 else None\n"
    )

    async def act() -> None:
        node, heard = start_node(python(code), tmp_path)
        heard.gate.clear()
        running = asyncio.ensure_future(node.run())
        stat = Path(f"/proc/{node.group}/stat")
        await until(lambda: " S " in stat.read_text())  # most likely it waits for its pipe by now
        assert not running.done()
        assert b"" == heard.output[1]
        heard.gate.set()
        assert (0, None) == await running
        assert 10**7 == len(heard.output[1])

    play(act)


def test_end_while_nobody_listens(tmp_path: Path, leaks: object) -> None:
    """What a dead node had written waits until it is taken, and only then is its end told."""
    code = "import os; os.write(1, b'last words' * 1000)"

    async def act() -> None:
        node, heard = start_node(python(code), tmp_path)
        heard.gate.clear()
        running = asyncio.ensure_future(node.run())
        await until(lambda: not lives(node.group))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not running.done()
        heard.gate.set()
        assert (0, None) == await running
        assert b"last words" * 1000 == heard.output[1]

    play(act)


def readable(pipe: Any) -> bool:
    """Whether there is something to read."""
    return bool(select.select([pipe], [], [], 0)[0])


def test_group_dies_with_its_leader(tmp_path: Path, leaks: object) -> None:
    """F-23: what a node has started and left behind in its group is killed."""
    code = (
        "import os, time\npid = os.fork()\nif pid == 0: time.sleep(1000)\nos.write(1, b'%d' % pid)"
    )

    async def act() -> None:
        node, heard = start_node(python(code), tmp_path)
        assert (0, None) == await node.run()
        child = int(heard.output[1])
        await until(lambda: not lives(child))

    play(act)


@pytest.mark.parametrize("floods", [False, True])
def test_daemon_holds_output(floods: bool, tmp_path: Path, leaks: LeakChecker) -> None:
    """F-23: a process outside the group that holds the output, silent or not, delays no end."""
    then = "while True: os.write(1, b'y' * 4096)" if floods else "time.sleep(1000)"

    async def act() -> None:
        node, heard = start_node(python(DAEMON.format(then=then)), tmp_path)
        if floods:  # whenever the agent looks there is more to read
            heard.before = lambda: until(lambda: readable(node._process.stdout))
        running = asyncio.ensure_future(node.run())
        await heard.wait_output(b"daemon ")
        node.tell(n.Go())  # one byte of it lets the node end
        try:
            assert (0, None) == await running
        finally:
            leaks.kill_all()

    play(act)


def test_input(tmp_path: Path, leaks: object) -> None:
    """A node reads what it is given, to its end; what comes afterwards goes nowhere."""
    code = "import sys, hashlib; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    data = os.urandom(3 * 10**5)

    async def act() -> None:
        node, heard = start_node(python(code), tmp_path, takes_input=True)
        running = asyncio.ensure_future(node.run())
        await node.give_input(data)
        await node.give_input(b"")
        await node.give_input(b"too late")
        assert (0, None) == await running
        assert hashlib.sha256(data).hexdigest().encode() == heard.output[1].strip()

    play(act)


def test_input_that_nobody_reads(tmp_path: Path, leaks: object) -> None:
    """Giving input waits for a node that doesn't read, and ends when the node does."""

    async def act() -> None:
        node, heard = start_node(
            python("import os, time; os.write(1, b'up'); time.sleep(1000)"),
            tmp_path,
            takes_input=True,
        )
        running = asyncio.ensure_future(node.run())
        await heard.wait_output(b"up")
        giving = asyncio.ensure_future(node.give_input(bytes(10**6)))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not giving.done()
        node.signal(signal.SIGKILL)
        assert (None, 9) == await running
        await giving

    play(act)


def test_no_input(tmp_path: Path, leaks: object) -> None:
    """A node that gets no input finds its stdin at its end."""

    async def act() -> None:
        node, heard = start_node(python("import sys; print(repr(sys.stdin.read()))"), tmp_path)
        await node.give_input(b"nothing of it arrives")
        assert (0, None) == await node.run()
        assert b"''\n" == heard.output[1]

    play(act)


def test_descriptors(tmp_path: Path, leaks: object) -> None:
    """S-40: a node has 0, 1, 2 and its control socket; nothing of the agent's."""
    code = (
        "import os\n"
        "for fd in sorted(map(int, os.listdir('/proc/self/fd'))):\n"
        "    try: print(fd, os.readlink(f'/proc/self/fd/{fd}'))\n"
        "    except OSError: pass\n"
    )

    async def act() -> None:
        listener = socket.socket()
        os.set_inheritable(listener.fileno(), True)
        node, heard = start_node(python(code), tmp_path)
        assert (0, None) == await node.run()
        listener.close()
        lines = heard.output[1].decode().splitlines()
        assert ["0", "1", "2"] == [line.split()[0] for line in lines[:3]]
        assert ["socket:"] == [line.split()[1].partition("[")[0] for line in lines[3:]]

    play(act)


def test_inherited(tmp_path: Path, leaks: object) -> None:
    """What a node shall inherit it has under the same number, and the agent keeps its own."""

    async def act() -> None:
        reader, writer = os.pipe()
        code = f"import os; os.write({writer}, b'inherited')"
        node, _ = start_node(python(code), tmp_path, inherited=(writer,))
        assert (0, None) == await node.run()
        assert not os.get_inheritable(writer)
        os.close(writer)
        assert b"inherited" == os.read(reader, 100)
        os.close(reader)

    play(act)


def test_notices(tmp_path: Path, leaks: object) -> None:
    """Notices go both ways, in order, with sockets handed over."""
    said = frame(n.TO_AGENT.pack(n.Ready())) + frame(n.TO_AGENT.pack(n.LinkUp(3)))
    code = (
        "import os, socket\n"
        "control = socket.socket(fileno=int(os.environ['DISTRCOMP_CONTROL_FD']))\n"
        "data, fds, _, _ = socket.recv_fds(control, 4096, 4)\n"
        "os.write(fds[0], b'handed over')\n"
        f"control.sendall({said!r})\n"
    )

    async def act() -> None:
        node, heard = start_node(python(code), tmp_path)
        ours, theirs = socket.socketpair()
        node.tell(n.LinkMade(3, local=True), theirs)
        assert (0, None) == await node.run()
        assert [n.Ready(), n.LinkUp(3)] == heard.notices
        assert b"handed over" == ours.recv(100)
        assert -1 == theirs.fileno()
        ours.close()

    play(act)


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.0\r\n", b"\xff" * 8, frame(b"\x91\xa4Nope"), frame(b"cos\nsystem\n")]
)
def test_garbage_on_the_control_socket(said: bytes, tmp_path: Path, leaks: object) -> None:
    """S-29: a node that speaks another language to its agent is killed, and its output kept."""
    code = (
        "import os, time\nos.write(1, b'before')\n"
        f"os.write(int(os.environ['DISTRCOMP_CONTROL_FD']), {said!r})\ntime.sleep(1000)"
    )

    async def act() -> None:
        node, heard = start_node(python(code), tmp_path)
        assert (None, 9) == await node.run()
        (told,) = heard.notices
        assert told.error.startswith("it told its agent what is no notice, and was killed for it: ")
        assert b"before" == heard.output[1]

    play(act)


def test_tell_a_dead_node(tmp_path: Path, leaks: object) -> None:
    """What is told to a node that has ended is dropped, and a socket for it closed."""

    async def act() -> None:
        node, _ = start_node(python(""), tmp_path)
        await node.run()
        ours, theirs = socket.socketpair()
        node.tell(n.LinkMade(3, local=True), theirs)
        node.signal(signal.SIGKILL)
        assert -1 == theirs.fileno()
        assert b"" == ours.recv(1)
        ours.close()

    play(act)


def test_deaf_node(tmp_path: Path, leaks: object) -> None:
    """Telling never blocks: what a node doesn't read waits, sockets in order, until its end."""

    async def act() -> None:
        node, heard = start_node(
            python("import os, time; os.write(1, b'up'); time.sleep(1000)"), tmp_path
        )
        running = asyncio.ensure_future(node.run())
        await heard.wait_output(b"up")
        ours, theirs = socket.socketpair()
        for _ in range(50):
            node.tell(n.NodeEnded(1, "x" * limits.KIB * 16))
        node.tell(n.LinkMade(3, local=True), theirs)
        node.signal(signal.SIGKILL)
        assert (None, 9) == await running
        assert -1 == theirs.fileno()
        ours.close()

    play(act)


def test_too_deaf_node(tmp_path: Path, leaks: object) -> None:
    """One that leaves too much unread is killed, and whoever waits for it hears why."""

    async def act() -> None:
        node, heard = start_node(
            python("import os, time; os.write(1, b'up'); time.sleep(1000)"), tmp_path
        )
        running = asyncio.ensure_future(node.run())
        await heard.wait_output(b"up")
        for _ in range(2 * limits.NOTICES_WAITING_BYTES_MAX // limits.MIB):
            node.tell(n.NodeEnded(1, "x" * limits.MIB))
        assert (None, 9) == await running
        (told,) = heard.notices
        assert "it did not read what it was told, and was killed by its agent" == told.error

    play(act)


def test_cannot_start(tmp_path: Path, leaks: object) -> None:
    """A command that there is not raises OSError and leaves no descriptor."""

    async def act() -> None:
        before = n_descriptors()
        with pytest.raises(FileNotFoundError):
            start_node(["/no/such/command"], tmp_path)
        assert before == n_descriptors()

    play(act)


def test_cancelled(tmp_path: Path, leaks: object) -> None:
    """When its watcher is cancelled nothing stays open, though the node still runs."""

    async def act() -> None:
        before = n_descriptors()
        node, heard = start_node(
            python("import os, time; os.write(1, b'up'); time.sleep(1000)"), tmp_path
        )
        running = asyncio.ensure_future(node.run())
        await heard.wait_output(b"up")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert before == n_descriptors()
        assert {asyncio.current_task()} == asyncio.all_tasks()
        node.signal(signal.SIGKILL)
        await node._child.reap()

    play(act)
