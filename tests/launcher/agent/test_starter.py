"""Nodes that a fork server starts, and what becomes of them when it is killed or stopped."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from launcher import limits
from launcher.agent.child import Ends, Start
from launcher.agent.fork_client import CannotFork, ForkServer, ServerLost
from launcher.agent.peer_run import PeerRun
from launcher.control import messages as m
from launcher.control.nodes import NodeFailed
from tests.launcher.agent.agent_kit import lives, n_descriptors, order, play, until
from tests.launcher.agent.peer_run_kit import Told, opened, ship, start

pytestmark = pytest.mark.processes

# Waits until it is told to end, and how.
PROGRAM = "import os, sys\nprint(os.getppid(), flush=True)\nexec(sys.stdin.readline())\n"


def server_pid(run: PeerRun) -> int:
    """The fork server of the run's agent."""
    server = run._starter._server
    assert server is not None
    return server.pid


async def parents(told: Told, n_node: int) -> list[int]:
    """Whose children the nodes are, as they say."""
    await until(lambda: all("\n" in told.printed(node) for node in range(n_node)))
    return [int(told.printed(node).split()[0]) for node in range(n_node)]


def end_of(told: Told, node: int = 0) -> tuple[object, object]:
    """How a node has ended."""
    (found,) = [each for each in told.all(m.NodeExited) if each.node == node]
    return found.code, found.signal


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("pass", (0, None)),
        ("sys.exit(3)", (3, None)),
        ("os.kill(os.getpid(), 15)", (None, 15)),
        ("os._exit(7)", (7, None)),
        ("raise ValueError", (1, None)),
    ],
)
def test_ends(last: str, expected: tuple[object, object], tmp_path: Path, leaks: object) -> None:
    """F-07: what the server has forked ends by its own exit code or signal."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, PROGRAM, stdin_node=0)
            assert [server_pid(run)] == await parents(told, 1)
            run.take_input(f"{last}\n".encode())
            await told.wait(m.NodeExited)
            assert expected == end_of(told)

    play(act)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("pass", (0, None)),
        ("sys.exit(3)", (3, None)),
        ("os.kill(os.getpid(), 15)", (1, None)),  # nobody has seen it, and that is said
    ],
)
def test_server_is_killed(
    last: str, expected: tuple[object, object], tmp_path: Path, leaks: object
) -> None:
    """Its nodes live on, end by what they say themselves, and the next run gets another server."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, PROGRAM, stdin_node=0)
            killed = server_pid(run)
            await parents(told, 1)
            os.kill(killed, signal.SIGKILL)
            await until(lambda: not lives(killed))
            run.take_input(f"{last}\n".encode())
            await told.wait(m.NodeExited)
            assert expected == end_of(told)
            unseen = [
                each.error for each in told.all(NodeFailed) if "nobody has seen" in each.error
            ]
            assert (1 if "kill" in last else 0) == len(unseen)
            assert all("the fork server that had started it was killed" in each for each in unseen)
            run._starter.warm_up()
            assert killed != server_pid(run)

    play(act)


def test_server_is_killed_at_a_nodes_end(tmp_path: Path, leaks: object) -> None:
    """What a node says of its end holds though its server lived when it began to end."""
    last = "import atexit\natexit.register(lambda: (print('at the end', flush=True), input()))"

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, f"{last}\n", stdin_node=0)
            await until(lambda: "at the end\n" in told.printed(0))
            killed = server_pid(run)
            os.kill(killed, signal.SIGKILL)
            await until(lambda: not lives(killed))
            run.take_input(b"\n")
            await told.wait(m.NodeExited)
            assert (0, None) == end_of(told)

    play(act)


def test_server_is_stopped(tmp_path: Path, leaks: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer is given up, and the nodes are started cold."""
    monkeypatch.setattr(limits, "FORK_ANSWER_TIMEOUT_S", 0.5)

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            run._starter.warm_up()
            stopped = server_pid(run)
            os.kill(stopped, signal.SIGSTOP)
            await start(run, told, PROGRAM, 2)
            assert [os.getpid()] * 2 == await parents(told, 2)
            assert not lives(stopped)

    play(act)


@pytest.mark.parametrize("name", ["PYTHONHASHSEED", "LC_ALL", "TZ", "DISTRCOMP_COLD", "LONG"])
def test_cold(name: str, tmp_path: Path, leaks: object) -> None:
    """A run whose variables count only when an interpreter starts is started cold."""
    value = "1" * limits.FORKED_WORDS_BYTES_MAX if name == "LONG" else "1"

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, PROGRAM, environment=(m.Setting(name, value),))
            assert [os.getpid()] == await parents(told, 1)

    play(act)


def test_each_has_its_own(tmp_path: Path, leaks: object) -> None:
    """Random states differ, and so do their ids from the first line on."""
    program = "import distrcomp as dc, random\nprint(dc.node_id, dc.n_node, random.random())\n"

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, program, 3)
            await told.wait(m.NodeExited, 3)
            said = [told.printed(node).split() for node in range(3)]
            assert [["0", "4"], ["1", "4"], ["2", "4"]] == [each[:2] for each in said]
            assert 3 == len({each[2] for each in said})

    play(act)


def test_hidden_daemon(tmp_path: Path, leaks: object) -> None:
    """F-23: what a node has forked is found by its words, wherever it hides."""
    program = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        print(os.getpid(), flush=True)\n"
        "        os.closerange(0, 3)\n"
        "        time.sleep(1000)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
    )

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, program)
            await told.wait(m.NodeExited)
            (daemon,) = map(int, told.printed().split())
            assert lives(daemon)
            await run.close()
            await until(lambda: not lives(daemon))

    play(act)


def test_start_is_given_up(tmp_path: Path, leaks: object) -> None:
    """Who does not wait for its nodes leaves none, and no descriptor."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await ship(run, told, {"prog.py": PROGRAM})
            run._starter.warm_up()
            server = psutil.Process(server_pid(run))
            before = n_descriptors()
            starting = asyncio.ensure_future(run.start(order(8)))
            await until(lambda: run._nodes)
            starting.cancel()
            await asyncio.wait([starting])
            await run.close()
            await until(lambda: not server.is_running() or not server.children())
            await until(lambda: before >= n_descriptors())

    play(act)


def test_lost_server_starts_nothing(tmp_path: Path, leaks: object) -> None:
    """What is asked of a server that is gone is refused at once; closing it twice does no harm."""

    async def act() -> None:
        server = ForkServer()
        server.close()
        server.close()
        wanted: Any = Start(0, ["python"], {}, str(tmp_path), False)
        ends = Ends(wanted)
        with pytest.raises(ServerLost):
            await server.fork(wanted, ends)
        with pytest.raises(CannotFork):
            await server.share([1])
        ends.close()

    play(act)


def test_orders_under_way_are_lost_in_silence(tmp_path: Path, leaks: object) -> None:
    """Many nodes are being asked for and the server goes: each is refused, and asyncio complains
    of no exception that nobody has looked at."""
    complaints = list[Any]()

    async def act() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
        server = ForkServer()
        wanted: Any = Start(0, ["python"], {}, str(tmp_path), False)
        all_ends = [Ends(wanted) for _ in range(20)]
        async with server._writing:  # as while it takes no more orders
            orders = [asyncio.ensure_future(server.fork(wanted, ends)) for ends in all_ends]
            await asyncio.sleep(0)  # each expects an answer and waits to write
            server.close()
        for failed in await asyncio.gather(*orders, return_exceptions=True):
            assert isinstance(failed, ServerLost)
        for ends in all_ends:
            ends.close()
        del orders
        gc.collect()

    play(act)
    assert [] == complaints
