"""`distrcomp run` on one machine, as a person uses it."""

from __future__ import annotations

import json
import signal
import sys

import pytest

from tests.command import Machine, Result
from tests.leaks import LeakChecker

pytestmark = pytest.mark.processes


def run_source(machine: Machine, source: str, *options: str, stdin: str = "") -> Result:
    """Runs a program given as text."""
    (machine.work_dir / "prog.py").write_text(source)
    return machine.run("run", *options, "prog.py", stdin=stdin)


def blocks(report: str) -> dict[int, str]:
    """The block of each node in a merged report."""
    parts = report.split("--------(Node ")[1:]
    return {int(part.split()[0]): part.partition("--------\n")[2] for part in parts}


# --- messages --------------------------------------------------------------------------------------

BAD_CALLS = """
import threading, distrcomp as dc
def refused(act):
    try:
        act()
    except dc.CallError as error:
        print(type(error).__name__, error)
if dc.node_id == 0:
    refused(lambda: dc.send(2, "x"))
    refused(lambda: dc.send(-1, "x"))
    refused(lambda: dc.send(1, threading.Lock()))
    refused(lambda: dc.send(1, "x", tag=-2))
    refused(lambda: dc.recv(5))
    dc.send(1, "still whole")
else:
    print(dc.recv(0))
dc.close_connection()
refused(lambda: dc.send(0, "x"))
refused(lambda: dc.recv(0))
"""


def test_wrong_calls_raise_at_the_caller_and_leave_the_run_intact(machine: Machine) -> None:
    """Unknown nodes, unpicklable objects, bad tags and a closed world are named; the rest works."""
    result = run_source(machine, BAD_CALLS, "-n", "2")
    assert 0 == result.code, result
    first, second = blocks(result.out).values()
    assert "NoSuchNode there is no node 2 in this run: node ids are 0 to 1" in first
    assert "NoSuchNode there is no node -1" in first
    assert "Unpicklable an object of type _thread.lock cannot be sent" in first
    assert "BadTag -2 is no tag" in first
    assert "still whole" in second
    assert 4 == result.out.count("WorldClosed")


def test_two_nodes_send_each_other_a_gibibyte_at_once(machine: Machine) -> None:
    """Both finish, and what arrives is whole."""
    source = """
import numpy as np, distrcomp as dc
mine = np.full(2**27, dc.node_id, np.float64)
dc.send(1 - dc.node_id, mine)
other = dc.recv(1 - dc.node_id)
print(other.nbytes, (other == 1 - dc.node_id).all(), other.flags.writeable)
"""
    result = run_source(machine, source, "-n", "2")
    assert 0 == result.code, result
    assert 2 == result.out.count("1073741824 True True")


def test_any_source_and_any_tag(machine: Machine) -> None:
    """Messages from all nodes come to a receive that takes any; tags choose among them."""
    source = """
import distrcomp as dc
if dc.node_id:
    dc.send(0, dc.node_id, tag=dc.node_id)
    dc.send(0, "late", tag=99)
else:
    print(sorted(dc.recv(tag=node) for node in (3, 1, 2)))
    print([dc.recv(dc.ANY, dc.ANY, timeout=10) for _ in range(3)])
    try:
        dc.recv(timeout=0.1)
    except (dc.RecvTimeout, dc.NodeLost) as error:
        print(type(error).__name__)
"""
    result = run_source(machine, source, "-n", "4")
    assert 0 == result.code, result
    assert "[1, 2, 3]\n['late', 'late', 'late']\n" in result.out


def test_messages_go_while_their_sender_computes(machine: Machine) -> None:
    """What `send` left in its buffer arrives although the sender makes no further call."""
    source = """
import time, distrcomp as dc
if dc.node_id == 0:
    dc.send(1, bytes(20_000_000))
    begun = time.monotonic()
    while time.monotonic() - begun < 60 and not __import__("os").path.exists("got"):
        pass
    print("in time" if time.monotonic() - begun < 50 else "late")
else:
    time.sleep(0.3)
    print(len(dc.recv(0)))
    open("got", "w").close()
"""
    result = run_source(machine, source, "-n", "2")
    assert "in time" in result.out
    assert "20000000" in result.out


# --- output ------------------------------------------------------------------------------------------

OUTPUT = r"""
import os, subprocess, sys, distrcomp as dc
print("from print")
os.write(1, b"from the descriptor\n")
subprocess.run(["sh", "-c", "echo from a child; echo to stderr >&2"])
os.write(1, b"bytes \xff\xfe and no end")
"""


def test_everything_a_node_writes_is_captured(machine: Machine) -> None:
    """Python, the descriptor, children, stderr, bad UTF-8 and a last line without an end."""
    result = run_source(machine, OUTPUT, "-n", "2", "-q")
    for block in blocks(result.out).values():
        assert "from print\nfrom the descriptor\n" in block
        assert "from a child\n" in block
        assert "to stderr\n" in block
        assert "bytes \\xff\\xfe and no end\n" in block
    assert "" == result.err


def test_live_lines_are_whole_and_tagged(machine: Machine) -> None:
    """Four nodes print at once: every line arrives whole, with the tag of its node."""
    source = "import distrcomp as dc\nfor i in range(2000): print(f'{dc.node_id}-' * 20 + str(i))\n"
    result = run_source(machine, source, "-n", "4", "--output", "live", "-q")
    lines = result.out.splitlines()
    expected = [f"[{node}] {f'{node}-' * 20}{i}" for node in range(4) for i in range(2000)]
    assert sorted(expected) == sorted(lines)


def test_raw_is_the_bytes_and_nothing_else(machine: Machine) -> None:
    """--output raw passes stdout and stderr on and prints nothing of its own."""
    source = "import sys\nprint('out')\nprint('err', file=sys.stderr)\n"
    result = run_source(machine, source, "-n", "1", "--output", "raw")
    assert (0, "out\n", "err\n") == result


def test_none_is_silent(machine: Machine) -> None:
    """--output none prints nothing of a run that went well."""
    assert (0, "", "") == run_source(machine, "print('out')", "-n", "2", "--output", "none")


def test_report_files(machine: Machine) -> None:
    """--report writes the same as text or JSON; --output-dir the raw bytes of each node."""
    options = ("-n", "2", "--report", "r.json", "--output-dir", "raw")
    result = run_source(machine, OUTPUT, *options)
    report = json.loads((machine.work_dir / "r.json").read_text())
    assert 0 == report["exit_code"]
    assert [0, 1] == [node["node"] for node in report["nodes"]]
    assert "from print" in report["nodes"][1]["output"]
    raw = (machine.work_dir / "raw" / "1.out").read_bytes()
    assert raw.endswith(b"bytes \xff\xfe and no end")
    assert b"to stderr\n" == (machine.work_dir / "raw" / "0.err").read_bytes()
    run_source(machine, "print(1)", "-n", "1", "--report", "r.txt", "-q")
    text = (machine.work_dir / "r.txt").read_text()
    assert "--------(Node 0  localhost)--------\n1\n" in text
    assert result.out.splitlines()[-1].startswith("Total time : ")


def test_a_flood_of_output_is_bounded_and_marked(machine: Machine) -> None:
    """A node that prints without end is cut in the report, and the cut is told (F-26)."""
    source = (
        "import sys\nfor i in range(400_000): sys.stdout.write(f'{i:09}\\n')\nprint('the end')\n"
    )
    result = run_source(machine, source, "-n", "1")
    assert 0 == result.code
    assert "bytes cut ...]" in result.out
    assert "the end\n" in result.out
    assert 3_000_000 > len(result.out)


def test_total_time_ends_the_report(machine: Machine) -> None:
    """The last line has the original's form."""
    last = run_source(machine, "print(1)", "-n", "1").out.splitlines()[-1]
    assert last.startswith("Total time : ")
    assert last.endswith(".")
    assert 3 == len(last.split(" : ")[1].rstrip(".").split(".")[1])


def test_files_written_in_the_sandbox_are_told(machine: Machine) -> None:
    """What goes away with the sandbox is named, and how to keep it."""
    result = run_source(machine, "open('result.csv', 'w').write('1')", "-n", "1")
    assert "result.csv" in result.out
    assert "absolute path" in result.out


# --- the program ----------------------------------------------------------------------------------------


def test_the_program_is_main(machine: Machine) -> None:
    """Its name, arguments, path and classes are those of a program that Python started."""
    source = """
import sys, pickle, helper, distrcomp as dc
class Thing: pass
dc.send(0, Thing())
print(__name__, sys.argv, type(dc.recv()) is Thing, helper.VALUE, __file__.endswith("/prog.py"))
"""
    (machine.work_dir / "prog.py").write_text(source)
    (machine.work_dir / "helper.py").write_text("VALUE = 7\n")
    result = machine.run("run", "-n", "1", "prog.py", "-n", "--flag", "two words")
    arguments = "['prog.py', '-n', '--flag', 'two words']"
    assert f"__main__ {arguments} True 7 True\n" in result.out


def test_modules_and_code(machine: Machine) -> None:
    """-m runs a local package with what it imports, -c runs code; both take what follows."""
    package = machine.work_dir / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(
        "import sys\nfrom .part import V\nprint(V, sys.argv[1:])\n"
    )
    (package / "part.py").write_text("V = 5\n")
    assert "5 ['-q', 'x']\n" in machine.run("run", "-n", "1", "-m", "pkg", "-q", "x").out
    code = "import sys; print(sys.argv)"
    assert "['-c', '-n', 'x']\n" in machine.run("run", "-n", "1", "-c", code, "-n", "x").out


def test_the_environment_of_a_node(machine: Machine) -> None:
    """Who it is stands in DISTRCOMP_* and in what other tools read."""
    source = """
import os
names = "NODE_ID N_NODE LOCAL_ID LOCAL_N RUN_ID".split()
print([os.environ["DISTRCOMP_" + name] for name in names[:4]], len(os.environ["DISTRCOMP_RUN_ID"]))
print([os.environ[name] for name in "RANK WORLD_SIZE LOCAL_RANK LOCAL_WORLD_SIZE".split()])
print(os.environ["PYTHONUNBUFFERED"], os.environ["OMP_NUM_THREADS"], "DISTRCOMP_HOME" in os.environ)
"""
    result = run_source(machine, source, "-n", "2")
    second = blocks(result.out)[1]
    assert "['1', '2', '1', '2'] 32\n['1', '2', '1', '2']\n1 1 False\n" in second
    assert "OMP_NUM_THREADS=1 on localhost" in result.out


def test_wdir(machine: Machine) -> None:
    """Nodes start in a folder below the sandbox; the program is found from there."""
    (machine.work_dir / "data").mkdir()
    (machine.work_dir / "data" / "a.txt").write_text("found")
    source = "print(open('a.txt').read())"
    options = ("-n", "1", "--wdir", "data", "--include", "data/*")
    assert "found\n" in run_source(machine, source, *options).out


def test_stdin_goes_to_node_0(machine: Machine) -> None:
    """Node 0 reads the launcher's stdin to its end, the others nothing."""
    source = "import sys\nprint(repr(sys.stdin.read()))\n"
    result = run_source(machine, source, "-n", "2", stdin="a line\nand more")
    assert "'a line\\nand more'\n" in blocks(result.out)[0]
    assert "''\n" in blocks(result.out)[1]


def test_dry_run_shows_and_starts_nothing(machine: Machine) -> None:
    """The manifest with reasons, and where nodes would run."""
    (machine.work_dir / "prog.py").write_text("import helper\nprint('started')\n")
    (machine.work_dir / "helper.py").write_text("")
    result = machine.run("run", "-n", "2", "--dry-run", "prog.py")
    assert 0 == result.code
    assert "helper.py" in result.out
    assert "imported by prog.py:1" in result.out
    assert "node 1 on localhost" in result.out
    assert "started" not in result.out


def test_a_command_of_ours_travels(machine: Machine) -> None:
    """A script that is no Python program is shipped and run with its node id."""
    script = machine.work_dir / "script.sh"
    script.write_text("#!/bin/sh\necho node $RANK got $1\n")
    script.chmod(0o755)
    result = machine.run("run", "-n", "2", "./script.sh", "it")
    assert "node 1 got it\n" in blocks(result.out)[1]


def test_a_python_child_of_a_command_is_the_node(machine: Machine) -> None:
    """`sh -c 'python prog.py'`: the Python that the command starts joins the run."""
    (machine.work_dir / "prog.py").write_text(
        "import distrcomp as dc\n"
        "dc.send(1 - dc.node_id, dc.node_id)\n"
        "print('got', dc.recv(1 - dc.node_id))\n"
    )
    command = f"{sys.executable} prog.py"
    result = machine.run("run", "-n", "2", "--include", "prog.py", "--", "sh", "-c", command)
    assert 0 == result.code, result
    assert "got 1\n" in blocks(result.out)[0]
    assert "got 0\n" in blocks(result.out)[1]


# --- the end ------------------------------------------------------------------------------------------

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
        "import distrcomp as dc\nprint('ready', flush=True)\n"
        "try: dc.recv(1 - dc.node_id)\nfinally: print('cleaned up')\n"
    )
    run = machine.start("run", "-n", "2", "--output", "live", "prog.py")
    run.wait_for_line("[0] ready")
    run.wait_for_line("[1] ready")
    run.interrupt()
    result = run.wait()
    assert 130 == result.code
    assert 2 == result.out.count("cleaned up")
    assert "interrupted at prog.py:3" in result.err


def test_ctrl_c_twice_stops_at_once(machine: Machine) -> None:
    """Nodes that ignore SIGINT and SIGTERM are killed by the second Ctrl-C (F-06)."""
    (machine.work_dir / "prog.py").write_text(
        "import signal, time\n"
        "signal.signal(2, lambda *_: print('ignored', flush=True))\nsignal.signal(15, signal.SIG_IGN)\n"
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


def test_without_a_terminal_no_table_is_drawn(machine: Machine) -> None:
    """In report mode stderr stays empty."""
    assert "" == run_source(machine, "print(1)", "-n", "1").err
