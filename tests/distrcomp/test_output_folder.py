"""The folder into which a node puts what shall be kept."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from distrcomp.output_folder import output_dir


def test_made_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a run it is where the agent says, and only its user may enter."""
    folder = tmp_path / "distrcomp-output" / "3"
    monkeypatch.setenv("DISTRCOMP_OUTPUT_DIR", str(folder))
    assert str(folder) == output_dir() == output_dir()
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)


def test_outside_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere it lies below the current folder, one for each node."""
    monkeypatch.delenv("DISTRCOMP_OUTPUT_DIR", raising=False)
    monkeypatch.setenv("DISTRCOMP_NODE_ID", "2")
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path / "distrcomp-output" / "2") == output_dir()
    assert (tmp_path / "distrcomp-output" / "2").is_dir()
