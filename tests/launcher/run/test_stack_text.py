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
    expected = [
        "  thread 1 of 2:",
        "    inside distrcomp's recv",
        '    File "prog.py", line 12 in <module>',
        "  thread 2 of 2:",
        '    File "prog.py", line 3 in helper',
    ]
    assert expected == stacks_told([(0, HELPER + MAIN, "")])[1:]


def test_the_standard_library_between_frames_of_ours() -> None:
    """It is left out as they are; what the program itself has called there stays."""
    library = "/usr/lib/python3.11"
    within = [
        f'  File "{library}/threading.py", line 320 in wait',
        '  File "distrcomp/progress.py", line 90 in wait',
        f'  File "{library}/contextlib.py", line 137 in __enter__',
        '  File "distrcomp/communicator.py", line 120 in recv',
    ]
    program = [
        f'  File "{library}/functools.py", line 9 in wrapper',
        f'  File "{library}/site-packages/tool.py", line 3 in step',
        '  File "distrcomp/node.py", line 92 in _execute',
    ]
    head = MAIN.splitlines()[1]
    inside, *rest = short_stacks("\n".join([head, *within, *program]))[0]
    assert "inside distrcomp's recv" == inside
    assert [line.strip() for line in program[:-1]] == rest
    assert [[line.strip() for line in program[:-1]]] == short_stacks("\n".join([head, *program]))


def test_there_is_a_bound() -> None:
    """Neither many places nor a deep stack fill the screen (S-37: nothing unprintable does)."""
    deep = MAIN.splitlines()[1] + "\n" + '  File "p\x1b[2J.py", line 1 in f\n' * 500
    lines = stacks_told([(0, deep, "")])
    assert limits.STACK_LINES_SHOWN_MAX + 2 == len(lines)
    assert not any("\x1b" in line for line in lines)
    places = [(node, MAIN.replace("12", str(node)), "") for node in range(30)]
    assert "and 22 other places; --report FILE.json has all" == stacks_told(places)[-1]
