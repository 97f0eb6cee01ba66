"""What a fork server has settled for all that it forks."""

from __future__ import annotations

import pytest

from launcher.agent.spawning import read_at_start


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PYTHONHASHSEED", True),
        ("LC_ALL", True),
        ("LD_PRELOAD", True),
        ("MALLOC_ARENA_MAX", True),
        ("OPENBLAS_CORETYPE", True),
        ("OPENBLAS_NUM_THREADS", False),  # which a node sets anew
        ("LANG", True),
        ("TZ", True),
        ("HOME", True),
        ("LANGUAGES", False),
        ("PATH", False),
        ("", False),
    ],
)
def test_read_at_start(name: str, expected: bool) -> None:
    """Of the variables those count that a process looks at once, when it starts."""
    assert ({name: "x"} if expected else {}) == read_at_start({name: "x"})
