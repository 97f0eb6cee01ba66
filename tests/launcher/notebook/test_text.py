"""What a notebook shows of its nodes."""

from __future__ import annotations

from launcher.notebook.text import cell_text, failure_text

PEERS = ["h1", "h1", "h2", "h\x1b2"]


def test_blocks_in_node_order() -> None:
    """Output, result, traceback; nodes that show the same together, silent ones not at all."""
    answers = {
        0: {"result": "1"},
        1: {"result": "1"},
        2: {"error": "ValueError: x", "traceback": "Traceback\nValueError: x\n"},
        3: {"result": ""},
    }
    text = cell_text(PEERS, ["", "", "half", ""], answers, ["Deadlock"])
    assert (
        "--------(Nodes 0 and 1)--------\nOut: 1\n"
        "--------(Node 2  h2)--------\nhalf\nTraceback\nValueError: x\nDeadlock\n"
    ) == text
    assert "--------(Node 3  h\\x1b2)--------\nx\n" == cell_text(PEERS, ["", "", "", "x\n"], {})


def test_failures_in_a_sentence() -> None:
    """Each error once, with its nodes; none where none failed."""
    answers = {0: {"error": "E"}, 1: {"result": "1"}, 2: {"error": "F"}, 3: {"error": "E"}}
    assert "nodes 0 and 3: E; node 2: F" == failure_text(answers)
    assert "" == failure_text({1: {"result": "1"}})
