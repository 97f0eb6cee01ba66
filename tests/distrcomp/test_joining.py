"""distrcomp.joining: what a process is before any agent has told it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.distrcomp.agent import environment
from tests.leaks import LeakChecker

pytestmark = pytest.mark.processes


def run(
    folder: Path, leaks: LeakChecker, code: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Plain `python -c CODE`."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment(leaks.tag, **variables),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_world_of_one(tmp_path: Path, leaks: LeakChecker) -> None:
    """Plain Python is a world of one, in which sending to oneself works."""
    code = (
        "import distrcomp as dc\n"
        "print(dc.node_id, dc.n_node)\n"
        "dc.setup_connection()\n"
        "dc.send(0, {'a': [1]}, tag=2)\n"
        "print(dc.recv(), dc.world.n_node)\n"
        "dc.close_connection()\n"
        "dc.close_connection()\n"
    )
    done = run(tmp_path, leaks, code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 1\n{'a': [1]} 1\n", "")


WAITS = {
    "dc.recv(tag=3)": "recv(tag=3) at prog.py:4 can never end: this program is a world of one node",
    "dc.irecv(0).wait()": "wait for recv(source=0) at prog.py:4 can never end",
    "dc.ssend(0, 1)": "ssend",
    "t = Thread(target=dc.recv); t.start(); t.join()": "recv() at ",
}


@pytest.mark.parametrize("call", WAITS)
def test_alone_nothing_is_waited_for_in_vain(tmp_path: Path, leaks: LeakChecker, call: str) -> None:
    """What nobody can answer in a world of one raises Deadlock; what a thread sends does arrive."""
    (tmp_path / "prog.py").write_text(
        "import distrcomp as dc\n"
        "from threading import Thread, Timer\n"
        f"Timer(1.3, dc.send, (0, 7)).start(); print(dc.recv())\n{call}\n"
    )
    done = run(tmp_path, leaks, "import runpy; runpy.run_path('prog.py', run_name='__main__')")
    assert "7\n" == done.stdout
    told = done.stderr[done.stderr.index("distrcomp.errors.Deadlock: ") :]
    assert WAITS[call] in told, done.stderr


@pytest.mark.parametrize("call", ["dc.send(0, 1)", "dc.recv()", "dc.send(1, 1)"])
def test_after_the_end(tmp_path: Path, leaks: LeakChecker, call: str) -> None:
    """A call after close_connection says so; a node that isn't there is told as that."""
    done = run(tmp_path, leaks, f"import distrcomp as dc\ndc.close_connection()\n{call}")
    error = "NoSuchNode" if "1, 1" in call else "WorldClosed"
    assert f"distrcomp.errors.{error}: " in done.stderr


def test_import_is_light(tmp_path: Path, leaks: LeakChecker) -> None:
    """Importing loads neither numpy nor asyncio nor the launcher; ids are known before joining."""
    code = (
        "import distrcomp as dc, sys\n"
        "print(dc.node_id, dc.n_node)\n"
        "print(sorted({'numpy', 'asyncio', 'launcher', 'socket', 'ssl'} & set(sys.modules)))\n"
    )
    done = run(tmp_path, leaks, code, DISTRCOMP_NODE_ID="3", DISTRCOMP_N_NODE="5")
    assert (done.stdout, done.stderr) == ("3 5\n[]\n", "")


def test_joining_is_light(tmp_path: Path, leaks: LeakChecker) -> None:
    """Sending a plain object needs neither numpy nor asyncio nor the launcher."""
    code = (
        "import distrcomp as dc, sys\n"
        "dc.send(0, 1); dc.recv()\n"
        "print(sorted({'numpy', 'asyncio', 'launcher', 'cloudpickle'} & set(sys.modules)))\n"
    )
    done = run(tmp_path, leaks, code)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_child_of_a_node(tmp_path: Path, leaks: LeakChecker) -> None:
    """A process with a node's environment and no control socket is outside, at every call."""
    code = (
        "import distrcomp as dc\n"
        "for call in (lambda: dc.send(0, 1), dc.recv, dc.setup_connection, lambda: dc.world):\n"
        "    try:\n        call()\n"
        "    except dc.OutsideRun as error:\n        print(error)\n"
    )
    done = run(tmp_path, leaks, code, DISTRCOMP_NODE_ID="2")
    expected = "this process was started by node 2 and is not a node itself\n" * 4
    assert (done.stdout, done.stderr) == (expected, "")


def test_forked_child_in_a_world_of_one(tmp_path: Path, leaks: LeakChecker) -> None:
    """After joining a fork is outside; before joining it is a world of its own (F-09)."""
    code = (
        "import os, sys, distrcomp as dc\n"
        "def child():\n"
        "    sys.stdout.flush()\n"
        "    if os.fork():\n        os.wait(); return\n"
        "    try:\n        dc.send(0, 1); print('sent')\n"
        "    except dc.OutsideRun:\n        print('outside')\n"
        "    sys.exit()\n"
        "child()\n"
        "dc.send(0, 'kept')\n"
        "child()\n"
        "print(dc.recv())\n"
    )
    done = run(tmp_path, leaks, code)
    assert (done.stdout, done.stderr) == ("sent\noutside\nkept\n", "")


def test_ctrl_c_handler_of_the_program_stays(tmp_path: Path, leaks: LeakChecker) -> None:
    """A program that has its own SIGINT handler keeps it."""
    code = (
        "import signal, distrcomp as dc\n"
        "mine = lambda *_: None\n"
        "signal.signal(signal.SIGINT, mine)\n"
        "dc.setup_connection()\n"
        "print(signal.getsignal(signal.SIGINT) is mine)\n"
    )
    assert run(tmp_path, leaks, code).stdout == "True\n"


def test_timeout_of_the_run(tmp_path: Path, leaks: LeakChecker) -> None:
    """What `--recv-timeout` has left in the environment holds for every wait without its own."""
    code = (
        "import math, distrcomp as dc\n"
        "dc.send(0, 'x')\n"
        "print(dc.recv(timeout=math.inf))\n"
        "calls = [dc.recv, lambda: dc.recv(0), dc.probe, lambda: dc.irecv().wait()]\n"
        "for call in calls:\n"
        "    try:\n        call()\n"
        "    except dc.RecvTimeout as error:\n        print(error.timeout_s)\n"
    )
    done = run(tmp_path, leaks, code, DISTRCOMP_RECV_TIMEOUT="0.01")
    assert (done.stdout, done.stderr) == ("x\n" + "0.01\n" * 4, "")


def test_import_loads_no_class(tmp_path: Path, leaks: LeakChecker) -> None:
    """The classes' modules come with the first look at one of them, without joining."""
    code = (
        "import distrcomp as dc, sys\n"
        "loaded = lambda: [name for name in sys.modules if name.startswith('distrcomp')]\n"
        "print(sorted(loaded()))\n"
        "print(dc.Status, dc.joining if hasattr(dc, 'joining') else None)\n"
    )
    done = run(tmp_path, leaks, code)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "['distrcomp', 'distrcomp.errors', 'distrcomp.surroundings', "
        "'distrcomp.world_calls', 'distrcomp.world_collectives']",
        "<class 'distrcomp.status.Status'> None",
    ]
