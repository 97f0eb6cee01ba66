"""distrcomp.mpi.package: what `mpi4py` offers besides its modules."""

from __future__ import annotations

from pathlib import Path

import pytest

import distrcomp.mpi as mpi4py


def test_version() -> None:
    """It is mpi4py's whose interface this is."""
    assert mpi4py.__version__ == "4.1.2"


def test_nothing_to_compile_against() -> None:
    """There are no headers, and nothing was configured."""
    assert mpi4py.get_config() == {}
    with pytest.raises(NotImplementedError, match="get_include"):
        mpi4py.get_include()


@pytest.mark.parametrize("name", ["libvt.so", "vt", b"vt"])
def test_profile_finds_and_warns(tmp_path: Path, name: str | bytes) -> None:
    """A library that is there is not loaded, and that is said."""
    (tmp_path / "libvt.so").touch()
    with pytest.warns(UserWarning, match=r"libvt\.so is not loaded"):
        mpi4py.profile(name, path=tmp_path)
    with pytest.warns(UserWarning, match=r"libvt\.so is not loaded"):
        mpi4py.profile(name, path=["/nowhere", str(tmp_path).encode()])


def test_profile_of_nothing() -> None:
    """A library that isn't there is a mistake."""
    with pytest.raises(ValueError, match="no profiling library 'vt'"):
        mpi4py.profile("vt", path="/nowhere")


def test_unknown_names() -> None:
    """The package has the names of mpi4py's and no others."""
    with pytest.raises(AttributeError):
        _ = mpi4py.shmem
