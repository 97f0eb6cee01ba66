"""What a node says of the exception that ended it."""

from __future__ import annotations

import pytest

from distrcomp.last_words import summary


def test_the_summary_leaves_notes_out() -> None:
    """One line says what it is; what was added to it is below its traceback."""
    error = ValueError("boom")
    error.add_note("and a hint")
    assert summary(error) == "ValueError: boom"


def test_the_summary_of_a_syntax_error() -> None:
    """Its last line, for the others quote the program."""
    with pytest.raises(SyntaxError) as caught:
        compile("1 +", "prog.py", "exec")
    assert summary(caught.value) == "SyntaxError: invalid syntax"
