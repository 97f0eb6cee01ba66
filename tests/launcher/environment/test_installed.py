"""Which versions of packages this Python has."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from launcher.environment.installed import installed_versions


def test_versions() -> None:
    """By the package's name, or by that of the package which brings the module."""
    numpy, pytest_itself = (importlib.metadata.version(name) for name in ("numpy", "pytest"))
    assert [numpy, pytest_itself] == installed_versions(["numpy", "_pytest"])


@pytest.mark.parametrize("name", ["no_such_module", "", "../x", "a.b", "a b", "x" * 1000, "a\0"])
def test_what_is_not_there(name: str) -> None:
    """Whatever is asked for, an answer comes."""
    assert [""] == installed_versions([name])


def test_a_module_without_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there all the same."""
    (tmp_path / "of_no_package.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert ["of no known version"] == installed_versions(["of_no_package"])
