"""Locks that are taken again within minutes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.environment.lock import parse_lock
from launcher.environment.need import Need
from launcher.environment.remembered import Remembered

TEXT = f"""[[packages]]
name = "six"
version = "1.0"
wheels = [{{ url = "https://h/six-1.0-py3-none-any.whl", hashes = {{ sha256 = "{"1" * 64}" }} }}]
"""
LOCK = parse_lock(TEXT)


def need_of(folder: Path, packages: tuple[str, ...] = ("six",)) -> Need:
    """A need of these packages."""
    return Need((), (), packages, "", folder)


def test_found_again(tmp_path: Path) -> None:
    """The same question has the same answer, from a private file."""
    kept, need = tmp_path / "kept", need_of(tmp_path)
    assert Remembered(kept, need, None, {}).find() is None
    Remembered(kept, need, None, {}).keep(TEXT, LOCK)
    assert LOCK == Remembered(kept, need, None, {"HOME": "/x"}).find()
    (file,) = kept.iterdir()
    assert (0o700, 0o600) == (kept.stat().st_mode & 0o777, file.stat().st_mode & 0o777)


def test_another_question(tmp_path: Path) -> None:
    """Other packages, another Python, index, folder or file: nothing is known of that."""
    need = need_of(tmp_path)
    Remembered(tmp_path, need, None, {}).keep(TEXT, LOCK)
    file = tmp_path / "needs.txt"
    file.write_text("six")
    others = [
        Remembered(tmp_path, need_of(tmp_path, ("six", "rich")), None, {}),
        Remembered(tmp_path, need, "3.99", {}),
        Remembered(tmp_path, need, None, {"UV_INDEX": "http://x/"}),
        Remembered(tmp_path, need_of(tmp_path / "other"), None, {}),
        Remembered(tmp_path, replace(need, requirements=(file,)), None, {}),
    ]
    assert [None] * 5 == [each.find() for each in others]


def test_what_a_program_says(tmp_path: Path) -> None:
    """Its block is part of the question, its code is not."""
    program = tmp_path / "prog.py"
    need = replace(need_of(tmp_path, ()), programs=(program,))
    block = '# /// script\n# dependencies = ["six"]\n# ///\n'
    program.write_text(block)
    Remembered(tmp_path, need, None, {}).keep(TEXT, LOCK)
    program.write_text(f"{block}print()\n")
    assert LOCK == Remembered(tmp_path, need, None, {}).find()
    program.write_text(block.replace("six", "rich"))
    assert Remembered(tmp_path, need, None, {}).find() is None


def test_not_for_long(tmp_path: Path) -> None:
    """An old one is not taken, and is cleared away when another is kept."""
    need, other = need_of(tmp_path), need_of(tmp_path, ("rich",))
    Remembered(tmp_path, need, None, {}).keep(TEXT, LOCK)
    (file,) = tmp_path.iterdir()
    os.utime(file, (1, 1))
    assert Remembered(tmp_path, need, None, {}).find() is None
    Remembered(tmp_path, other, None, {}).keep(TEXT, LOCK)
    assert not file.exists()


@pytest.mark.parametrize(
    "package", ["./six.whl", "six @ file:///x/six.whl", "../dist/six.whl", "six @ https://h/x.whl"]
)
def test_what_may_change(tmp_path: Path, package: str) -> None:
    """A file that is named may be another one next time."""
    need = need_of(tmp_path, (package,))
    Remembered(tmp_path, need, None, {}).keep(TEXT, LOCK)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("line", ["-r other.txt", "-c other.txt", "-e .", "--requirement=x"])
def test_files_that_name_others(tmp_path: Path, line: str) -> None:
    """So may one that a file of requirements names."""
    file = tmp_path / "needs.txt"
    file.write_text(f"six\n{line}\n")
    need = replace(need_of(tmp_path, ()), requirements=(file,))
    Remembered(tmp_path / "kept", need, None, {}).keep(TEXT, LOCK)
    assert not (tmp_path / "kept").exists()


def test_one_that_is_damaged(tmp_path: Path) -> None:
    """It is as good as none."""
    need = need_of(tmp_path)
    Remembered(tmp_path, need, None, {}).keep(TEXT, LOCK)
    (file,) = tmp_path.iterdir()
    file.write_text("[[[")
    assert Remembered(tmp_path, need, None, {}).find() is None
