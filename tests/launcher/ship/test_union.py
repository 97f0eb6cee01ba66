"""What several programs ship together."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.errors import BadUsage
from launcher.ship.bundle import Wanted
from launcher.ship.union import collect_all


def wanted(folder: Path, program: str, *include: str) -> Wanted:
    """A program and what is included."""
    return Wanted(Path(program), None, include, (), folder)


def test_all_that_each_ships(tmp_path: Path) -> None:
    """Each file once, with its first reason; each program's place."""
    for name, text in {"a.py": "import c", "b.py": "import c", "c.py": "", "d.txt": ""}.items():
        (tmp_path / name).write_text(text)
    bundle, entries = collect_all([wanted(tmp_path, "a.py", "d.txt"), wanted(tmp_path, "b.py")])
    assert ["a.py", "b.py", "c.py", "d.txt"] == [each.path for each in bundle.manifest.files]
    assert (("a.py", "b.py"), "a.py") == (entries, bundle.entry)
    assert "imported by a.py:1" == bundle.reasons["c.py"]
    assert all(each.sha256 in bundle.sources for each in bundle.manifest.files)


def test_a_clash_names_both_files(tmp_path: Path) -> None:
    """Two programs from elsewhere, each with a module of one name and another content."""
    here = tmp_path / "here"
    here.mkdir()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.py").write_text("import help_me")
        (tmp_path / name / "help_me.py").write_text(f"# {name}")
    both = [wanted(here, str(tmp_path / name / f"{name}.py")) for name in ("one", "two")]
    with pytest.raises(BadUsage, match=r"one/help_me.py and .*two/help_me.py would both lie at"):
        collect_all(both)
