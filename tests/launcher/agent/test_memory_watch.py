"""What speaks for a node's having been killed for lack of memory."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.agent.memory_watch import Kills, evidence, memory_limit, read_kills
from tests.command import Machine

GIB = 2**30


@pytest.mark.parametrize(
    ("before", "after", "peak", "limit", "expected"),
    [
        (Kills(0, 7), Kills(1, 8), GIB, 2 * GIB, "in this control group; it had 1.0 of 2.0 GiB"),
        (Kills(0, 7), Kills(0, 8), GIB, 2 * GIB, "on this machine; it had 1.0 of 2.0 GiB"),
        (Kills(None, 7), Kills(None, 8), GIB, 64 * GIB, ""),
        (Kills(None, None), Kills(None, None), GIB, 1.05 * GIB, "it had 1.0 of 1.1 GiB"),
        (Kills(3, 7), Kills(3, 7), GIB, 2 * GIB, ""),
        (Kills(None, None), Kills(4, 9), GIB, None, ""),
        (Kills(0, None), Kills(1, None), GIB, None, "in this control group; it had 1.0 GiB"),
    ],
)
def test_evidence(before: Kills, after: Kills, peak: int, limit: int, expected: str) -> None:
    """F-22: without evidence nothing is said."""
    told = evidence(before, after, peak, limit)
    assert told.endswith(expected) if expected else told == ""


def test_version_2(tmp_path: Path) -> None:
    """The counts of the own group, and the tightest limit on the way to the root."""
    write(tmp_path, "proc/self/cgroup", "0::/user/run\n")
    write(tmp_path, "proc/vmstat", "nr_free_pages 5\noom_kill 12\n")
    write(tmp_path, "proc/meminfo", "MemTotal:       1024 kB\n")
    write(tmp_path, "sys/fs/cgroup/user/run/memory.events", "low 0\noom 3\noom_kill 2\n")
    write(tmp_path, "sys/fs/cgroup/user/run/memory.max", "max\n")
    write(tmp_path, "sys/fs/cgroup/user/memory.max", "500000\n")
    root = str(tmp_path)
    assert (Kills(2, 12), 500_000) == (read_kills(root), memory_limit(root))


def test_version_1(tmp_path: Path) -> None:
    """The same of the older tree."""
    write(tmp_path, "proc/self/cgroup", "4:memory:/run\n0::/\n")
    write(tmp_path, "sys/fs/cgroup/memory/run/memory.oom_control", "under_oom 0\noom_kill 1\n")
    write(tmp_path, "sys/fs/cgroup/memory/run/memory.limit_in_bytes", "4096\n")
    root = str(tmp_path)
    assert (Kills(1, None), 4096) == (read_kills(root), memory_limit(root))


def test_no_such_thing(tmp_path: Path) -> None:
    """Where the kernel tells nothing, nothing is known."""
    assert (Kills(None, None), None) == (read_kills(str(tmp_path)), memory_limit(str(tmp_path)))


def write(root: Path, name: str, text: str) -> None:
    """A file of the kernel's."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@contextlib.contextmanager
def control_group(bytes_max: int) -> Iterator[Path]:
    """A control group with so much memory, or the test is skipped."""
    name = f"distrcomp-test-{secrets.token_hex(4)}"
    for base, limit in (
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ("/sys/fs/cgroup", "memory.max"),
    ):
        group = Path(base, name)
        with contextlib.suppress(OSError):
            group.mkdir()
            try:
                (group / limit).write_text(str(bytes_max))
            except OSError:
                group.rmdir()
                continue
            try:
                yield group
            finally:
                group.rmdir()
            return
    pytest.skip("no control group for memory can be made here")


@pytest.mark.processes
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes control groups")
def test_killed_for_memory(machine: Machine) -> None:
    """F-22: a node that the kernel kills for memory is said to have been, with what it had."""
    (machine.work_dir / "prog.py").write_text(
        "import distrcomp as dc\n"
        "if dc.node_id == 1: kept = [bytearray(2**20) for _ in range(10_000)]\n"
        "dc.recv(1)\n"
    )
    with control_group(400 * 2**20) as group:
        words = (
            f"echo $$ > {group}/cgroup.procs && exec {sys.executable} -m launcher run -n 2 prog.py"
        )
        result = machine.start_program("sh", "-c", words).wait()
    assert 137 == result.code, result
    assert result.out.startswith(
        "node 1 on localhost was killed by SIGKILL (9), probably out of memory: the kernel has "
        "killed for lack of memory in this control group; it had 0."
    ), result
