"""Files from agents on their way to this machine's disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

import pytest

from launcher import limits
from launcher.control.files import FilePart
from launcher.errors import CannotWrite, PeerRefused
from launcher.run.collection import Collection
from launcher.run.results import CollectedFile
from tests.launcher.run.course_kit import make_course

SHA256 = hashlib.sha256(b"one").digest()


def collection(folder: Path, *patterns: str) -> Collection:
    """One that takes all that these patterns mean."""
    return Collection(make_course(collect=patterns or (".",), collect_into=str(folder / "out")))


def whole(node: int, path: str, data: bytes = b"one") -> FilePart:
    """A file in one part."""
    return FilePart(node, path, data, True, hashlib.sha256(data).digest())


def files_below(folder: Path) -> list[str]:
    """All that lies there and is no folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def can_do_without_names(folder: Path) -> bool:
    """Whether the disk has files that have no name yet."""
    with contextlib.suppress(OSError):
        os.close(os.open(folder, os.O_WRONLY | os.O_TMPFILE))
        return True
    return False


@pytest.mark.parametrize("open_files", ["/proc/self/fd", "/nowhere"])
def test_files_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_files: str) -> None:
    """Files of several peers come in parts side by side, private, and are listed by node.

    What is not whole has no name, so it goes with a launcher that is killed, where that can be.
    """
    monkeypatch.setattr("launcher.run.collection._OPEN_FILES", open_files)
    made = collection(tmp_path)
    made.take(1, FilePart(2, "deep/er/x", b"on", False, b""))
    nameless = open_files != "/nowhere" and can_do_without_names(tmp_path)
    assert (0 if nameless else 1) == len(files_below(tmp_path))
    made.take(0, whole(1, "b"))
    made.take(1, FilePart(2, "deep/er/x", b"e", True, SHA256))
    made.take(0, whole(0, "b", b""))
    made.close()
    folder = tmp_path / "out" / (b"r" * 4).hex()
    assert str(folder) == made.folder
    assert ["0/b", "1/b", "2/deep/er/x"] == files_below(folder)
    assert b"one" == (folder / "2/deep/er/x").read_bytes()
    assert CollectedFile(2, "deep/er/x", 3, SHA256.hex()) == made.files[-1]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").rglob("*")}
    assert {0o600, 0o700} == modes


@pytest.mark.parametrize(
    "part",
    [
        whole(0, "../x.txt"),
        whole(0, "/abs.txt"),
        whole(0, "a/../../x.txt"),
        whole(0, "a\\x.txt"),
        whole(0, ""),
        whole(0, "."),
        whole(0, "a\0.txt"),
        whole(0, "\x1b[2J.txt"),
        whole(0, "y" * 5000 + ".txt"),
        whole(0, "not-asked-for"),
        whole(0, "deep/x.txt"),
        whole(0, "was.txt"),
        FilePart(0, "x.txt", b"one", True, bytes(32)),
        FilePart(0, "x.txt", b"one", True, b""),
        FilePart(0, "x.txt", b"", False, b""),
        whole(0, "was.txt/x.txt"),
    ],
)
def test_what_nobody_asked_for(tmp_path: Path, part: FilePart) -> None:
    """S-24: other names, climbing ones, more or other content: refused, and nothing is written."""
    made = collection(tmp_path, "*.txt", "was.txt")
    made.take(0, whole(0, "was.txt"))
    with pytest.raises(PeerRefused) as refused:
        made.take(0, part)
    assert str(refused.value).isprintable()
    made.close()
    assert ["was.txt"] == [Path(path).name for path in files_below(tmp_path)]


def test_interleaved(tmp_path: Path) -> None:
    """S-24: a peer sends one file after the other."""
    made = collection(tmp_path)
    made.take(0, FilePart(0, "a", b"x", False, b""))
    with pytest.raises(PeerRefused, match="before another file was whole"):
        made.take(0, whole(0, "b"))
    made.close()
    assert [] == list(tmp_path.iterdir())


def test_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-24, S-18: files and bytes are counted over all peers."""
    monkeypatch.setattr(limits, "COLLECTED_FILES_MAX", 2)
    monkeypatch.setattr(limits, "COLLECTED_BYTES_MAX", 5)
    made = collection(tmp_path)
    made.take(0, whole(0, "a"))
    with pytest.raises(PeerRefused, match="more than 5 bytes"):
        made.take(1, whole(2, "a"))
    with pytest.raises(PeerRefused, match="more than 2 files"):
        made.take(0, whole(0, "c"))
    made.close()
    assert 1 == len(files_below(tmp_path))


def test_links_are_not_followed(tmp_path: Path) -> None:
    """S-24: a link that somebody puts into the folder meanwhile leads nowhere."""
    made = collection(tmp_path)
    made.take(0, whole(0, "a"))
    (Path(made.folder) / "1").symlink_to(tmp_path)
    with pytest.raises(PeerRefused, match="contradicts"):
        made.take(0, whole(1, "b"))
    made.close()
    assert not (tmp_path / "b").exists()


def test_no_room(tmp_path: Path) -> None:
    """A disk that doesn't take a file is one sentence, and no part of the file stays (F-20)."""
    made = collection(tmp_path)
    made.take(0, FilePart(0, "a", b"x", False, b""))
    os.close(made._coming[0].descriptor)
    made._coming[0].descriptor = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(CannotWrite, match="No space left on device"):
        made.take(0, FilePart(0, "a", b"y", True, b""))
    made.close()
    assert [] == list(tmp_path.iterdir())


def test_a_folder_of_that_name(tmp_path: Path) -> None:
    """What lies there of another run is not touched."""
    (tmp_path / "out" / (b"r" * 4).hex()).mkdir(parents=True)
    made = collection(tmp_path)
    made.take(0, whole(0, "a"))
    made.close()
    assert str(tmp_path / "out" / (b"r" * 16).hex()) == made.folder


def test_a_file_of_that_name(tmp_path: Path) -> None:
    """What stands in the way here is not laid at the peer's door."""
    (tmp_path / "out").touch()
    made = collection(tmp_path)
    with pytest.raises(CannotWrite, match=r"out: something that is no folder has that name"):
        made.take(0, whole(0, "a"))
