"""What a machine tells of itself."""

from __future__ import annotations

import os
from pathlib import Path

import distrcomp
from distrcomp.examination.facts import machine_facts


def test_this_machine() -> None:
    """Versions, cores, memory, disk and limits are all known here."""
    facts = machine_facts()
    assert distrcomp.__version__ == facts["distrcomp"]
    assert None not in [facts[name] for name in ("numpy", "memory_bytes", "disk_free_bytes")]
    assert 1 <= facts["cores"] <= (os.cpu_count() or 1)
    assert 0 < facts["memory_free_bytes"] <= facts["memory_bytes"]


def test_what_cannot_be_known(tmp_path: Path) -> None:
    """Where /proc is missing or strange, or the folder is gone, it is said that it is not known."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 12 apples\nnonsense\nMemAvailable:\n")
    facts = machine_facts(str(tmp_path), str(tmp_path / "gone"))
    names = ("memory_bytes", "memory_free_bytes", "disk_free_bytes")
    assert [None, None, None] == [facts[name] for name in names]
