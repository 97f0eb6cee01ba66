"""Which command lines start a fork server before anything else."""

from __future__ import annotations

import pytest

from launcher.agent.spawning import wants_server


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("run prog.py", True),
        ("run -n 4 prog.py --peers peers.txt", True),
        ("run -n 4 -m package", True),
        ("run -c pass", True),
        ("run -n 4 sh -c pass", True),  # a guess that costs nothing but its while
        ("run --peers peers.txt prog.py", False),
        ("run --hostfile=peers.txt prog.py", False),
        ("run -H one,two prog.py", False),
        ("run --cold prog.py", False),
        ("run --dry-run prog.py", False),
        ("run --engine mpi prog.py", False),
        ("run", False),
        ("run ./a.out", False),
        ("ps", False),
        ("", False),
    ],
)
def test_wants_server(words: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python program on this machine, as far as one can tell without loading the command line."""
    monkeypatch.delenv("DISTRCOMP_PEERS", raising=False)
    assert expected == wants_server(words.split())


@pytest.mark.parametrize("name", ["DISTRCOMP_PEERS", "DISTRCOMP_RUN_HOST", "DISTRCOMP_RUN_DRY_RUN"])
def test_variables_count(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What options would say may stand in the environment."""
    monkeypatch.setenv(name, "1")
    assert not wants_server(["run", "prog.py"])
