"""Join lines: whole, damaged and foreign."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.cluster.join_line import JoinLine, parse_join_line
from launcher.errors import BadUsage

LINE = JoinLine("h1.example.org", 6970, bytes(range(32)), b"0123456789abcdef", 1_800_000_000)
LINES = st.builds(
    JoinLine,
    st.sampled_from(["h1", "10.0.0.1", "fe80::1%eth0", "x" * 63]),
    st.integers(1, 65535),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**40 - 1),
)


@given(LINES)
def test_round_trip(line: JoinLine) -> None:
    """A line is one word without anything a shell would touch, and is read back."""
    assert re.fullmatch(r"dcj1\.[A-Za-z0-9_-]+\.[0-9a-f]{8}", line.text)
    assert line == parse_join_line(line.text)


def test_white_space() -> None:
    """What a terminal's line break leaves in a pasted line does not matter."""
    assert LINE == parse_join_line(f"  {LINE.text[:40]}\r\n  {LINE.text[40:]}\n")


def test_every_altered_character() -> None:
    """One character off, anywhere, is noticed (S-13), and the message does not repeat the line."""
    for index, character in enumerate(LINE.text):
        for other in ("A" if character != "A" else "B", "=", "ä", ""):
            with pytest.raises(BadUsage, match=r"join line") as raised:
                parse_join_line(LINE.text[:index] + other + LINE.text[index + 1 :])
            assert LINE.text[10:20] not in str(raised.value)


def test_every_truncation() -> None:
    """A line that was cut anywhere is noticed, as is one with something after it."""
    for text in (*(LINE.text[:end] for end in range(len(LINE.text))), LINE.text + "0"):
        with pytest.raises(BadUsage, match=r"join line"):
            parse_join_line(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "this is not a join line: one begins with dcj1"),
        ("ssh-rsa AAAA", "this is not a join line"),
        ("dcj2.AAAA.00000000", "of another version of distrcomp"),
        ("dcj1", "is damaged: copy it whole"),
        ("dcj1.." + "0" * 8, "is damaged"),
        ("dcj1." + "A" * 100_000 + ".00000000", "is damaged"),
    ],
)
def test_foreign(text: str, said: str) -> None:
    """What is no join line gets a sentence that says so."""
    with pytest.raises(BadUsage, match=said):
        parse_join_line(text)


@given(st.one_of(st.text(), st.text().map(lambda text: f"dcj1.{text}"), st.binary().map(repr)))
def test_any_text(text: str) -> None:
    """From any text comes BadUsage, nothing else."""
    with pytest.raises(BadUsage):
        parse_join_line(text)


@pytest.mark.parametrize(
    "line",
    [
        JoinLine("H1", 6970, bytes(32), bytes(16), 0),
        JoinLine("-x", 6970, bytes(32), bytes(16), 0),
        JoinLine("h1", 0, bytes(32), bytes(16), 0),
        JoinLine("h1", 65536, bytes(32), bytes(16), 0),
        JoinLine("h1", 6970, bytes(31), bytes(16), 0),
        JoinLine("h1", 6970, bytes(32), bytes(15), 0),
        JoinLine("h1", 6970, bytes(32), bytes(16), -1),
        JoinLine("h1", 6970, bytes(32), bytes(16), 2**40),
    ],
)
def test_unsound(line: JoinLine) -> None:
    """A line with a right check and wrong contents is refused."""
    with pytest.raises(BadUsage, match=r"damaged"):
        parse_join_line(line.text)


def test_token_is_not_shown() -> None:
    """Printing a line, as a log or a traceback would, does not show its token."""
    assert "0123456789abcdef" not in repr(LINE)
