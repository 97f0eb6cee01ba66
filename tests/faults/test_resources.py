"""Runs on machines that lack something: descriptors, memory, disk, a sane environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.cli.programs import run_source
from tests.command import Machine
from tests.faults.places import BOUND_S, Peers, start_run
from tests.hosts.conftest import go_without
from tests.hosts.network import why_impossible
from tests.leaks import LeakChecker
from tests.wheels import make_wheel

pytestmark = pytest.mark.processes

# What starts a program with few descriptors, and with a small disk for the agent's files.
FEW_DESCRIPTORS = ("sh", "-c", 'ulimit -n 44; exec "$@"', "sh")
SMALL_DISK = (
    *("unshare", "--mount", "sh", "-c"),
    'mount -t tmpfs -o size=2m,mode=700 none "$DISTRCOMP_HOME/cache" && exec "$@"',
    "sh",
)
# Each of its children starts the next and ends, in a session of its own, for some seconds.
RUNS_AWAY = """
import os, sys, time
def run_away():
    until = time.monotonic() + 15
    while time.monotonic() < until:
        if os.fork():
            os._exit(0)
        os.setsid()
for _ in range(3):
    if os.fork() == 0:
        run_away()
        os._exit(0)
print("away", flush=True)
"""
OUT_OF_MEMORY = """
import resource, distrcomp as dc
if dc.node_id == 1:
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    bytearray(2 << 30)
dc.recv(1)
"""


def check_next_run(peers: Peers) -> None:
    """The agents serve a run that asks for less."""
    result = start_run(peers, "print('well')").wait(timeout=BOUND_S)
    assert 0 == result.code, result
    assert 3 == result.out.count("well")


def test_an_agent_with_few_descriptors(peers: Peers) -> None:
    """A run that needs more than it has is refused in words, and the next one works (F-21)."""
    peers.agents["b"].interrupt()
    peers.agents["b"].wait()
    peers.restart("b", *FEW_DESCRIPTORS)
    many = start_run(peers, "print('well')", "-n", "60", "--oversubscribe").wait(timeout=60)
    assert 3 == many.code, many
    assert "b: " in many.err
    assert "open files" in many.err
    assert "Traceback" not in many.err
    check_next_run(peers)


def test_an_agent_with_a_full_disk(peers: Peers) -> None:
    """The run that fills it ends with place and reason, and the next ones work (F-20)."""
    go_without(why_impossible(), os.environ)
    peers.agents["b"].interrupt()
    peers.agents["b"].wait()
    peers.restart("b", *SMALL_DISK)
    (peers.operator.work_dir / "large").write_bytes(os.urandom(3 << 20))
    full = start_run(peers, "print('well')", "--include", "large").wait(timeout=BOUND_S)
    assert 3 == full.code, full
    assert "distrcomp: b: no space left on " in full.err
    (peers.operator.work_dir / "large").unlink()
    check_next_run(peers)
    for _ in range(2):  # what the first has stored makes way for the second
        (peers.operator.work_dir / "large").write_bytes(os.urandom(3 << 18))
        result = start_run(peers, "print('well')", "--include", "large").wait(timeout=BOUND_S)
        assert 0 == result.code, result
    (peers.operator.work_dir / "large").write_bytes(os.urandom(3 << 19))  # stored, and not laid
    full = start_run(peers, "print('well')", "--include", "large").wait(timeout=BOUND_S)
    assert 3 == full.code, full
    assert "distrcomp: b: no space left on " in full.err
    assert "sandboxes" in full.err
    writing = "import distrcomp as dc; open(dc.output_dir + '/x', 'wb').write(bytes(4 << 20))"
    full = start_run(peers, writing, "--collect", "x").wait(timeout=BOUND_S)
    assert 1 == full.code, full
    assert " on b failed: OSError: [Errno 28] No space left on device\n" in full.out
    check_next_run(peers)


def test_no_room_for_what_comes_back(machine: Machine) -> None:
    """The launcher's disk is full: one sentence with the place, and no half a file (F-20)."""
    go_without(why_impossible(), os.environ)
    (machine.work_dir / "distrcomp-out").mkdir()
    (machine.work_dir / "prog.py").write_text(
        "import distrcomp as dc\n"
        "open(dc.output_dir + '/a', 'wb').write(bytes(100))\n"
        "open(dc.output_dir + '/b', 'wb').write(bytes(1 << 20))\n"
    )
    small = (
        *("unshare", "--mount", "sh", "-c"),
        'mount -t tmpfs -o size=64k none distrcomp-out && "$@"; code=$?; '
        "find distrcomp-out -type f; exit $code",
        "sh",
    )
    words = (sys.executable, "-m", "launcher", "run", "-n", "1", "--collect", "?", "prog.py")
    result = machine.start_program(*small, *words).wait()
    assert 1 == result.code, result
    why = "files cannot be brought back into distrcomp-out/"
    assert result.out.startswith(why), result
    assert ": No space left on device\n" in result.out
    assert ["a"] == [
        line[-1] for line in result.out.splitlines() if line.startswith("distrcomp-out")
    ]


def test_a_full_disk_while_an_environment_is_built(peers: Peers) -> None:
    """The peer is named with the place, nothing half-built stays, the next run works (F-20)."""
    go_without(why_impossible(), os.environ)
    peers.agents["b"].interrupt()
    peers.agents["b"].wait()
    peers.restart("b", *SMALL_DISK)
    wheel = make_wheel(peers.operator.work_dir, "large", "1.0", zeros=3 << 20)
    place = f"large/{wheel.name}"
    full = start_run(peers, "print('well')", "--with", f"./{place}").wait(timeout=BOUND_S)
    assert (3, "") == (full.code, full.out)
    assert "distrcomp: b: no space left on " in full.err
    assert "Traceback" not in full.err
    small = make_wheel(peers.operator.work_dir, "small", "1.0")
    words = ("--with", f"./small/{small.name}")
    result = start_run(peers, "import small; print('well')", *words).wait(timeout=BOUND_S)
    assert 3 == result.out.count("well"), result


def test_a_node_without_memory(machine: Machine) -> None:
    """It is named with its error, and the others end (F-22)."""
    result = run_source(machine, OUT_OF_MEMORY, "-n", "3")
    assert 1 == result.code, result
    assert result.out.startswith("node 1 on localhost failed: MemoryError")


def test_processes_that_run_away(machine: Machine, leaks: LeakChecker) -> None:
    """What forks and ends and forks again, each time in a new session, is caught (F-23)."""
    result = run_source(machine, RUNS_AWAY, "-n", "2")
    assert 0 == result.code, result
    assert 2 == result.out.count("away")
    leaks.check_nothing_left(timeout_s=5)


def test_odd_folders_and_no_locale(machine: Machine) -> None:
    """Blanks and letters beyond ASCII in paths, and the C locale, are no matter (F-40)."""
    folder = machine.work_dir / "a folder für π"
    folder.mkdir()
    (folder / "größe.py").write_text("import sys; print('größe', sys.argv[1])", "utf-8")
    result = machine.run(
        "run", "-n", "2", "größe.py", "π", cwd=folder, env={"LC_ALL": "C", "LANG": None}
    )
    assert 0 == result.code, result
    assert 2 == result.out.count("größe π")


def test_no_temporary_folder(machine: Machine) -> None:
    """TMPDIR that is not there, or a home that can't be found, is no matter or told (F-40)."""
    (machine.work_dir / "prog.py").write_text("print('well')")
    missing = str(machine.work_dir / "missing")
    result = machine.run("run", "-n", "2", "prog.py", env={"TMPDIR": missing, "HOME": missing})
    assert 0 == result.code, result
    assert 2 == result.out.count("well")


@pytest.mark.full_matrix
@pytest.mark.timeout(400)
def test_256_nodes(machine: Machine) -> None:
    """Each talks with its neighbours and far ones; no node holds more than it uses (F-19)."""
    source = """
import os, distrcomp as dc
near = [(dc.node_id + step) % dc.n_node for step in (1, 7, 100)]
for node in near:
    dc.send(node, dc.node_id)
got = sorted(dc.recv() for _ in near)
assert got == sorted((dc.node_id - step) % dc.n_node for step in (1, 7, 100))
dc.barrier()
if dc.node_id == 0:
    print("descriptors", len(os.listdir("/proc/self/fd")))
"""
    (machine.work_dir / "prog.py").write_text(source)
    result = machine.run("run", "-n", "256", "prog.py", timeout=300)
    assert 0 == result.code, result
    words = next(line for line in result.out.splitlines() if line.startswith("descriptors"))
    assert int(words.split()[1]) < 600


@pytest.mark.full_matrix
@pytest.mark.timeout(600)
def test_many_short_runs(peers: Peers) -> None:
    """After many runs an agent holds no more descriptors, threads or memory (F-24)."""
    check_next_run(peers)
    agent = Path(f"/proc/{peers.agents['b'].pid}/status")

    def figures() -> list[int]:
        wanted = ("Threads", "VmRSS")
        return [
            int(line.split()[1])
            for line in agent.read_text().splitlines()
            if line.startswith(wanted)
        ]

    memory_before, threads_before = figures()
    for _ in range(100):
        check_next_run(peers)
    memory, threads = figures()
    assert threads <= threads_before + 2
    assert memory < memory_before + 20_000  # kB
