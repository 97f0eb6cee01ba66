"""distrcomp.node: a program as a node, started by a fake agent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from distrcomp import notices as n
from distrcomp.codec import decode, encode
from distrcomp.frames import Message
from tests.distrcomp.agent import FakeAgent
from tests.distrcomp.links.kit import End, move
from tests.leaks import LeakChecker, wait_until

pytestmark = pytest.mark.processes

Start = Callable[..., FakeAgent]


@pytest.fixture
def start(tmp_path: Path, leaks: LeakChecker) -> Iterator[Start]:
    """Starts a node with `arguments`; `source` becomes its prog.py."""
    agents: list[FakeAgent] = []

    def start_one(
        source: str = "", arguments: tuple[str, ...] = ("prog.py",), shares: bool = False
    ) -> FakeAgent:
        (tmp_path / "prog.py").write_text(source, "utf-8")
        agents.append(FakeAgent(tmp_path, leaks.tag, list(arguments), shares=shares))
        return agents[-1]

    yield start_one
    for agent in agents:
        agent.close()


def send(end: End, value: Any) -> None:
    """Sends as a node does."""
    kind, meta, buffers = encode(value)
    end.link.post(Message(1, 0, 0, kind, meta, list(buffers)))


def receive(end: End) -> Any:
    """The next object from the node."""
    move([end], lambda: end.received)
    message = end.received.pop(0)
    return decode(message.codec, message.meta, message.buffers)


# --- the program is what Python would have made of it ---


def test_file(start: Start, tmp_path: Path) -> None:
    """A file has its own name, arguments and folder, and is the real __main__."""
    source = (
        "import sys, os, pickle\n"
        "class Here: pass\n"
        "assert pickle.loads(pickle.dumps(Here())).__class__ is Here\n"
        "assert sys.modules['__main__'].Here is Here and __name__ == '__main__'\n"
        "assert 'DISTRCOMP_CONTROL_FD' not in os.environ\n"
        "print(sys.argv, sys.path[0], __file__, 'asyncio' in sys.modules, sep='|')\n"
    )
    code, out, err, notices = start(source, ("prog.py", "-x", "a b")).run()
    expected = f"['prog.py', '-x', 'a b']|{tmp_path}|{tmp_path}/prog.py|False\n"
    assert (code, out, err, notices) == (0, expected, "", [])


def test_module(start: Start, tmp_path: Path) -> None:
    """`-m` runs a module of the working folder."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__main__.py").write_text("import sys; print(__name__, sys.argv[1:])")
    code, out, err, _ = start("", ("-m", "pack", "a")).run()
    assert (code, out, err) == (0, "__main__ ['a']\n", "")


def test_code(start: Start) -> None:
    """`-c` runs a text, without a file."""
    text = "import sys; print(sys.argv, sys.path[0] == '', '__file__' in globals())"
    code, out, err, _ = start("", ("-c", text, "a")).run()
    assert (code, out, err) == (0, "['-c', 'a'] True False\n", "")


def test_annotations_are_the_programs_affair(start: Start) -> None:
    """Our own `from __future__ import annotations` is not the program's."""
    _, out, _, _ = start("x: int = 1\nprint(__annotations__)").run()
    assert out == "{'x': <class 'int'>}\n"


def test_starts_at_go(start: Start) -> None:
    """Before Go no line of the program runs."""
    agent = start("import pathlib; pathlib.Path('ran').touch(); print('ran')")
    agent.welcome()
    folder = Path(f"/proc/{agent.process.pid}/cwd").resolve()
    assert not (folder / "ran").exists()
    agent.tell(n.Go())
    assert agent.wait_for_line() == "ran"


def test_talks(start: Start) -> None:
    """A node sends and receives by the links that it is given, and says goodbye at its end."""
    source = "import distrcomp as dc\nprint(dc.n_node)\ndc.send(1, dc.recv(1) * 2)\n"
    agent = start(source)
    agent.welcome()
    other = agent.make_link()
    send(other, [1, 2])
    agent.tell(n.Go())
    assert receive(other) == [1, 2, 1, 2]
    move([other], lambda: other.ended)
    other.link.close()
    assert other.ended is not None
    assert other.ended.clean
    assert agent.ended()[:3] == (0, "2\n", "")


def test_leftovers_go_while_the_program_computes(start: Start) -> None:
    """What a send left queued is written by the control thread."""
    source = (
        "import distrcomp as dc, sys\n"
        "dc.send(1, bytes(8_000_000))\n"
        "print('computing')\n"
        "sys.stdout.flush()\n"
        "import os, signal\n"
        "signal.pause()\n"
    )
    agent = start(source)
    agent.welcome()
    other = agent.make_link()
    agent.tell(n.Go())
    assert agent.wait_for_line() == "computing"
    assert len(receive(other)) == 8_000_000
    other.link.close()


def test_wants_a_link(start: Start) -> None:
    """A link that is missing is asked for; when there is none the program hears why.

    Its failure is told to be because of that node, which may have ended just now.
    """
    agent = start("import distrcomp as dc\ndc.send(1, 'x')")
    agent.welcome()
    agent.tell(n.Go())
    assert agent.hear() == n.WantLink(1)
    agent.tell(n.NoLink(1, "no way there"))
    failed = agent.hear()
    while not isinstance(failed, n.Failed):
        failed = agent.hear()
    assert 1 == failed.because_of
    code, _, err, _ = agent.ended()
    assert code == 1
    assert err.endswith("distrcomp.errors.LinkFailed: no way there\n")


# --- ends ---


@pytest.mark.parametrize(
    ("call", "code", "err"),
    [
        ("sys.exit()", 0, ""),
        ("sys.exit(0)", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit(-1)", 255, ""),
        ("sys.exit('out of tea')", 1, "out of tea\n"),
        ("raise SystemExit(7)", 7, ""),
    ],
)
def test_exit_codes(start: Start, call: str, code: int, err: str) -> None:
    """`sys.exit` means what it means to Python, and is no exception to be told."""
    came = start(f"import sys\n{call}").run()
    assert came == (code, "", err, [])


def without_anchors(text: str) -> str:
    """A traceback without the lines of `~` and `^`, which each Python draws in its own way."""
    return re.sub(r"\n +[~^]+(?=\n)", "", text)


def test_uncaught_exception(start: Start) -> None:
    """The traceback is the program's own part, on stderr and to the agent; exit code 1 (F-08)."""
    source = "def f():\n    raise ValueError('bad \\udcff')\n\nf()\n"
    code, out, err, notices = start(source).run()
    expected = (
        "Traceback (most recent call last):\n"
        '  File "prog.py", line 4, in <module>\n    f()\n'
        "  File \"prog.py\", line 2, in f\n    raise ValueError('bad \\udcff')\n"
        "ValueError: bad \\udcff\n"
    )
    assert (code, out, without_anchors(err)) == (1, "", expected)
    assert notices == [n.Failed("ValueError: bad \\udcff", err, None)]


def test_exception_in_our_call(start: Start) -> None:
    """Where distrcomp raises, the traceback ends at the program's call of it."""
    _, _, err, notices = start("import distrcomp as dc\ndc.recv(1, timeout=0)\n").run()
    assert without_anchors(err) == (
        "Traceback (most recent call last):\n"
        '  File "prog.py", line 2, in <module>\n    dc.recv(1, timeout=0)\n'
        "distrcomp.errors.RecvTimeout: recv from node 1 with any tag: nothing came in 0 s; "
        "no other message has arrived\n"
    )
    assert [type(notice) for notice in notices] == [n.Failed]


def test_exception_in_a_thread(start: Start) -> None:
    """One that ends a thread of the program's is told without our lines, too."""
    source = (
        "import distrcomp as dc, threading\n"
        "def work(): dc.recv(1, timeout=0)\n"
        "thread = threading.Thread(target=work)\nthread.start(); thread.join()\n"
    )
    code, _, err, _ = start(source).run()
    assert 0 == code
    assert '  File "prog.py", line 2, in work\n' in err
    assert "RecvTimeout: recv from node 1" in err
    assert "fast_path.py" not in err
    assert "receiving.py" not in err


def test_syntax_error(start: Start) -> None:
    """A program that is none fails as one that raises."""
    code, _, err, notices = start("a b\n").run()
    assert (code, len(notices)) == (1, 1)
    assert 'File "prog.py", line 1' in err
    assert notices[0].error == "SyntaxError: invalid syntax"


def test_huge_exception(start: Start) -> None:
    """The agent is told no more of an exception than a notice may carry."""
    code, _, _, (failed,) = start("raise ValueError('x' * 20_000_000)").run()
    assert (code, failed.because_of) == (1, None)
    assert len(failed.error) < 110_000
    assert " characters left out ..." in failed.traceback


def test_node_lost(start: Start) -> None:
    """Another node's end takes one line here, and names that node to the agent."""
    agent = start("import distrcomp as dc\nprint('waits')\ndc.recv(1)\n")
    agent.welcome()
    agent.tell(n.Go())
    assert agent.wait_for_line() == "waits"
    agent.tell(n.NodeEnded(1, "exit code 3"))
    code, _, err, notices = agent.ended()
    text = "node 1 on here is gone: exit code 3"
    assert (code, err) == (1, f"distrcomp: stopped at prog.py:3: {text}\n")
    (failed,) = notices
    assert (failed.error, failed.because_of) == (f"distrcomp.errors.NodeLost: {text}", 1)


def test_abort(start: Start) -> None:
    """When the run fails `finally` blocks run, and the node ends with 1 (F-08)."""
    source = (
        "import distrcomp as dc\nprint('waits')\n"
        "try:\n    dc.recv(1)\nfinally:\n    print('tidied up')\n"
    )
    agent = start(source)
    agent.welcome()
    agent.tell(n.Go())
    assert agent.wait_for_line() == "waits"
    agent.tell(n.Abort(1, "it raised ValueError"))
    code, out, err, _ = agent.ended()
    assert (code, out) == (1, "tidied up\n")
    assert "node 1 on here is gone: it raised ValueError" in err


@pytest.mark.parametrize("wait", ["dc.recv(1)", "signal.pause()"])
def test_ctrl_c(start: Start, wait: str) -> None:
    """Ctrl-C, inside a call and outside, ends the program at that line with 130 (F-06)."""
    agent = start(f"import signal, distrcomp as dc\nprint('waits'); {wait}\n")
    agent.welcome()
    agent.tell(n.Go())
    assert agent.wait_for_line() == "waits"
    agent.interrupt()
    code, _, err, notices = agent.ended()
    assert code == 130
    assert err.startswith("distrcomp: interrupted at prog.py:2")
    assert notices == []


def test_agent_vanishes(start: Start) -> None:
    """A node without its agent ends itself, with all that it started (F-02)."""
    source = (
        "import subprocess, sys, distrcomp as dc\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        "print(child.pid)\n"
        "while True:\n"
        "    try:\n        dc.recv(1)\n"
        "    except dc.NodeLost as error:\n        print(error); break\n"
        "import signal; signal.pause()\n"
    )
    agent = start(source)
    agent.welcome()
    agent.tell(n.Go())
    child = int(agent.wait_for_line())
    agent.vanish()
    assert agent.wait_for_line() == "node 0 on here is gone: the agent on here has vanished"
    assert agent.process.wait(60) == -9
    wait_until(lambda: not is_running(child), 60, "the end of what the node started")


def test_agent_vanishes_before_the_ticket(start: Start) -> None:
    """A node that gets no ticket says so and ends."""
    agent = start("print('ran')")
    agent.vanish()
    out, err = agent.process.communicate(timeout=60)
    assert (agent.process.returncode, out) == (1, b"")
    assert b"OutsideRun: the agent that started this node has vanished" in err


def test_agent_that_speaks_nonsense(start: Start) -> None:
    """A LinkMade without its descriptor ends the node with a reason, instead of its control."""
    agent = start("import distrcomp as dc\ntry:\n    dc.recv(1)\nfinally:\n    print('ended')\n")
    agent.welcome()
    agent.tell(n.Go())
    agent.tell(n.LinkMade(1, True))
    assert agent.wait_for_line() == "ended"
    _, _, err, _ = agent.ended()
    assert "a descriptor was lost: has this process too many open files?" in err


def is_running(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


# --- children of a node ---


def test_forked_child(start: Start) -> None:
    """A forked child is told that it is outside, and the parent goes on working (F-09)."""
    source = (
        "import os, sys, warnings, distrcomp as dc\n"
        "warnings.simplefilter('ignore')  # from 3.12 on Python warns of fork beside threads\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        "    try:\n        dc.send(1, 'from the child')\n"
        "    except dc.OutsideRun as error:\n        print(error)\n"
        "    sys.stdout.flush(); sys.exit(5)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
        "dc.send(1, dc.recv(1))\n"
    )
    agent = start(source)
    agent.welcome()
    other = agent.make_link()
    agent.tell(n.Go())
    send(other, "to the parent")
    assert receive(other) == "to the parent"
    move([other], lambda: other.ended)
    other.link.close()
    code, out, err, _ = agent.ended()
    told = "this process was forked from a node and is not a node itself\n5\n"
    assert (code, out, err) == (0, told, "")


def test_subprocess_of_a_node(start: Start) -> None:
    """A program that a node starts is outside the run, and holds none of its descriptors (S-40)."""
    source = (
        "import subprocess, sys\n"
        "code = 'import os, distrcomp as dc\\n'\n"
        "code += 'print(sorted(map(int, os.listdir(\"/proc/self/fd\")))[:-1])\\ndc.send(0, 1)'\n"
        "done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)\n"
        "print(done.stdout + done.stderr.splitlines()[-1])\n"
    )
    code, out, _, _ = start(source).run()
    expected = (
        "[0, 1, 2]\ndistrcomp.errors.OutsideRun: this process was started by node 0 "
        "and is not a node itself\n"
    )
    assert (code, out) == (0, expected)
