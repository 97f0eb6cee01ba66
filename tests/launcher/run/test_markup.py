"""Text and data in a page (S-31, S-37)."""

from __future__ import annotations

import html
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.run.markup import data, printed, told
from tests.launcher.run.record_kit import CANARIES


@pytest.mark.parametrize("canary", CANARIES)
def test_names_become_text(canary: str) -> None:
    """S-31: no markup and no character that moves anything is left of a name."""
    shown = told(canary)
    assert not set("<>\"'\x1b\0\u202e\u2066\x9b") & set(shown)
    assert html.unescape(shown).isprintable()


@given(st.text(st.characters()))
def test_data_ends_no_element(text: str) -> None:
    """S-31: any text in JSON is ASCII without a `<`, and the same again when it is read."""
    shown = data([text])
    assert shown.isascii()
    assert "<" not in shown
    assert [text] == json.loads(shown)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[1;31mred\x1b[0m\tx\r\n", "red\tx\n"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\u202eb\u2069\0\x85", "a\\u202eb\\u2069\\x00\\x85"),
        ("Grüße, 世界 👩‍💻\u3000<b>", "Grüße, 世界 👩‍💻\u3000<b>"),
    ],
)
def test_output_keeps_its_letters(text: str, expected: str) -> None:
    """S-37: colours go, what controls a display is shown, everything that can be read stays."""
    assert expected == printed(text)
