"""What the nodes of a machine share: who gets it, who does not, and what is left of it."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distrcomp.segment import segment_bytes
from launcher.agent.shared import make_doorbell, share
from launcher.control import messages as m
from launcher.errors import CannotStart
from tests.launcher.agent.agent_kit import n_descriptors, order, play
from tests.launcher.agent.peer_run_kit import opened, ship

# Python runs this before anything of ours: prints what the agent left to the node beside 0, 1, 2.
FIRST = """
import os
found = []
for descriptor in sorted(map(int, os.listdir("/proc/self/fd")))[3:]:
    try:
        found.append(os.readlink(f"/proc/self/fd/{descriptor}").partition(":[")[0])
    except OSError:
        pass
print(sorted(found))
"""
MEMORY, DOORBELL = "/memfd:distrcomp (deleted)", "anon_inode"
STACKS = "/memfd:distrcomp-stacks (deleted)"


@contextlib.contextmanager
def limited(what: int, soft: int) -> Iterator[None]:
    """This process under a lower limit."""
    before, hard = resource.getrlimit(what)
    resource.setrlimit(what, (soft, hard))
    try:
        yield
    finally:
        resource.setrlimit(what, (before, hard))


def test_share() -> None:
    """Memory for all pairs, and a doorbell each that never blocks; nobody inherits it by chance."""
    before = n_descriptors()
    with share(3) as shared:
        assert "" == shared.why_not
        assert (shared.segment, *shared.doorbells) == shared.descriptors
        assert segment_bytes(3) == os.fstat(shared.segment).st_size
        assert 3 == len(set(shared.doorbells))
        for doorbell in shared.doorbells:
            with pytest.raises(BlockingIOError):
                os.eventfd_read(doorbell)
        assert not any(map(os.get_inheritable, shared.descriptors))
    assert before == n_descriptors()


def test_nobody_to_share_with() -> None:
    """A single node needs nothing, and lacks nothing."""
    with share(1) as shared:
        assert ((), "") == (shared.descriptors, shared.why_not)


def test_no_memory() -> None:
    """Where there is no memory the reason is told, and nothing stays open."""
    before = n_descriptors()
    with limited(resource.RLIMIT_FSIZE, 4096), share(2) as shared:
        assert ((), "File too large") == (shared.descriptors, shared.why_not)
    assert before == n_descriptors()


def test_too_few_descriptors() -> None:
    """Doorbells never take the descriptors without which the nodes could not be started."""
    before = n_descriptors()
    with limited(resource.RLIMIT_NOFILE, before + 100):
        with share(20) as shared:
            assert () == shared.descriptors
            assert "ulimit -n" in shared.why_not
        with share(2) as shared:
            assert 3 == len(shared.descriptors)
    assert before == n_descriptors()


def test_doorbells_run_out() -> None:
    """When the last doorbell cannot be made, what was made before is closed."""
    left = [make_doorbell, make_doorbell]

    def next_doorbell() -> int:
        if not left:
            raise OSError(24, "no doorbell left")
        return left.pop()()

    before = n_descriptors()
    with share(3, next_doorbell) as shared:
        assert ((), "no doorbell left") == (shared.descriptors, shared.why_not)
    assert before == n_descriptors()


# --- in a run ------------------------------------------------------------------------------------


async def inherited(folder: Path, n_node: int, program: str = "", **other: Any) -> tuple[Any, ...]:
    """What the nodes of a run printed, one after the other, and what the run told."""
    async with opened(folder) as (run, told):
        await ship(run, told, {"prog.py": program, "sitecustomize.py": FIRST})
        before = n_descriptors()
        await run.start(order(n_node, environment=(m.Setting("PYTHONPATH", "."),), **other))
        # A control socket, two pipes, a file for stacks and a pidfd each are all that is left here.
        assert before + 5 * n_node == n_descriptors()
        await told.wait(m.NodeReady, n_node)
        run.go()
        await told.wait(m.NodeExited, n_node)
        return [told.printed(node) for node in range(n_node)], told


@pytest.mark.processes
def test_nodes_inherit_it(tmp_path: Path, leaks: object) -> None:
    """S-40: beside its control socket a node gets the memory, all doorbells, and its own file for
    stacks, and no more.

    The agent has closed its own by then; what the program starts by whatever means gets none.
    """
    program = "import os; print(os.system('ls -l /proc/self/fd | grep -E \"memfd|eventfd\"'))"

    async def act() -> None:
        printed, told = await inherited(tmp_path, 3, program)
        expected = f"{[MEMORY, STACKS, *[DOORBELL] * 3, 'socket']}\n256\n"
        assert [expected] * 3 == printed
        assert not any("shared memory" in note.text for note in told.all(m.Note))

    play(act)


@pytest.mark.processes
def test_single_node_inherits_nothing(tmp_path: Path, leaks: object) -> None:
    """S-40: a node alone on its machine has only its control socket and a file for stacks."""

    async def act() -> None:
        printed, _ = await inherited(tmp_path, 1)
        assert [f"{[STACKS, 'socket']}\n"] == printed

    play(act)


@pytest.mark.processes
def test_command_inherits_nothing(tmp_path: Path, leaks: object) -> None:
    """A command is told of no shared memory, and so gets none."""
    arguments = ("sh", "-c", 'ls -l /proc/self/fd | grep -cE "memfd|eventfd"')

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await ship(run, told, {"prog.py": ""})
            await run.start(order(2, arguments=arguments, is_python=False))
            run.go()
            await told.wait(m.NodeExited, 2)
            assert ["0\n"] * 2 == [told.printed(node) for node in range(2)]

    play(act)


@pytest.mark.processes
def test_run_without_memory(tmp_path: Path, leaks: object) -> None:
    """Where there is no memory to share the run says so, and its nodes are linked by sockets."""
    program = (
        "import distrcomp as dc\n"
        "if dc.node_id == 0: dc.send(1, 'without')\nelse: print(dc.recv(0))\n"
    )

    async def act() -> None:
        with limited(resource.RLIMIT_FSIZE, 2**18):
            printed, told = await inherited(tmp_path, 2, program)
        assert [f"{[STACKS, 'socket']}\n", f"{[STACKS, 'socket']}\nwithout\n"] == printed
        expected = "no shared memory on h1 (File too large): sockets instead"
        assert expected in [note.text for note in told.all(m.Note)]

    play(act)


@pytest.mark.processes
def test_failed_start_leaves_nothing(tmp_path: Path, leaks: object) -> None:
    """When no node can be started, nothing that they should share stays open."""
    too_long = m.Setting("TOO_LONG", "x" * 2**18)  # for the kernel, in one variable

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await ship(run, told, {"prog.py": ""})
            before = n_descriptors()
            with pytest.raises(CannotStart, match="Argument list too long"):
                await run.start(order(2, environment=(too_long,)))
            assert before == n_descriptors()

    play(act)
