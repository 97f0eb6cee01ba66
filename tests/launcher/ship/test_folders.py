"""Private folders, locks and the system's errors."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

import pytest

from launcher.errors import CannotStart
from launcher.ship.folders import (
    claim,
    disk_errors,
    is_named,
    know_temporary_folder,
    names_in,
    open_private_folder,
    temporary_folder,
    unpredictable_name,
    write_all,
)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_made_private(tmp_path: Path) -> None:
    """S-41: a missing folder and its missing parents are made with mode 0700 under any umask."""
    before = os.umask(0)
    try:
        os.close(open_private_folder(tmp_path / "a/b"))
    finally:
        os.umask(before)
    assert (mode_of(tmp_path / "a"), mode_of(tmp_path / "a/b")) == (0o700, 0o700)


@pytest.mark.parametrize("name", ["TMPDIR", "TMP"])
def test_a_temporary_folder_is_known_untried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The first that is there, as tempfile would find it; one that nobody has is passed over."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    for each in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(each, str(tmp_path / "nothing"))
    monkeypatch.setenv(name, str(tmp_path))
    know_temporary_folder()
    assert str(tmp_path) == tempfile.tempdir == tempfile.gettempdir()


def test_tightened(tmp_path: Path) -> None:
    """A folder of ours that others may enter is closed to them."""
    (tmp_path / "a").mkdir(0o755)
    os.close(open_private_folder(tmp_path / "a"))
    assert mode_of(tmp_path / "a") == 0o700


@pytest.mark.parametrize("kind", ["link", "file"])
def test_no_folder(tmp_path: Path, kind: str) -> None:
    """S-42: a link, or a file, in the folder's place is refused."""
    (tmp_path / "real").mkdir()
    if kind == "link":
        (tmp_path / "a").symlink_to("real")
    else:
        (tmp_path / "a").touch()
    with pytest.raises(CannotStart, match="a link or a file"):
        open_private_folder(tmp_path / "a")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_foreign_folder(tmp_path: Path) -> None:
    """S-42: a folder that another user made beforehand is refused."""
    (tmp_path / "a").mkdir()
    os.chown(tmp_path / "a", 65534, 65534)
    with pytest.raises(CannotStart, match="belongs to user 65534"):
        open_private_folder(tmp_path / "a")


def test_unusable_place(tmp_path: Path) -> None:
    """F-40: a place where no folder can be made is named."""
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="file/a"):
        open_private_folder(tmp_path / "file" / "a")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk(number: int) -> None:
    """F-20: a full disk is said in words, with the place and the first error kept."""
    with (
        pytest.raises(CannotStart, match="no space left on /somewhere") as caught,
        disk_errors(Path("/somewhere")),
    ):
        raise OSError(number, "")
    assert isinstance(caught.value.__cause__, OSError)


def test_names_differ() -> None:
    """S-42: names are long, random and never the same."""
    assert len({unpredictable_name("run-") for _ in range(100)}) == 100
    assert len(unpredictable_name("run-")) == len("run-") + 32


def test_claim(tmp_path: Path) -> None:
    """One claim on a file excludes another until its descriptor is closed."""
    folder = open_private_folder(tmp_path)
    (tmp_path / "a").touch()
    one, other = (os.open(tmp_path / "a", os.O_RDONLY) for _ in range(2))
    assert claim(one, "a", folder)
    assert not claim(other, "a", folder)
    os.close(one)
    assert claim(other, "a", folder)
    os.close(other)
    os.close(folder)


def test_claim_of_removed(tmp_path: Path) -> None:
    """A file that was removed or replaced between opening and locking isn't ours."""
    folder = open_private_folder(tmp_path)
    (tmp_path / "a").touch()
    descriptor = os.open(tmp_path / "a", os.O_RDONLY)
    (tmp_path / "a").unlink()
    assert not claim(descriptor, "a", folder)
    (tmp_path / "b").touch()
    (tmp_path / "b").rename(tmp_path / "a")
    assert not is_named(descriptor, "a", folder)
    assert names_in(folder) == ["a"]
    os.close(descriptor)
    os.close(folder)


def test_write_all(tmp_path: Path) -> None:
    """All bytes arrive, though a pipe takes them in pieces."""
    target = os.open(tmp_path / "a", os.O_WRONLY | os.O_CREAT)
    write_all(target, b"x" * 100_000)
    write_all(target, b"")
    os.close(target)
    assert (tmp_path / "a").read_bytes() == b"x" * 100_000


def test_no_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing temporary can be written it is said what to do."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(CannotStart, match="set TMPDIR to a folder"):
        temporary_folder()
