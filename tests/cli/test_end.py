"""How a run ends: well, by failure, by request, by force."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.cli.programs import run_source
from tests.command import Machine
from tests.leaks import LeakChecker

pytestmark = pytest.mark.processes

FAILURES = {
    "raise ValueError('boom')": (1, "node 1 on localhost failed: ValueError: boom"),
    "import sys; sys.exit(3)": (3, "node 1 on localhost ended with exit code 3"),
    "import sys; sys.exit('bad news')": (1, "node 1 on localhost ended with exit code 1"),
    "import os; os.kill(os.getpid(), 15)": (143, "node 1 on localhost was killed by SIGTERM (15)"),
    "import ctypes; ctypes.string_at(0)": (139, "node 1 on localhost was killed by SIGSEGV (11)"),
    "import os; os._exit(7)": (7, "node 1 on localhost ended with exit code 7"),
    "1 +": (1, "node 1 on localhost failed: SyntaxError"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_leads_the_report(machine: Machine, failure: str) -> None:
    """The first failing node is named with its reason, and its code is the run's (F-07, F-08)."""
    source = f"import distrcomp as dc\nif dc.node_id == 1: exec({failure!r})\ndc.recv(1)\n"
    result = run_source(machine, source, "-n", "3", "-q")
    code, headline = FAILURES[failure]
    assert code == result.code, result
    assert result.out.startswith(headline), result.out
    assert "nodes 0 and 2 were stopped because of it" in result.out


def test_waiting_for_a_finished_node_is_a_failure(machine: Machine) -> None:
    """Exit code 0 while another waits for it ends that wait by NodeLost (F-07)."""
    source = "import distrcomp as dc\nif dc.node_id == 0: dc.recv(1)\n"
    result = run_source(machine, source, "-n", "2")
    assert 1 == result.code
    assert "node 0 on localhost failed: distrcomp.errors.NodeLost" in result.out
    assert "node 1 on localhost is gone: it has finished" in result.out
    assert 'File "prog.py", line 2' in result.out


def test_finally_blocks_run_when_another_fails(machine: Machine) -> None:
    """A failure raises NodeLost in the calls of the others, so their `finally` runs."""
    source = """
import distrcomp as dc
if dc.node_id == 0: raise ValueError("boom")
try:
    dc.recv(0)
except dc.NodeLost as lost:
    print(lost.node, lost.peer, lost.why)
    raise
finally:
    print("cleaned up")
"""
    result = run_source(machine, source, "-n", "3")
    assert 2 == result.out.count("0 localhost ValueError: boom\ncleaned up\n")


def test_a_node_that_computes_is_interrupted(machine: Machine) -> None:
    """One that hears of a failure in no call has its `finally`; one that heard keeps all of its."""
    source = """
import time
import distrcomp as dc
if dc.node_id == 0: raise ValueError("boom")
try:
    if dc.node_id == 1: time.sleep(600)
    dc.recv(0)
finally:
    if dc.node_id == 2: time.sleep(1.4)
    print("cleaned up")
"""
    result = run_source(machine, source, "-n", "3")
    assert 1 == result.code
    assert "nodes 1 and 2 were stopped because of it" in result.out
    assert "cleaned up\ndistrcomp: interrupted at prog.py:6" in result.out, result.out
    assert 2 == result.out.count("cleaned up\n"), result.out


def test_on_failure_continue(machine: Machine) -> None:
    """The rest runs on, knows who is lost, and the code is the first failing node's."""
    source = """
import distrcomp as dc
if dc.node_id == 1: raise SystemExit(4)
try:
    dc.recv(1)
except dc.NodeLost as lost:
    print("lost", lost.node)
dc.send((dc.node_id + 2) % 4, "hello")
print(dc.recv((dc.node_id + 2) % 4))
"""
    source = source.replace("if dc.node_id == 1", "if dc.node_id == 1 or dc.node_id == 3")
    result = run_source(machine, source, "-n", "4", "--on-failure", "continue")
    assert 4 == result.code
    assert 2 == result.out.count("lost 1\nhello\n")


def test_the_time_limit(machine: Machine) -> None:
    """--timeout ends the run with code 124, and says so first."""
    source = "import time\ntry: time.sleep(60)\nfinally: print('cleaned up')\n"
    result = run_source(machine, source, "-n", "2", "--timeout", "0.5")
    assert 124 == result.code
    assert result.out.startswith("the time limit of 0.5 s was reached\n")
    assert 2 == result.out.count("cleaned up")


def test_ctrl_c_once_stops_in_order(machine: Machine) -> None:
    """Every node gets a KeyboardInterrupt and its `finally`; exit code 130 (F-06)."""
    (machine.work_dir / "prog.py").write_text(
        "import distrcomp as dc\n"
        "try: print('ready', flush=True); dc.recv(1 - dc.node_id)\n"
        "finally: print('cleaned up')\n"
    )
    words = ("-n", "2", "--on-deadlock", "ignore", "--output", "live", "prog.py")
    run = machine.start("run", *words)
    run.wait_for_line("[0] ready")
    run.wait_for_line("[1] ready")
    run.interrupt()
    result = run.wait()
    assert 130 == result.code
    assert 2 == result.out.count("cleaned up")
    assert "interrupted at prog.py:2" in result.err


def test_ctrl_c_twice_stops_at_once(machine: Machine) -> None:
    """Nodes that ignore SIGINT and SIGTERM are killed by the second Ctrl-C (F-06)."""
    (machine.work_dir / "prog.py").write_text(
        "import signal, time\n"
        "signal.signal(2, lambda *_: print('ignored', flush=True))\n"
        "signal.signal(15, signal.SIG_IGN)\n"
        "print('ready', flush=True)\nwhile True: time.sleep(60)\n"
    )
    run = machine.start("run", "-n", "1", "--output", "live", "prog.py")
    run.wait_for_line("ready")
    run.interrupt()
    run.wait_for_line("ignored")
    run.interrupt()
    assert 130 == run.wait(timeout=10).code


def test_a_node_that_ignores_every_request_is_killed(machine: Machine) -> None:
    """Ctrl-C once: SIGINT, then SIGTERM, then SIGKILL end even the deafest node."""
    (machine.work_dir / "prog.py").write_text(
        "import signal, time\n"
        "for number in (2, 15): signal.signal(number, signal.SIG_IGN)\n"
        "print('ready', flush=True)\nwhile True: time.sleep(60)\n"
    )
    run = machine.start("run", "-n", "1", "--output", "live", "prog.py")
    run.wait_for_line("ready")
    run.interrupt()
    assert 130 == run.wait(timeout=20).code


def test_terminate_and_hang_up_stop_too(machine: Machine) -> None:
    """SIGTERM to the launcher stops its run like Ctrl-C (F-06)."""
    (machine.work_dir / "prog.py").write_text(
        "import time\nprint('ready', flush=True)\ntime.sleep(60)\n"
    )
    for number in (signal.SIGTERM, signal.SIGHUP):
        run = machine.start("run", "-n", "1", "--output", "live", "prog.py")
        run.wait_for_line("ready")
        run.send_signal(number)
        assert 130 == run.wait(timeout=20).code


def test_kill_9_of_the_launcher_leaves_nothing(machine: Machine, leaks: LeakChecker) -> None:
    """Nodes, their children, the guardian and the folders are gone soon after (F-03)."""
    (machine.work_dir / "prog.py").write_text(
        "import subprocess, time\nsubprocess.Popen(['sleep', '60'])\n"
        "print('ready', flush=True)\nwhile True: time.sleep(60)\n"
    )
    run = machine.start("run", "-n", "2", "--output", "live", "prog.py")
    run.wait_for_line("[0] ready")
    run.wait_for_line("[1] ready")
    run.kill()
    run.wait()
    leaks.check_nothing_left()


def test_children_of_a_node_end_with_it(machine: Machine, leaks: LeakChecker) -> None:
    """A process that a node started and left behind does not outlive it, nor delay the end."""
    source = "import subprocess\nsubprocess.Popen(['sleep', '60'])\nprint('done')\n"
    result = run_source(machine, source, "-n", "2")
    assert 0 == result.code
    leaks.check_nothing_left()


@pytest.mark.parametrize(
    "how", ["", "import os; os._exit(0)", "import os; os.kill(os.getpid(), 9)"]
)
def test_daemons_and_shared_memory_of_a_program_go(machine: Machine, how: str) -> None:
    """A daemon in a session of its own is killed; Python's shared memory is removed (F-23)."""
    source = f"""
import subprocess
from multiprocessing.shared_memory import SharedMemory
memory = SharedMemory(create=True, size=4096)
daemon = subprocess.Popen(["sleep", "61"], start_new_session=True)
print("daemon", daemon.pid, "memory", memory.name, flush=True)
{how}
"""
    result = run_source(machine, source, "-n", "2")
    words = [line.split() for line in result.out.splitlines() if line.startswith("daemon")]
    assert 2 == len(words), result
    for _, pid, _, name in words:
        state = Path("/proc", pid, "cmdline")  # empty once it is dead, even if nobody has reaped it
        assert not state.exists() or b"" == state.read_bytes()
        assert not Path("/dev/shm", name.strip("/")).exists()


def test_a_forked_child_is_outside(machine: Machine) -> None:
    """After fork the child's calls raise OutsideRun and the parent works on (F-09)."""
    source = """
import os, warnings, distrcomp as dc
warnings.simplefilter("ignore")
pid = os.fork()
if pid == 0:
    try:
        dc.send(0, 1)
    except dc.OutsideRun as error:
        print("child:", error, flush=True)
    os._exit(0)
os.waitpid(pid, 0)
dc.send(1 - dc.node_id, "x")
print("parent:", dc.recv())
"""
    result = run_source(machine, source, "-n", "2")
    assert 0 == result.code, result
    assert 2 == result.out.count("child: this process was forked from a node")
    assert 2 == result.out.count("parent: x")


def test_who_reads_our_output_may_leave(machine: Machine) -> None:
    """`distrcomp run ... | head -1`: the run stops in order instead of going on for nobody."""
    (machine.work_dir / "prog.py").write_text("while True: print('line')\n")
    words = f"{sys.executable} -m launcher run -n 1 --output live prog.py | head -1"
    done = machine.start_program("sh", "-c", words).wait(timeout=20)
    assert "[0] line\n" == done.out


def test_stacks_at_the_time_limit(machine: Machine) -> None:
    """The report of a run that took too long says where each node was, those of a kind together."""
    source = """
import distrcomp as dc
def compute():
    while True: pass
if dc.node_id == 0: compute()
else: dc.recv(0)
"""
    result = run_source(machine, source, "-n", "3", "--timeout", "2")
    assert 124 == result.code
    head = result.out.partition("--------(Node")[0].splitlines()
    assert head[2:] == [
        "node 0 was here (most recent call first):",
        '  File "prog.py", line 4 in compute',
        '  File "prog.py", line 5 in <module>',
        "nodes 1 and 2 were here (most recent call first):",
        "  inside distrcomp's recv",
        '  File "prog.py", line 6 in <module>',
        "",
    ]


def test_a_crash_says_where(machine: Machine) -> None:
    """The report of a crash leads with where it was, the last lines before it, and who waited; what
    Python wrote is in the node's stderr, even if the program has closed that (F-07)."""
    source = """
import distrcomp as dc, ctypes, os
def boom():
    os.close(2)
    ctypes.string_at(0)
if dc.node_id == 1:
    for step in range(30): print("step", step)
    boom()
dc.recv(1)
"""
    result = run_source(machine, source, "-n", "3", "--output-dir", "out")
    assert 139 == result.code
    head = result.out.partition("--------(Node")[0]
    assert head.startswith(
        "node 1 on localhost was killed by SIGSEGV (11)\n"
        "Fatal Python error: Segmentation fault, here (most recent call first):\n"
    )
    assert '  File "prog.py", line 5 in boom\n  File "prog.py", line 8 in <module>\n' in head
    assert "its last 20 lines:\n  | step 10\n" in head
    assert "nodes 0 and 2 waited at prog.py:9: dc.recv(1)\n" in head
    assert "Segmentation fault" in (machine.work_dir / "out" / "1.err").read_text()


def test_two_failures(machine: Machine) -> None:
    """Each node that failed by itself has its post-mortem: when, and its traceback."""
    source = """
import distrcomp as dc
if dc.node_id == 0: raise ValueError("one")
try: dc.recv(0)
except dc.NodeLost: raise KeyError("other") from None
"""
    result = run_source(machine, source, "-n", "2", "--on-failure", "continue")
    head = result.out.partition("--------(Node")[0]
    assert head.startswith("node 0 on localhost failed: ValueError: one\n")
    assert "\nnode 1 failed after it: KeyError: 'other'\nnode 1, " in head
    assert '\n    File "prog.py", line 5, in <module>\n' in head


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_was_ignored_stays_so(machine: Machine, number: int) -> None:
    """`nohup` and a script's `&` have the run go on; its nodes end by it as ever (F-06)."""
    (machine.work_dir / "prog.py").write_text(
        "import sys\nprint('up', flush=True); sys.stdin.readline(); print('well')\n"
    )
    name = signal.Signals(number).name.removeprefix("SIG")
    command = f'trap "" {name}; exec {sys.executable} -m launcher run -n 1 --output live prog.py'
    run = machine.start_program("sh", "-c", command, stdin="\n")
    run.wait_for_line("up")
    run.send_signal(number)
    result = run.wait()
    assert 0 == result.code, result
    assert "well" in result.out


def test_ends_of_children_that_were_ignored(machine: Machine) -> None:
    """A run that was started with SIGCHLD ignored still learns how its nodes end."""
    (machine.work_dir / "prog.py").write_text("import sys; sys.exit(3)\n")
    command = f'trap "" CHLD; exec {sys.executable} -m launcher run -n 2 prog.py'
    assert 3 == machine.start_program("sh", "-c", command).wait().code


@pytest.mark.parametrize("words", ["--help", "run --dry-run prog.py", "run prog.py", "ps"])
def test_a_full_disk_for_what_is_said(machine: Machine, words: str) -> None:
    """One line says so, and the exit code is 1 (F-20)."""
    (machine.work_dir / "prog.py").write_text("print('well')\n")
    command = f"exec {sys.executable} -m launcher {words} >/dev/full"
    result = machine.start_program("sh", "-c", command, env={"PYTHONUNBUFFERED": None}).wait()
    assert 1 == result.code, result
    assert "No space left on device" in result.err
    assert "Traceback" not in result.err
    assert 1 == len(result.err.splitlines()), result.err


@pytest.mark.parametrize("first", ["pass", "dc.barrier()"])
def test_all_descriptors_closed(machine: Machine, first: str) -> None:
    """A program that closes all it finds open is told so; nothing of ours comes into its files."""
    source = (
        f"import os, distrcomp as dc\n{first}\nos.closerange(3, 200)\n"
        "files = [open(f'{dc.output_dir}/{n}', 'w+') for n in range(20)]\n"
    )
    result = run_source(machine, source, "-n", "2", "--collect", "**")
    assert 0 == result.code, result
    assert 2 == result.out.count("the program has closed descriptors that it had not opened"), (
        result
    )
    assert "40 files brought back" in result.out
    assert "(0 bytes)" in result.out
    assert "Traceback" not in result.out


def test_started_with_signals_blocked(machine: Machine) -> None:
    """Who starts the command with its signals blocked can end it by them all the same (F-06)."""
    blocking = (
        "import os, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'launcher', *sys.argv[1:]])"
    )
    program = (
        "import signal, time\n"
        "print(signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ()))\n"
        "time.sleep(1000)"
    )
    words = ("run", "-n", "1", "--output", "live", "-c", program)
    run = machine.start_program(sys.executable, "-c", blocking, *words)
    run.wait_for_line("[0] False")
    run.send_signal(signal.SIGTERM)
    assert 130 == run.wait().code
