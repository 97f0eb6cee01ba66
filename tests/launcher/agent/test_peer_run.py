"""One run on one peer, driven as a host drives it, with real nodes and a launcher that listens."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from distrcomp.notices import Machine
from launcher.control import messages as m
from launcher.errors import BadManifest, CannotStart, PeerRefused
from tests.launcher.agent.agent_kit import lives, opening, order, play, until
from tests.launcher.agent.peer_run_kit import opened, ship, start

pytestmark = pytest.mark.processes


def _closed(closed: m.RunClosed) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    return closed.n_lost_files, closed.lost_files, closed.remains


# --- starting ------------------------------------------------------------------------------------


def test_run(tmp_path: Path, leaks: object) -> None:
    """Nodes start in the sandbox, know who they are, print, and end; then nothing is left."""
    program = (
        "import os, sys, distrcomp as dc\n"
        "print(dc.node_id, dc.n_node, os.environ['LOCAL_RANK'], os.getcwd().split('/')[-1][:4])\n"
        "print('to stderr', file=sys.stderr)\nopen('out.txt', 'w').write('x')\n"
        "raise SystemExit(dc.node_id)\n"
    )

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, program, 2)
            exits = await told.wait(m.NodeExited, 2)
            assert {m.NodeExited(0, 0, None), m.NodeExited(1, 1, None)} == set(exits)
            assert ("0 3 0 run-\n", "1 3 1 run-\n") == (told.printed(0), told.printed(1))
            assert "to stderr\n" == told.printed(0, stream=2)
            assert (1, ("out.txt",), ()) == _closed(await run.close())
            assert (1, ("out.txt",), ()) == _closed(await run.close())  # the one end, told again

    play(act)


def test_threads(tmp_path: Path, leaks: object) -> None:
    """OMP_NUM_THREADS shares the cores, and is noted, unless somebody has set it."""
    program = "import os; print(os.environ['OMP_NUM_THREADS'])"

    async def act() -> None:
        for environment, expected in [((), "1"), ((m.Setting("OMP_NUM_THREADS", "7"),), "7")]:
            async with opened(tmp_path) as (run, told):
                n_node = 1 if environment else len(os.sched_getaffinity(0))
                await start(run, told, program, n_node, environment=environment)
                await told.wait(m.NodeExited, n_node)
                assert f"{expected}\n" == told.printed()
                assert (not environment) is bool(told.all(m.Note))

    before = os.environ.pop("OMP_NUM_THREADS", None)
    try:
        play(act)
    finally:
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before


def test_environment(tmp_path: Path, leaks: object) -> None:
    """What is forwarded reaches the node; what is the agent's own (DISTRCOMP_...) does not."""
    program = (
        "import os\nprint(sorted(k for k in os.environ if k.startswith('DISTRCOMP_')))\n"
        "print(os.environ['FORWARDED'], os.getcwd().endswith('/deep/er'))\n"
    )

    async def act() -> None:
        os.environ["DISTRCOMP_HOME"] = "/secret"
        try:
            async with opened(tmp_path) as (run, told):
                settings = (m.Setting("FORWARDED", "here"),)
                await start(run, told, program, environment=settings, wdir="deep/er")
                await told.wait(m.NodeExited)
        finally:
            del os.environ["DISTRCOMP_HOME"]
        names, forwarded = told.printed().splitlines()
        assert "HOME" not in names
        assert "'DISTRCOMP_NODE_ID'" in names
        assert "here True" == forwarded

    play(act)


def test_start_too_early(tmp_path: Path, leaks: object) -> None:
    """Nothing starts before the bundle is complete."""

    async def act() -> None:
        async with opened(tmp_path) as (run, _):
            await run.files.open(opening({"prog.py": "1"}))
            with pytest.raises(PeerRefused, match="not complete"):
                await run.start(order())

    play(act)


@pytest.mark.parametrize(
    "changed",
    [
        {"arguments": ()},
        {"nodes": ()},
        {"nodes": (m.NodeOrder(0, ""), m.NodeOrder(0, ""))},
        {"nodes": (m.NodeOrder(2, ""),)},
        {"nodes": (m.NodeOrder(-1, ""),)},
        {"machine_of": (0, 2)},
        {"machine_of": (-1, 0)},
        {"machines": ()},
    ],
)
def test_contradicting_order(changed: dict[str, Any], tmp_path: Path, leaks: object) -> None:
    """An order that speaks of nodes or machines that there are not is refused, nothing started."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await ship(run, told, {"prog.py": "1"})
            with pytest.raises(PeerRefused, match="makes no sense"):
                await run.start(order(**changed))
            assert [] == told.all(m.NodeReady)

    play(act)


@pytest.mark.parametrize("wdir", ["../out", "/tmp", "a/../../b"])
def test_wdir_leads_out(wdir: str, tmp_path: Path, leaks: object) -> None:
    """S-20: --wdir stays below the sandbox."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await ship(run, told, {"prog.py": "1"})
            with pytest.raises(BadManifest):
                await run.start(order(wdir=wdir))

    play(act)


@pytest.mark.parametrize("command", ["no-such-command-here", "./prog.py", "-rf", "$(id)"])
def test_unknown_command(command: str, tmp_path: Path, leaks: object) -> None:
    """S-23: a command that there is not is one clear sentence before any node is ready."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await ship(run, told, {"prog.py": "1"})
            with pytest.raises(CannotStart, match="there is no command"):
                await run.start(order(arguments=(command,), is_python=False))
            assert [] == told.all(m.NodeReady)

    play(act)


def test_command_starts_at_go(tmp_path: Path, leaks: object) -> None:
    """A command is ready without being started, and is started by Go."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await ship(run, told, {"prog.py": "1"})
            arguments = ("sh", "-c", "echo $RANK of $WORLD_SIZE; exit $RANK")
            await run.start(order(2, arguments=arguments, is_python=False))
            await told.wait(m.NodeReady, 2)
            assert [] == told.all(m.NodeExited)
            run.go()
            exits = await told.wait(m.NodeExited, 2)
            assert {m.NodeExited(0, 0, None), m.NodeExited(1, 1, None)} == set(exits)
            assert ("0 of 3\n", "1 of 3\n") == (told.printed(0), told.printed(1))

    play(act)


# --- while it runs -------------------------------------------------------------------------------


def test_input(tmp_path: Path, leaks: object) -> None:
    """stdin goes to its node, a part at a time, and to no other."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, "import sys; print(sys.stdin.read())", 2, stdin_node=1)
            run.take_input(b"hello")
            await told.wait(m.InputTaken)
            run.take_input(b"")
            await told.wait(m.NodeExited, 2)
            assert ("\n", "hello\n") == (told.printed(0), told.printed(1))

    play(act)


def test_links_here(tmp_path: Path, leaks: object) -> None:
    """Two nodes of one machine get a link from their agent when they want one."""
    program = (
        "import distrcomp as dc\n"
        "if dc.node_id == 0: dc.send(1, 'through a socket pair')\nelse: print(dc.recv(0))\n"
    )

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            machines = {"machines": (Machine("h1", "h1", 6969),), "machine_of": (0, 0)}
            await start(run, told, program, 2, **machines)
            exits = await told.wait(m.NodeExited, 2)
            assert {0} == {end.code for end in exits}
            assert "through a socket pair\n" == told.printed(1)

    play(act)


def test_exception(tmp_path: Path, leaks: object) -> None:
    """F-08: an exception of the program is told with its traceback, before its node's end."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, "def f():\n    raise ValueError('boom')\nf()\n")
            await told.wait(m.NodeExited)
            (failed,) = told.all(m.NodeFailed)
            assert (0, "ValueError: boom", None) == (failed.node, failed.error, failed.because_of)
            assert 'File "prog.py", line 2, in f' in failed.traceback
            kinds = [type(message) for message in told.messages]
            assert kinds.index(m.NodeFailed) < kinds.index(m.NodeExited)

    play(act)


def test_abort_and_signal(tmp_path: Path, leaks: object) -> None:
    """An abort raises NodeLost in a blocked call; a signal reaches every node."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, "import distrcomp as dc\ndc.recv()\n", 2)
            run.abort(2, "node 2 broke")
            assert {1} == {end.code for end in await told.wait(m.NodeExited, 2)}
            assert {2} == {failed.because_of for failed in told.all(m.NodeFailed)}
        async with opened(tmp_path) as (run, told):
            await start(run, told, "import time; print('up'); time.sleep(1000)", 2)
            await told.wait(m.Output, 2)
            run.signal(15)
            assert {15} == {end.signal for end in await told.wait(m.NodeExited, 2)}

    play(act)


def test_close_kills(tmp_path: Path, leaks: object) -> None:
    """Closing kills nodes that ignore signals, with their children, and removes the sandbox."""
    program = (
        "import os, signal, time\nfor n in (2, 15): signal.signal(n, signal.SIG_IGN)\n"
        "pid = os.fork()\nif pid: print(os.getpid(), pid)\ntime.sleep(1000)\n"
    )

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, program)
            await told.wait(m.Output)
            pids = [int(word) for word in told.printed().split()]
            closed = await run.close()
            assert (0, (), ()) == _closed(closed)
            await until(lambda: not any(map(lives, pids)))
            assert [m.NodeExited(0, None, 9)] == told.all(m.NodeExited)

    play(act)


def test_close_before_start(tmp_path: Path, leaks: object) -> None:
    """A run that ends in the middle of starting leaves nothing."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await ship(run, told, {"prog.py": "1"})
            await run.start(order(2))

    play(act)


LOSES_TWO = """
import distrcomp as dc
for other in (2, 1) if dc.node_id == 0 else ():
    try:
        dc.recv(other)
    except dc.NodeLost as lost:
        print(lost.node, lost.why, flush=True)
dc.recv((dc.node_id + 1) % 3)
"""


def test_ends_are_told_together(tmp_path: Path, leaks: object) -> None:
    """The first end of a node is told at once, those right behind it soon."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, LOSES_TWO, 3)
            run.end_of_node(1, "it left")
            run.end_of_node(2, "it fell")
            await until(lambda: told.printed(0).count("\n") == 2)
            assert "2 it fell\n1 it left\n" == told.printed(0)
            run.end_of_node(0, "it ends")
            run.abort(2, "it fell")
            assert {0, 1, 2} == {each.node for each in await told.wait(m.NodeExited, 3)}

    play(act)
