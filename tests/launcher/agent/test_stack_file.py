"""Where a node's threads are, taken from real processes in all kinds of trouble."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from launcher import limits
from launcher.agent.peer_run import PeerRun
from launcher.agent.stack_file import StackFile, ask_for_stacks
from launcher.control import looks
from launcher.control import messages as m
from tests.launcher.agent.agent_kit import (
    RUN_ID,
    hosting,
    lives,
    n_descriptors,
    play,
    python,
    session,
    start_node,
    until,
)
from tests.launcher.agent.peer_run_kit import opened, start

# What is printed may be read before the print is over: so all that counts stands on one line.
SLEEP = "import time\nprint('here', flush=True); time.sleep(1000)\n"
TIGHT_LOOP = "here = True\nwhile True: here = here and print('here', flush=True)\n"
# A regular expression that takes for ever holds the interpreter's lock all the while.
IN_C = "import re\nprint('here', flush=True); re.match('(a*)*b', 'a' * 64)\n"


async def why(run: PeerRun, expected: str) -> None:
    """Returns once there are no stacks of node 0 for this reason; the test's limit bounds it."""
    found = ""
    while found != expected:
        ((_, found),) = [(each.text, each.why) for each in await run.take_stacks(())]


def test_take() -> None:
    """What was written is read once; of too much the beginning, with a word on the rest."""
    file, before = StackFile(), n_descriptors()
    os.write(file.descriptor, b"one\n")
    assert ("one\n", "") == (file.take(), file.take())
    os.write(file.descriptor, b"x" * (limits.STACKS_BYTES_MAX + 5))
    assert file.take().endswith("x\n[... 5 bytes cut ...]\n")
    file.close()
    assert (0, "") == (file.n_bytes, file.take())
    assert before - 1 == n_descriptors()


@pytest.mark.processes
@pytest.mark.parametrize("program", [SLEEP, TIGHT_LOOP, IN_C])
def test_stuck_nodes(program: str, tmp_path: Path, leaks: object) -> None:
    """A node that sleeps, turns in a loop or is stuck in C tells where, and goes on."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, program)
            await until(lambda: "here" in told.printed())
            for _ in range(2):
                (taken,) = await run.take_stacks(())
                assert "" == taken.why
                assert 'File "prog.py", line 2 in <module>' in taken.text
                assert 'File "distrcomp/control.py"' in taken.text
            assert [] == told.all(m.NodeExited)

    play(act)


@pytest.mark.processes
def test_two_who_ask_at_once(tmp_path: Path, leaks: object) -> None:
    """Both get the same whole stacks."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, SLEEP)
            await until(lambda: "here" in told.printed())
            (one,), (other,) = await asyncio.gather(run.take_stacks(()), run.take_stacks(()))
            assert one == other
            assert 1 == one.text.count('File "prog.py", line 2 in <module>')

    play(act)


@pytest.mark.processes
def test_status(tmp_path: Path, leaks: object) -> None:
    """How nodes fare: their figures, and how far they have come."""
    program = (
        "import distrcomp as dc, os\n"
        "if dc.node_id == 0: dc.send(1, bytes(50_000))\n"
        "if dc.node_id == 1: dc.recv(0); os.kill(os.getpid(), 19)\n"
        "import time\n"
        "while time.process_time() < 0.05: pass\n"  # the kernel counts in hundredths
        "if dc.node_id == 2: time.sleep(1000)\n"
    )

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            assert (0, None) == ((await run.status()).n_node, (await run.status()).seconds)
            await start(run, told, program, 3)
            await told.wait(m.NodeExited)
            status = await run.status()
            while status.nodes[1].state != "suspended":
                status = await run.status()
            ended, _, sleeping = status.nodes
            assert (RUN_ID, "prog.py", 4, False) == (
                status.run_id,
                status.program,
                status.n_node,
                status.is_whole,
            )
            assert (0, "h1", None, "ended") == (ended.node, ended.peer, ended.pid, ended.state)
            assert (2, "running", 0) == (sleeping.node, sleeping.state, sleeping.bytes_in)
            assert (sleeping.cpu_s or 0) > 0
            assert (sleeping.memory_bytes or 0) > 2**20

    play(act)


@pytest.mark.processes
def test_traffic(tmp_path: Path, leaks: object) -> None:
    """Bytes are counted on both ways that messages take, in and out; a stuck node tells none."""
    program = (
        "import distrcomp as dc, re\n"
        "other = 1 - dc.node_id\n"
        "dc.send(other, bytes(10_000)); dc.recv(other)\n"
        "dc.sendrecv(other, bytes(10**6), other)\n"
        "print('here', flush=True)\n"
        "if dc.node_id: re.match('(a*)*b', 'a' * 64)\n"
        "else: dc.recv()\n"
    )

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, program, 2)
            await until(lambda: "here" in told.printed(0) and "here" in told.printed(1))
            waiting, stuck = (await run.status()).nodes
            while stuck.bytes_in is not None:
                waiting, stuck = (await run.status()).nodes
            assert 1_010_000 <= (waiting.bytes_in or 0) < 1_100_000
            assert 1_010_000 <= (waiting.bytes_out or 0) < 1_100_000

    play(act)


@pytest.mark.processes
def test_which_nodes(tmp_path: Path, leaks: object) -> None:
    """Only those that were asked for answer; one that has ended says so."""
    program = "import distrcomp as dc, time\nif dc.node_id: time.sleep(1000)\n"

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, program, 3)
            await told.wait(m.NodeExited)
            assert [0, 1, 2] == [taken.node for taken in await run.take_stacks(())]
            ended, sleeping = await run.take_stacks((0, 2, 7))
            assert (0, "", "it has ended") == (ended.node, ended.text, ended.why)
            assert 2 == sleeping.node
            assert "line 2 in <module>" in sleeping.text

    play(act)


@pytest.mark.processes
def test_stopped_node(tmp_path: Path, leaks: object) -> None:
    """F-05: a node that was stopped is said to be, at once, and no signal waits for it."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, "import os\nos.kill(os.getpid(), 19)\nprint('on again')\n")
            await why(run, "it is stopped (SIGSTOP): `kill -CONT` lets it go on")
            run.signal(signal.SIGKILL)
            await told.wait(m.NodeExited)

    play(act)


@pytest.mark.processes
def test_no_handler_no_signal(tmp_path: Path, leaks: object) -> None:
    """A node that has become another program, which the signal would kill, gets none."""
    program = "import os\nos.execvp('sleep', ['sleep', '1000'])\n"

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await start(run, told, program)
            await why(run, "it has not joined the run, or became another program")
            assert [] == told.all(m.NodeExited)

    play(act)


@pytest.mark.processes
def test_process_that_never_joined(tmp_path: Path, leaks: object) -> None:
    """A process that has not said how it is asked is left alone; one without a file, too."""

    async def act() -> None:
        node, heard = start_node(python("print('here', flush=True)\ninput()"), tmp_path, True)
        running = asyncio.ensure_future(node.run())
        await heard.wait_output(b"here")
        assert ("", "it is no Python program") == await node.take_stacks()
        file = StackFile()
        _, why = await ask_for_stacks(node.group, 0, file)
        assert "it has not joined the run, or became another program" == why
        file.close()
        await node.give_input(b"")
        await running
        assert not lives(node.group)
        assert ("", "it has ended") == await node.take_stacks()

    play(act)


@pytest.mark.processes
def test_before_the_signal(tmp_path: Path, leaks: object) -> None:
    """Stacks that were asked for before a signal show where the node was before it."""

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as launcher:
            await launcher.run(SLEEP)
            while b"here" not in launcher.printed():
                await launcher.hear(m.Output)
            await launcher.say(looks.TakeStacks(RUN_ID, ()), m.SignalNodes(signal.SIGINT))
            (taken,) = (await launcher.hear(looks.StacksTaken)).nodes
            assert 'File "prog.py", line 2 in <module>' in taken.text
            await launcher.hear(m.NodeExited)
            await launcher.say(looks.TakeStacks(b"another run's id", ()))
            assert () == (await launcher.hear(looks.StacksTaken)).nodes

    play(act)
