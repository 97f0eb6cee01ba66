"""Which paths patterns mean, by the paths alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.errors import BadUsage
from launcher.ship.ignore import IgnoreRules
from launcher.ship.include import included_files
from launcher.ship.patterns import Patterns

FILES = ("a.txt", "b", ".env", "d/a.txt", "d/e/a.txt", "d/e/.hidden", "d/.c/x", "e/a.txt")
PARTS = st.sampled_from(["*", "**", "a.txt", "d", "e", "?", ".e*", "[!a]", ".c", "x", "*.txt"])


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with these files."""
    folder = tmp_path_factory.mktemp("tree")
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@given(parts=st.lists(PARTS, min_size=1, max_size=4))
def test_as_include(tree: Path, parts: list[str]) -> None:
    """A pattern means the files that `--include` would find by it."""
    pattern = "/".join(parts)
    try:
        expected = included_files(pattern, tree, IgnoreRules([]))
    except BadUsage:
        expected = []
    wanted = Patterns([pattern])
    assert expected == sorted(path for path in FILES if wanted.match(path))


def test_several() -> None:
    """A path is meant when one of the patterns means it; `.` means all."""
    assert Patterns(["x", "b"]).match("b")
    assert not Patterns([]).match("b")
    assert Patterns(["."]).match("d/.c/x")


@pytest.mark.parametrize("pattern", ["", "/etc/passwd", "../x", "a/../../x", "a\0b"])
def test_no_pattern(pattern: str) -> None:
    """What leaves the folder, or is none, is refused (S-24)."""
    with pytest.raises(BadUsage, match="no pattern"):
        Patterns([pattern])


def test_many_wildcards() -> None:
    """A pattern of nothing but `**` and `*` takes no time (S-16)."""
    wanted = Patterns(["/".join(["**", "*"] * 50) + "/x"])
    assert not wanted.match("a/" * 500 + "y")
