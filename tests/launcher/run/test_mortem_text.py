"""The ends of failed nodes, as lines of a report."""

from __future__ import annotations

from launcher import limits
from launcher.run.mortem_text import last_lines, place_of, post_mortems, tail_lines, told_of_waiting
from launcher.run.results import NodeResult, PostMortem

TRACEBACK = (
    'Traceback (most recent call last):\n  File "prog.py", line 3, in f\n    dc.recv(1)\nE: x\n'
)
CRASH = (
    "Fatal Python error: Segmentation fault\n\nCurrent thread 0x01 (most recent call first):\n"
    '  File "prog.py", line 9 in <module>\n'
)


def failed(node: int, at_s: float = 1.0, **found: object) -> NodeResult:
    """A node that failed."""
    mortem: dict[str, object] = {
        "at_s": at_s,
        "uncertain_s": 0.001,
        "memory": "",
        "crash": "",
        "traceback": "",
        "blames": None,
    }
    return NodeResult(
        node,
        "h1",
        1,
        None,
        "failed",
        "",
        1.0,
        post_mortem=PostMortem(**{**mortem, **found}),  # type: ignore[arg-type]
    )


def test_who_waited() -> None:
    """Those whose call ended because of it, where they were, those at one place together."""
    nodes = [failed(node, traceback=TRACEBACK, blames=1) for node in range(3)]
    assert ["nodes 0 and 2 waited at prog.py:3: dc.recv(1)"] == list(told_of_waiting(nodes, 1))
    assert [] == list(told_of_waiting(nodes, 2))
    assert [] == list(told_of_waiting([failed(0)], None))


def test_place_of() -> None:
    """The innermost place, also without the text of the line; none in what is no traceback."""
    assert "b.py:2" == place_of(
        '  File "a.py", line 1, in f\n    g()\n  File "b.py", line 2, in g\n'
    )
    assert "" == place_of("ValueError: x")


def test_others_that_failed() -> None:
    """Each with its own traceback or crash, and how much later it was by all clocks."""
    nodes = [
        failed(0),
        failed(1, 1.2504, traceback="ValueError: x\n"),
        failed(2, 1.0015, crash=CRASH),
        failed(3, blames=0, traceback=TRACEBACK),
    ]
    assert [
        "node 1, 0.250 s later:",
        "  ValueError: x",
        "node 2, at about the same time:",
        "  Fatal Python error: Segmentation fault, here (most recent call first):",
        '    File "prog.py", line 9 in <module>',
    ] == list(post_mortems(nodes, 0, [""] * 4))


def test_those_who_only_blame_another_take_no_place() -> None:
    """A node that failed by itself is told, however many failed because of another one."""
    nodes = [failed(0), *(failed(n, blames=0) for n in range(1, 30)), failed(30, crash=CRASH)]
    assert "node 30, at about the same time:" == next(post_mortems(nodes, 0, [""] * 31))


def test_too_many_to_show() -> None:
    """What is left out is named."""
    shown = limits.POST_MORTEMS_SHOWN_MAX
    nodes = [failed(n, crash=CRASH) for n in range(shown + 3)]
    *_, last = post_mortems(nodes, 0, [""] * len(nodes))
    assert last.startswith(f"nodes {shown + 1} and {shown + 2} failed by themselves, too")
    waiting = [
        failed(n, blames=99, traceback=TRACEBACK.replace("line 3", f"line {n}"))
        for n in range(shown + 3)
    ]
    *_, last = told_of_waiting(waiting, 99)
    assert "and others at 3 more places; --report FILE.json has all" == last


def test_last_lines() -> None:
    """The last twenty before the traceback or the crash, which are told anyway."""
    printed = "".join(f"step {number}\n" for number in range(30))
    for node, end in ((failed(0, traceback=TRACEBACK), TRACEBACK), (failed(0, crash=CRASH), CRASH)):
        lines = last_lines(node, f"{printed}{end}distrcomp: bye\n")
        assert [f"step {number}" for number in range(10, 30)] == lines
        told = list(tail_lines(node, printed + end))
        assert ["its last 20 lines:", "  | step 10"] == told[:2]
    assert [] == list(tail_lines(failed(0), "few\n"))
    assert ["few"] == last_lines(failed(0), "few\n")
    assert ["  | a\\x1b[2J"] == list(tail_lines(failed(0), "x\n" * 30 + "a\x1b[2J"))[-1:]
