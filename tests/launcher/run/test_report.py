"""A finished run told as text and as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.errors import BadUsage
from launcher.run.report import (
    collected_lines,
    describe_end,
    render_json,
    render_text,
    report_format,
)
from launcher.run.results import (
    Cause,
    CollectedFile,
    Exchange,
    NodeRecord,
    NodeResult,
    Phase,
    PostMortem,
    RunResult,
    Sample,
)
from tests.test_docs import ROOT


def node(number: int, outcome: str = "finished", **changes: object) -> NodeResult:
    """A node that finished well, but for `changes`."""
    result = NodeResult(number, "localhost", 0, None, outcome, "", 0.5)
    return replace(result, **changes)  # type: ignore[arg-type]


def run(*nodes: NodeResult, cause: Cause | None = None, notes: tuple[str, ...] = ()) -> RunResult:
    """A run of `nodes` that took 1.5234 s."""
    code = 0 if cause is None else 1
    return RunResult("ab12", "ring.py", len(nodes), code, 1.5234, cause, nodes, notes)


def test_a_good_run_has_one_block_a_node() -> None:
    """The original's shape: headings in node order, last line feeds added, the time at the end."""
    text = render_text(run(node(0), node(1, peer="h1"), node(2)), ["a\nb\n", "no end", ""])
    assert (
        "--------(Node 0  localhost)--------\n"
        "a\nb\n"
        "--------(Node 1  h1)--------\n"
        "no end\n"
        "--------(Node 2  localhost)--------\n"
        "Total time : 1.523.\n"
    ) == text


def test_a_failed_run_starts_with_its_cause() -> None:
    """F-08: headline, traceback, and the consequences in one line, before the blocks."""
    stopped = [node(i, "stopped", exit_code=None, signal=15) for i in (0, 1, 3)]
    cause = Cause(
        "node 2 on h1 failed: ValueError: x", "Traceback:\n\tf()\nValueError: x\n", 2, "h1"
    )
    failed = node(2, "failed", exit_code=1)
    text = render_text(run(*stopped[:2], failed, stopped[2], cause=cause), ["", "", "", ""])
    assert text.startswith(
        "node 2 on h1 failed: ValueError: x\n"
        "Traceback:\n        f()\nValueError: x\n"
        "nodes 0, 1 and 3 were stopped because of it\n"
        "\n"
        "--------(Node 0  localhost)--------\n"
    )


def test_consequences_are_folded_by_how_they_ended() -> None:
    """Nodes that ended alike share a sentence; those that finished are not named."""
    nodes = [
        node(0, "finished"),
        node(1, "failed", exit_code=None, signal=11),
        node(2, "failed", exit_code=None, signal=11),
        node(3, "failed", exit_code=3),
        node(4, "lost", exit_code=None, reason="h2 has been silent\x1b for 10 s"),
        node(5, "never started", exit_code=None, seconds=None),
        node(6, "stopped"),
    ]
    text = render_text(run(*nodes, cause=Cause("agent lost on h2", "", None, "h2")), [""] * 7)
    assert [
        "agent lost on h2",
        "nodes 1 and 2 failed after it: killed by SIGSEGV (11)",
        "node 3 failed after it: exit code 3",
        r"node 4 was lost: h2 has been silent\x1b for 10 s",
        "node 5 never started",
        "node 6 was stopped because of it",
        "",
    ] == text.splitlines()[:7]


def test_notes_stand_before_the_total_time() -> None:
    """What the person should know comes after the blocks, one line each."""
    text = render_text(run(node(0), notes=("one", "two\rthree")), ["out"])
    assert ["out", "one", r"two\rthree", "Total time : 1.523."] == text.splitlines()[1:]


def test_only_the_nodes_own_output_is_raw() -> None:
    """S-37: labels, headlines and tracebacks are escaped; what a node printed is left alone."""
    cause = Cause("head\x1b[2J", "trace\x1b]0;x\x07", 0, "h\x9b")
    hostile = run(node(0, "failed", peer="h\x1b[1m\r"), cause=cause, notes=("n\u202e",))
    text = render_text(hostile, ["\x1b[31mmine\x1b[0m\n"])
    assert "\x1b[31mmine\x1b[0m\n" in text
    assert text.replace("\x1b[31mmine\x1b[0m", "").replace("\n", "").isprintable()
    assert r"--------(Node 0  h\x1b[1m\r)--------" in text


def test_a_report_needs_one_output_for_each_node() -> None:
    """A missing output is an error, not a report without a block."""
    with pytest.raises(ValueError, match="zip"):
        render_text(run(node(0), node(1)), ["a"])


def test_json_holds_everything() -> None:
    """Format 1: the run, its cause, each node with its output."""
    cause = Cause("node 0 on localhost failed", "Traceback", 0, "localhost")
    result = run(node(0, "failed", exit_code=None, signal=9), cause=cause, notes=("n",))
    assert {
        "format": 1,
        "run_id": "ab12",
        "program": "ring.py",
        "n_node": 1,
        "exit_code": 1,
        "seconds": 1.5234,
        "cause": {
            "headline": "node 0 on localhost failed",
            "traceback": "Traceback",
            "node": 0,
            "peer": "localhost",
        },
        "nodes": [
            {
                "node": 0,
                "peer": "localhost",
                "exit_code": None,
                "signal": 9,
                "signal_name": "SIGKILL",
                "outcome": "failed",
                "reason": "",
                "seconds": 0.5,
                "stacks": "",
                "no_stacks": "",
                "post_mortem": None,
                "program": "",
                "output": "ü\n",
            }
        ],
        "notes": ["n"],
        "phases": [],
        "records": [],
        "collected": [],
        "collected_in": "",
    } == json.loads(render_json(result, ["ü\n"]))


def names_in(value: object) -> set[str]:
    """The names of all objects in a JSON value."""
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    if isinstance(value, dict):
        return value.keys() | set().union(*map(names_in, value.values()))
    return set()


def test_the_page_has_every_name_of_the_json() -> None:
    """docs/reports.md: each name that can occur, and no other in the first column of its tables."""
    post_mortem = PostMortem(0.1, 0.0, "", "", "", None)
    sampled = NodeRecord(
        samples=(Sample(0.1, 0.1, 1),), exchanges=(Exchange(1, 2, 3, 4),), n_call=5
    )
    result = replace(
        run(
            node(0, "failed", signal=9, exit_code=None, post_mortem=post_mortem),
            cause=Cause("h", "t", 0, "h1"),
        ),
        collected=(CollectedFile(0, "f", 1, "00"),),
        phases=(Phase("run", 0.0, 1.0, (("h1", 0.5),)),),
        records=(sampled,),
    )
    names = names_in(json.loads(render_json(result, [""])))
    page = (ROOT / "docs/reports.md").read_text("utf-8")
    section = page.partition("## The JSON\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    in_backquotes = re.compile(r"`(\w+)`")
    first = {name for row in rows for name in in_backquotes.findall(row.split("|")[1])}
    assert set() == names - {name for row in rows for name in in_backquotes.findall(row)}
    assert set() == first - names


@given(st.text(st.characters()))
def test_json_survives_any_output(output: str) -> None:
    """Any text is ASCII in the file and the same again when read."""
    text = render_json(run(node(0)), [output])
    assert text.isascii()
    assert output == json.loads(text)["nodes"][0]["output"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("r.txt", "text"), ("/tmp/a.b/r.JSON", "json"), ("x.json.txt", "text"), ("r.html", "html")],
)
def test_the_ending_chooses_the_format(path: str, expected: str) -> None:
    """`--report FILE` goes by the file's last ending."""
    assert expected == report_format(path)


@pytest.mark.parametrize("path", ["r.htm", "report", ".txt", "r.txt.gz", ""])
def test_another_ending_is_refused(path: str) -> None:
    """The sentence names the endings there are."""
    with pytest.raises(BadUsage, match=r"\.txt and JSON to one ending in \.json"):
        report_format(path)


@pytest.mark.parametrize(
    ("exit_code", "signal", "expected"),
    [
        (3, None, "exit code 3"),
        (None, 11, "killed by SIGSEGV (11)"),
        (None, 31, "killed by SIGSYS (31)"),
        (None, 40, "killed by signal (40)"),
        (None, 0, "killed by signal (0)"),
        (None, None, ""),
    ],
)
def test_ends_are_told_in_words(exit_code: int | None, signal: int | None, expected: str) -> None:
    """F-07: signals have their name and number."""
    assert expected == describe_end(exit_code, signal)


def test_files_that_came_back() -> None:
    """The first files are listed, names made plain, and the rest is counted."""
    files = tuple(CollectedFile(node, "a\x1b", 1000, "00") for node in range(25))
    lines = collected_lines(replace(run(node(0)), collected=files, collected_in="out/1"))
    assert "25 files brought back into out/1 (25,000 bytes):" == lines[0]
    assert "  node 19  a\\x1b  1,000 bytes" == lines[20]
    assert ["  and 5 more"] == lines[21:]
    assert [] == collected_lines(run(node(0)))
