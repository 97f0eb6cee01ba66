"""The sandbox, against programs that do as they like in it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.agent.sandbox import Sandbox, sweep
from launcher.errors import BadManifest, CannotStart
from launcher.ship.manifest import FileEntry, Manifest
from launcher.ship.store import Store
from tests.launcher.ordinary_user import ordinary_folder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with contextlib.closing(Store(tmp_path / "store", 10**6)) as made:
        yield made


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """An empty sandbox, removed afterwards."""
    made = Sandbox.create(tmp_path / "runs")
    yield made
    made.remove()


def manifest_of(store: Store, files: dict[str, str], mode: int = 0o600) -> Manifest:
    """A manifest whose contents lie in the store."""
    entries = []
    for path, text in files.items():
        content = text.encode()
        entry = FileEntry(path, mode, len(content), hashlib.sha256(content).digest())
        writer = store.writer(entry)
        writer.write(content)
        writer.commit()
        entries.append(entry)
    return Manifest(tuple(entries))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def descriptors() -> int:
    return len(names(Path("/proc/self/fd")))


def test_create(tmp_path: Path) -> None:
    """S-42: a sandbox has a random name and is its user's alone, as the folder around it."""
    before = os.umask(0)
    try:
        one, other = Sandbox.create(tmp_path / "a/runs"), Sandbox.create(tmp_path / "a/runs")
    finally:
        os.umask(before)
    assert one.path != other.path
    assert {mode_of(path) for path in (one.path, one.path.parent, tmp_path / "a")} == {0o700}
    assert one.path.name.startswith("run-")
    assert one.remove() == other.remove() == []
    assert names(tmp_path / "a/runs") == []


def test_lay(sandbox: Sandbox, store: Store) -> None:
    """S-22: files are ours and lie in private folders with content and mode, under any umask."""
    manifest = manifest_of(store, {"ring.py": "1", "a/b/c.py": "2", "a/d.py": "3"}, mode=0o700)
    before = os.umask(0o277)
    try:
        sandbox.lay(manifest, store)
    finally:
        os.umask(before)
    assert (sandbox.path / "a/b/c.py").read_text() == "2"
    assert mode_of(sandbox.path / "ring.py") == 0o700
    assert (sandbox.path / "ring.py").stat().st_uid == os.geteuid()
    assert mode_of(sandbox.path / "a/b") == 0o700


def test_copies(sandbox: Sandbox, store: Store) -> None:
    """A program that changes its files doesn't change the store, nor a file of equal content."""
    manifest = manifest_of(store, {"a": "same", "b": "same"})
    sandbox.lay(manifest, store)
    (sandbox.path / "a").write_text("new!")
    assert (sandbox.path / "b").read_text() == "same"
    with store.open(manifest.files[0].sha256) as file:
        assert file.read() == b"same"


@pytest.mark.parametrize("path", ["../x", "/tmp/distrcomp-x", "a/../../x", ""])
def test_lay_checks(sandbox: Sandbox, store: Store, path: str) -> None:
    """S-20: a manifest that climbs out is refused here too, before anything is laid."""
    good = manifest_of(store, {"good": "1"}).files[0]
    with pytest.raises(BadManifest, match="refused"):
        sandbox.lay(Manifest((good, FileEntry(path, 0o600, good.size, good.sha256))), store)
    assert names(sandbox.path) == []
    assert names(sandbox.path.parent) == [sandbox.path.name]


def test_lay_through_link(sandbox: Sandbox, store: Store, tmp_path: Path) -> None:
    """S-21: neither a file nor a folder is laid through a link that lies there already."""
    (sandbox.path / "a").symlink_to(tmp_path)
    (sandbox.path / "b").symlink_to(tmp_path / "b")
    for path in ("a/x", "b"):
        with pytest.raises(CannotStart):
            sandbox.lay(manifest_of(store, {path: "1"}), store)
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "b").exists()


def test_lay_lacking_content(sandbox: Sandbox, store: Store) -> None:
    """What the store has damaged, or no more, is named and not laid; the rest is."""
    manifest = manifest_of(store, {"a": "one", "b/c": "one", "d": "two", "e": "three"})
    a, c, d, _ = manifest.files
    (store.folder / a.sha256.hex()).write_text("eno")
    (store.folder / d.sha256.hex()).unlink()
    assert [a, d, c] == sandbox.lay(manifest, store)
    assert ["e"] == sorted(path.name for path in sandbox.path.rglob("*") if path.is_file())
    manifest_of(store, {"a": "one", "d": "two"})
    assert [] == sandbox.lay(Manifest((a, d, c)), store)
    assert "one" == (sandbox.path / "b/c").read_text()


def test_foreign_files(sandbox: Sandbox, store: Store) -> None:
    """New and changed regular files are the program's; laid ones, caches and links are not."""
    sandbox.lay(manifest_of(store, {"a": "1", "b/c": "2", "b/d": "3"}), store)
    assert sandbox.foreign_files(10) == ([], 0)
    (sandbox.path / "b/c").write_text("longer")
    os.utime(sandbox.path / "b/d", (1, 1))
    for name in ("z", "new/x", "__pycache__/a.pyc", "b/__pycache__/c.pyc"):
        (sandbox.path / name).parent.mkdir(exist_ok=True)
        (sandbox.path / name).touch()
    (sandbox.path / "link").symlink_to("a")
    (sandbox.path / "out").symlink_to("/etc")
    os.mkfifo(sandbox.path / "pipe")
    assert sandbox.foreign_files(10) == (["z", "b/c", "b/d", "new/x"], 4)
    assert sandbox.foreign_files(2) == (["z", "b/c"], 4)


def test_foreign_names(sandbox: Sandbox) -> None:
    """A name that is no text is given as text all the same: it has to travel."""
    (sandbox.path / os.fsdecode(b"\xff")).touch()
    assert sandbox.foreign_files(10) == (["\\xff"], 1)


def test_foreign_files_in_closed_folders(tmp_path: Path) -> None:
    """F-41: a folder without rights is passed over."""
    with ordinary_folder(tmp_path) as parent:
        sandbox = Sandbox.create(parent)
        (sandbox.path / "closed").mkdir(0)
        (sandbox.path / "z").touch()
        sandbox.path.chmod(0)
        assert sandbox.foreign_files(10) == (["z"], 1)
        assert sandbox.remove() == []


def test_remove_follows_no_link(sandbox: Sandbox, tmp_path: Path) -> None:
    """S-25: links in the sandbox go, what they lead to stays."""
    outside = tmp_path / "outside"
    (outside / "sub").mkdir(parents=True)
    (outside / "file").touch()
    (sandbox.path / "deep").mkdir()
    for number, target in enumerate([str(outside), f"{outside}/file", "/", ".", "nowhere"]):
        (sandbox.path / f"deep/{number}").symlink_to(target)
    os.link(outside / "file", sandbox.path / "hard")
    os.mkfifo(sandbox.path / "pipe")
    assert sandbox.remove() == []
    assert not sandbox.path.exists()
    assert names(outside) == ["file", "sub"]


def test_remove_after_swap(sandbox: Sandbox, tmp_path: Path) -> None:
    """S-25: when the program puts a link in the sandbox's place, the link goes and no more."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    (sandbox.path / "mine").touch()
    moved = sandbox.path.rename(tmp_path / "moved")
    sandbox.path.symlink_to(outside)
    assert sandbox.remove() == []
    assert not sandbox.path.is_symlink()
    assert names(outside) == ["file"]
    assert names(moved) == []


def test_remove_after_replacement(sandbox: Sandbox, tmp_path: Path) -> None:
    """A folder that isn't the sandbox is not touched, though it has its name."""
    sandbox.path.rename(tmp_path / "moved")
    sandbox.path.mkdir()
    (sandbox.path / "file").touch()
    assert sandbox.remove() == [sandbox.path]
    assert names(sandbox.path) == ["file"]


def test_remove_without_rights(tmp_path: Path) -> None:
    """F-41: folders of any mode are removed, with what is in them."""
    with ordinary_folder(tmp_path) as parent:
        sandbox = Sandbox.create(parent)
        for mode in (0, 0o100, 0o200, 0o400, 0o500, 0o600):
            inner = sandbox.path / f"{mode:o}" / "inner"
            inner.mkdir(parents=True)
            (inner / "file").touch()
            inner.chmod(mode)
            inner.parent.chmod(mode)
        sandbox.path.chmod(0)
        assert sandbox.remove() == []
        assert names(parent) == []


def test_remove_deep(tmp_path: Path) -> None:
    """A chain of folders deeper than any path, stack or table of descriptors is removed."""
    sandbox = Sandbox.create(tmp_path)
    before = descriptors()
    folder = os.open(sandbox.path, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("deeper", dir_fd=folder)
        inner = os.open("deeper", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(os.open("file", os.O_CREAT, dir_fd=folder))
    os.close(folder)
    assert sandbox.foreign_files(10) == ([], 0)
    assert sandbox.remove() == []
    assert not sandbox.path.exists()
    assert descriptors() == before - 2


def test_remove_twice(sandbox: Sandbox) -> None:
    """Removing again does nothing."""
    assert sandbox.remove() == []
    assert sandbox.remove() == []


def test_remove_leftover(sandbox: Sandbox) -> None:
    """F-41: what can't be removed is told by its path, the rest goes, and a sweep tries again."""
    mounted = sandbox.path / "a/mounted"
    mounted.mkdir(parents=True)
    (sandbox.path / "b").touch()
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(mounted)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount, and here it may not")
    try:
        (mounted / "file").touch()
        assert sandbox.remove() == [mounted]
        assert not (sandbox.path / "b").exists()
        assert sweep(sandbox.path.parent) == []
        (left,) = sandbox.path.glob("*/mounted/file")
    finally:
        places = [str(path) for path in sandbox.path.glob("*/mounted")]
        subprocess.run(["umount", *places], check=True)
    assert sweep(sandbox.path.parent) == [sandbox.path]
    assert not left.exists()


AGENT = """
import sys
from pathlib import Path
from launcher.agent.sandbox import Sandbox
print(Sandbox.create(Path(sys.argv[1])).path, flush=True)
sys.stdin.read()
"""


@pytest.mark.processes
def test_sweep(tmp_path: Path) -> None:
    """F-02: the sandbox of a killed agent is removed, a living one's is not."""
    mine = Sandbox.create(tmp_path)
    agent = [sys.executable, "-c", AGENT, str(tmp_path)]
    with subprocess.Popen(
        agent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        theirs = Path(process.stdout.readline().strip())
        (theirs / "a/b").mkdir(parents=True)
        (theirs / "a/b/file").touch()
        assert sweep(tmp_path) == []
        process.send_signal(signal.SIGKILL)
    assert sweep(tmp_path) == [theirs]
    assert names(tmp_path) == [mine.path.name]
    assert mine.remove() == []


def test_sweep_odd_entries(tmp_path: Path) -> None:
    """S-25: a sweep removes links and files with a sandbox's name, and touches nothing else."""
    parent, outside = tmp_path / "runs", tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    sandbox = Sandbox.create(parent)
    (parent / "run-link").symlink_to(outside)
    (parent / "run-file").touch()
    (parent / "other").mkdir()
    assert sweep(parent) == [parent / "run-file", parent / "run-link"]
    assert names(parent) == sorted(["other", sandbox.path.name])
    assert names(outside) == ["file"]
    assert sandbox.remove() == []


def test_sweep_nothing(tmp_path: Path) -> None:
    """A sweep of a folder that isn't there yet makes it."""
    assert sweep(tmp_path / "runs") == []
    assert mode_of(tmp_path / "runs") == 0o700


def test_descriptors_given_back(tmp_path: Path, store: Store) -> None:
    """F-24: a hundred runs leave no descriptor open and no file behind."""
    manifest = manifest_of(store, {"a/b": "1"})
    before = descriptors()
    for _ in range(100):
        sandbox = Sandbox.create(tmp_path / "runs")
        sandbox.lay(manifest, store)
        sandbox.foreign_files(1)
        sandbox.remove()
    assert descriptors() == before
    shutil.rmtree(tmp_path / "runs")
