"""Text from elsewhere made harmless for a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.run.plain import counted, listed, node_list, plain, plain_lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h1.example", "h1.example"),
        ("\x1b]52;c;aGk=\x07", r"\x1b]52;c;aGk=\x07"),
        ("good\rbad", r"good\rbad"),
        ("one\ntwo", r"one\ntwo"),
        ("\x9b2J", r"\x9b2J"),
        ("abc\u202egpj", r"abc\u202egpj"),
        ("\udcff", r"\udcff"),
        ("Grüße 机器", "Grüße 机器"),
    ],
)
def test_plain_escapes_what_a_terminal_would_obey(text: str, expected: str) -> None:
    """S-37: escape sequences, carriage returns, C1 and bidi characters are shown, not obeyed."""
    assert expected == plain(text)


@given(st.text(st.characters()))
def test_plain_text_is_printable_and_stays_as_it_is(text: str) -> None:
    """S-37: the result is printable whatever came in, and making it plain again changes nothing."""
    once = plain(text)
    assert once.isprintable()
    assert once == plain(once)


def test_plain_lines_keeps_line_feeds_and_expands_tabs() -> None:
    """A traceback keeps its lines; nothing else of control passes."""
    assert "a\n        b\\x1b\n" == plain_lines("a\n\tb\x1b\n")


def test_counted_uses_the_plural() -> None:
    """One is singular; thousands are parted."""
    assert ["0 nodes", "1 node", "2,000 nodes"] == [counted(n, "node") for n in (0, 1, 2000)]


def test_listed_counts_the_surplus_and_makes_names_plain() -> None:
    """A long list ends with a count, and no name reaches the terminal raw."""
    assert r"a\r, b and 2 more" == listed(["a\r", "b", "c", "d"], shown_max=2)
    assert "a, b" == listed(["a", "b"], shown_max=2)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([5], "node 5"),
        ([0, 1], "nodes 0 and 1"),
        ([0, 1, 2], "nodes 0 to 2"),
        ([0, 2, 3, 4, 5, 9], "nodes 0, 2 to 5 and 9"),
    ],
)
def test_node_lists_fold_runs(nodes: list[int], expected: str) -> None:
    """Three neighbours or more are a range."""
    assert expected == node_list(nodes)
