"""Which Python fulfils what a program requires."""

from __future__ import annotations

import pytest

from launcher.environment.pythons import fulfils
from launcher.errors import BadUsage


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ("", True),
        (">=3.11", True),
        (">=3.11.7", True),
        (">=3.11.8", False),
        (">3.11", True),
        (">3.11.7", False),
        ("<3.12", True),
        ("<3.11.7", False),
        ("<=3.11.7", True),
        ("<=3.11", False),
        ("==3.11.*", True),
        ("==3.11", False),
        ("==3.11.7", True),
        ("===3.11.7", True),
        ("!=3.11.*", False),
        ("!=3.12.*", True),
        ("!=3.11.7", False),
        ("~=3.11", True),
        ("~=3.11.2", True),
        ("~=3.12", False),
        ("~=3.10.1", False),
        (">= 3.9 , < 4", True),
        (">=3.9,<3.11", False),
        (">=3.12.0rc1", False),
        (">=3.11.7rc1", True),
    ],
)
def test_clauses(clauses: str, expected: bool) -> None:
    """Each operator, on Python 3.11.7."""
    assert expected is fulfils("3.11.7", clauses)


def test_what_is_not_out_yet() -> None:
    """A release candidate comes before its release; a build after its tag counts as it."""
    assert not fulfils("3.14.0rc2", ">=3.14")
    assert fulfils("3.14.0rc2+", ">=3.14.0rc1")


@pytest.mark.parametrize("clauses", ["3.11", ">=three", ">=3.11;", "~3.11", ">=3.*", ",", "^3.11"])
def test_what_is_not_understood(clauses: str) -> None:
    """It is said, with what it looks like when it is right."""
    with pytest.raises(BadUsage, match="requires-python"):
        fulfils("3.11.7", clauses)
