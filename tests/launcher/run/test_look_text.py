"""What is seen of live runs, in words and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from launcher.control import looks
from launcher.run.look_text import runs_json, runs_text, stacks_json, stacks_text

BUSY = looks.NodeStatus(0, "h1", "running", 4711, "", None, 83.25, 2**30, 700, None)
WAITING = looks.NodeStatus(
    1, "h\x1b[2J", "running", 4712, "recv from node 0", 3723.4, 0.1, 2**21, 0, 2**20
)
ENDED = looks.NodeStatus(10, "h2", "finished")
RUN = looks.RunStatus(b"\xab" * 16, "prog.py -v", 11, 130.0, True, (BUSY, WAITING, ENDED))
STACK = 'Current thread 0x0a (most recent call first):\n  File "prog.py", line 3 in f\n'


def test_a_line_for_each_node() -> None:
    """Columns stand below each other; what is unknown says so, and nothing is unprintable."""
    assert (
        "run abababab  prog.py -v  (11 nodes, for 2:10)\n"
        "node  peer       pid  state     waits for           since     CPU    memory     in"
        "       out\n"
        "   0  h1        4711  running                              83.2 s  1.00 GiB  700 B"
        "         ?\n"
        "   1  h\\x1b[2J  4712  running   recv from node 0  1:02:03   0.1 s  2.00 MiB    0 B"
        "  1.00 MiB\n"
        "  10  h2              finished\n"
    ) == runs_text([RUN])
    assert "" == runs_text([])


def test_several_programs_have_a_column() -> None:
    """Which of them a node runs; a number that is none is no mistake of ours."""
    nodes = (replace(ENDED, program=1), replace(ENDED, node=3, program=7))
    text = runs_text([replace(RUN, nodes=nodes, programs=("a.py", "b.py x"))])
    assert [["program"], ["b.py", "x"], ["?"]] == [
        line.split()[start:] for line, start in zip(text.splitlines()[1:], (11, 3, 3), strict=True)
    ]


def test_what_only_the_launcher_knows() -> None:
    """Of a run that agents alone tell of, how much is seen, and that waits are not known there."""
    told = runs_text([replace(RUN, is_whole=False, nodes=(BUSY, ENDED))])
    assert "(11 nodes, 2 of them seen, for 2:10)" in told
    assert ["running", "?"] == told.splitlines()[2].split()[3:5]
    assert ["10", "h2", "finished"] == told.splitlines()[3].split()


def test_json() -> None:
    """All figures as they are."""
    (run,) = json.loads(runs_json([RUN]))
    assert ("ab" * 16, 130.0) == (run["run_id"], run["seconds"])
    assert {"cpu_s": 83.25, "bytes_out": None, "peer": "h1"}.items() <= run["nodes"][0].items()


def test_stacks() -> None:
    """Where nodes are now; JSON has all that Python wrote as well."""
    taken = [looks.NodeStacks(0, STACK, ""), looks.NodeStacks(1, "", "it has ended")]
    expected = (
        'node 0 is here (most recent call first):\n  File "prog.py", line 3 in f\n'
        "it is not known where node 1 is: it has ended\n"
    )
    assert expected == stacks_text(taken) == stacks_text(taken, range(2))
    missing = "nodes 2 and 3 are on machines that were not asked\n"
    assert expected + missing == stacks_text(taken, range(4))
    told = json.loads(stacks_json(taken))
    assert (STACK, [['File "prog.py", line 3 in f']]) == (told[0]["text"], told[0]["threads"])
