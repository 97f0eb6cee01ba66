"""Stacks as Python writes them, made short for people."""

from __future__ import annotations

from launcher import limits
from launcher.run.stack_text import short_stacks, stacks_told

CONTROL = """\
Thread 0x00007f0c8b7fe640 (most recent call first):
  File "/usr/lib/python3.11/selectors.py", line 468 in select
  File "distrcomp/control.py", line 150 in _round
  File "distrcomp/control.py", line 138 in _run
  File "/usr/lib/python3.11/threading.py", line 982 in run
"""
HELPER = """
Thread 0x00007f0c8bfff640 (most recent call first):
  File "prog.py", line 3 in helper
  File "/usr/lib/python3.11/threading.py", line 982 in run
  File "/usr/lib/python3.11/threading.py", line 1045 in _bootstrap_inner
"""
MAIN = """
Current thread 0x00007f0c8c9f0740 (most recent call first):
  File "distrcomp/poller.py", line 100 in wait
  File "distrcomp/communicator.py", line 120 in recv
  File "prog.py", line 12 in <module>
  File "distrcomp/node.py", line 92 in _execute
  File "<frozen runpy>", line 88 in _run_code
"""


def test_ours_is_left_out() -> None:
    """The program's threads, the main one first; of our frames the call's name remains."""
    expected = [
        ["inside distrcomp's recv", 'File "prog.py", line 12 in <module>'],
        ['File "prog.py", line 3 in helper'],
    ]
    assert expected == short_stacks(CONTROL + HELPER + MAIN)


def test_other_words_are_no_frames() -> None:
    """Whatever else stands there, cut or foreign, is no stack."""
    assert [] == short_stacks("Fatal Python error: Aborted\n")
    assert [["..."]] == short_stacks(MAIN.splitlines()[1] + "\n  ...\n[... 9 bytes cut ...]\n")


def test_nodes_at_one_place_are_told_together() -> None:
    """One paragraph for each place, in the order of the nodes; what is not known says why."""
    expected = [
        "nodes 0 and 2 were here (most recent call first):",
        "  inside distrcomp's recv",
        '  File "prog.py", line 12 in <module>',
        "it is not known where node 1 was: it is stopped",
    ]
    assert expected == stacks_told([(0, MAIN, ""), (1, "", "it is stopped"), (2, MAIN, "")])


def test_threads_are_told_apart() -> None:
    """Threads beside the main one are counted and set back."""
    expected = ["  thread 2 of 2:", '    File "prog.py", line 3 in helper']
    assert expected == stacks_told([(0, HELPER + MAIN, "")])[-2:]


def test_there_is_a_bound() -> None:
    """Neither many places nor a deep stack fill the screen (S-37: nothing unprintable does)."""
    deep = MAIN.splitlines()[1] + "\n" + '  File "p\x1b[2J.py", line 1 in f\n' * 500
    lines = stacks_told([(0, deep, "")])
    assert limits.STACK_LINES_SHOWN_MAX + 2 == len(lines)
    assert not any("\x1b" in line for line in lines)
    places = [(node, MAIN.replace("12", str(node)), "") for node in range(30)]
    assert "and 22 other places; --report FILE.json has all" == stacks_told(places)[-1]
