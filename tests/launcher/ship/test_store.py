"""The content store."""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.errors import BadManifest, CannotStart
from launcher.ship.manifest import FileEntry
from launcher.ship.store import Store

ONE, TWO, THREE = b"1" * 10, b"2" * 10, b"3" * 10


def entry(content: bytes, path: str = "a") -> FileEntry:
    return FileEntry(path, 0o600, len(content), hashlib.sha256(content).digest())


def put(store: Store, *contents: bytes) -> None:
    """Stores contents, each last used a second after the one before."""
    for at, content in enumerate(contents):
        writer = store.writer(entry(content))
        writer.write(content)
        writer.commit()
        os.utime(blob(store, content), (1000 + at, 1000 + at))


def blob(store: Store, content: bytes) -> Path:
    return store.folder / hashlib.sha256(content).hexdigest()


def held(store: Store) -> set[bytes]:
    return {content for content in (ONE, TWO, THREE) if blob(store, content).exists()}


def leftovers(store: Store) -> list[str]:
    return [path.name for path in store.folder.glob("writing-*")]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with room for two of the contents above."""
    with contextlib.closing(Store(tmp_path / "store", 25)) as made:
        yield made


def test_private(store: Store) -> None:
    """Folder and blobs are ours alone."""
    put(store, ONE)
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(blob(store, ONE).stat().st_mode) == 0o600


def test_written_and_read(store: Store, tmp_path: Path) -> None:
    """What was written in pieces is read and copied whole."""
    writer = store.writer(entry(ONE))
    writer.write(ONE[:3])
    writer.write(b"")
    writer.write(ONE[3:])
    writer.commit()
    with store.open(entry(ONE).sha256) as file:
        assert file.read() == ONE
    with (tmp_path / "copy").open("wb") as target:
        store.copy_to(entry(ONE), target.fileno())
    assert (tmp_path / "copy").read_bytes() == ONE
    assert leftovers(store) == []


def test_empty_content(store: Store) -> None:
    """A content of no bytes is one like any other."""
    writer = store.writer(entry(b""))
    writer.commit()
    assert store.missing([entry(b"")]) == []


def test_missing(store: Store) -> None:
    """A content that several files share is asked for once, one that is here not at all."""
    put(store, ONE)
    two = [entry(TWO, "x"), entry(TWO, "y")]
    assert store.missing([entry(ONE), *two, entry(THREE)]) == [two[0], entry(THREE)]


def test_missing_by_size(store: Store) -> None:
    """A blob cut short by a crash counts as missing and is written anew."""
    put(store, ONE)
    os.truncate(blob(store, ONE), 4)
    assert store.missing([entry(ONE)]) == [entry(ONE)]
    put(store, ONE)
    assert store.missing([entry(ONE)]) == []


@pytest.mark.parametrize("content", [ONE[:-1], TWO])
def test_wrong_content(store: Store, content: bytes) -> None:
    """Content that isn't what was announced is refused and leaves nothing."""
    writer = store.writer(entry(ONE))
    writer.write(content)
    with pytest.raises(BadManifest, match="other content"):
        writer.commit()
    assert leftovers(store) == []
    assert held(store) == set()


def test_too_much(store: Store) -> None:
    """S-18: the first byte too many ends the writer and leaves nothing."""
    writer = store.writer(entry(ONE))
    writer.write(ONE)
    with pytest.raises(BadManifest, match="more than its 10 bytes"):
        writer.write(b"x")
    assert leftovers(store) == []
    with pytest.raises(ValueError, match="ended"):
        writer.write(b"")
    with pytest.raises(ValueError, match="ended"):
        writer.commit()


def test_abandon(store: Store) -> None:
    """An abandoned writer leaves nothing, a committed one is past abandoning."""
    writer = store.writer(entry(ONE))
    writer.write(b"1")
    writer.abandon()
    writer.abandon()
    assert leftovers(store) == []
    writer = store.writer(entry(TWO))
    writer.write(TWO)
    writer.commit()
    writer.abandon()
    assert held(store) == {TWO}


def test_two_writers(store: Store) -> None:
    """Two runs that bring the same content at once don't disturb each other."""
    one, other = store.writer(entry(ONE)), store.writer(entry(ONE))
    for writer in (one, other):
        writer.write(ONE)
    one.commit()
    other.commit()
    assert store.missing([entry(ONE)]) == []


def test_absent(store: Store) -> None:
    """Reading what isn't here says so."""
    with pytest.raises(BadManifest, match="has no content"):
        store.open(entry(ONE).sha256)
    with pytest.raises(BadManifest, match="has no content"):
        store.copy_to(entry(ONE), 1)


def test_damaged(store: Store, tmp_path: Path) -> None:
    """A blob whose bytes have changed is dropped when it is copied, and missing from then on."""
    put(store, ONE)
    blob(store, ONE).write_bytes(b"x" * 10)
    with (
        (tmp_path / "copy").open("wb") as target,
        pytest.raises(BadManifest, match=r"'ring\.py' was damaged"),
    ):
        store.copy_to(entry(ONE, "ring.py"), target.fileno())
    assert store.missing([entry(ONE)]) == [entry(ONE)]


def test_no_descriptors_are_no_damage(store: Store) -> None:
    """A content that can't be opened for want of descriptors is not taken for one that is lost."""
    put(store, b"content")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            store.open(entry(b"content").sha256)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_wrong_size_listed(store: Store, tmp_path: Path) -> None:
    """A manifest that lies about a size is refused; the blob stays for the honest."""
    put(store, ONE)
    lie = FileEntry("a", 0o600, 9, entry(ONE).sha256)
    assert store.missing([lie]) == [lie]
    with (
        (tmp_path / "copy").open("wb") as target,
        pytest.raises(BadManifest, match="10 bytes, not 9"),
    ):
        store.copy_to(lie, target.fileno())
    assert held(store) == {ONE}


def test_link_or_pipe_in_a_blobs_place(store: Store, tmp_path: Path) -> None:
    """S-25: a link or pipe that a program puts in a blob's place holds nobody up or astray."""
    (tmp_path / "secret").write_bytes(ONE)
    blob(store, ONE).symlink_to(tmp_path / "secret")
    os.mkfifo(blob(store, TWO))
    for content in (ONE, TWO):
        assert store.missing([entry(content)]) == [entry(content)]
        with pytest.raises(BadManifest):
            store.open(entry(content).sha256)
    put(store, ONE, TWO)
    assert (tmp_path / "secret").read_bytes() == ONE
    assert not blob(store, ONE).is_symlink()


def test_evict_oldest(store: Store) -> None:
    """What was longest unused goes, until the rest fits."""
    put(store, ONE, TWO, THREE)
    assert store.evict() == 1
    assert held(store) == {TWO, THREE}
    assert store.evict() == 0


def test_room_on_the_disk(store: Store) -> None:
    """Where the disk is short of room all goes that nobody needs; else nothing that fits."""
    put(store, ONE, TWO)
    store.pin([entry(ONE).sha256])
    assert store.make_room(1) == 0
    assert store.make_room(1 << 62) == 1
    assert held(store) == {ONE}


def test_asking_is_using(store: Store) -> None:
    """A content that a run asked for counts as used."""
    put(store, ONE, TWO, THREE)
    store.missing([entry(ONE)])
    store.evict()
    assert held(store) == {ONE, THREE}


def test_pins(store: Store) -> None:
    """What a living run needs stays, as long as any run needs it."""
    put(store, ONE, TWO, THREE)
    hashes = [entry(content).sha256 for content in (ONE, TWO, THREE)]
    store.pin(hashes)
    store.pin(hashes[:1])
    assert store.evict() == 0
    store.unpin(hashes)
    store.evict()
    assert held(store) == {ONE, THREE}
    store.unpin(hashes[:1])
    put(store, ONE, TWO, THREE)
    store.evict()
    assert held(store) == {TWO, THREE}


OTHER_PROCESS = """
import sys
from pathlib import Path
from launcher.ship.manifest import FileEntry
from launcher.ship.store import Store
store = Store(Path(sys.argv[1]), 25)
if sys.argv[2] == "pin":
    store.pin([bytes(32)])
else:
    writer = store.writer(FileEntry("a", 0o600, 10, bytes(32)))
    writer.write(b"half")
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def other_process(store: Store, act: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds a pin or a half-written blob until it ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS, str(store.folder), act],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.processes
def test_pins_of_another_process(store: Store) -> None:
    """While another process needs its contents nothing is evicted; its death ends that."""
    put(store, ONE, TWO, THREE)
    with other_process(store, "pin"):
        store.pin([entry(ONE).sha256])
        assert store.evict() == 0
        store.unpin([entry(ONE).sha256])
    assert store.evict() == 1


@pytest.mark.processes
def test_sweep(store: Store) -> None:
    """F-02: a new store removes what dead writers left and leaves living ones alone."""
    mine = store.writer(entry(ONE))
    with other_process(store, "write"):
        Store(store.folder, 25).close()
        assert len(leftovers(store)) == 2
    (store.folder / "writing-pipe").symlink_to("/etc/hosts")
    Store(store.folder, 25).close()
    assert len(leftovers(store)) == 2  # ours, and what no writer makes
    mine.write(ONE)
    mine.commit()
    assert held(store) == {ONE}


def test_folder_removed(store: Store) -> None:
    """Whoever removes the folder has it forgotten; the next run finds an empty one."""
    put(store, ONE)
    shutil.rmtree(store.folder)
    store.pin([entry(TWO).sha256])
    assert [entry(ONE)] == store.missing([entry(ONE)])
    put(store, TWO)
    assert held(store) == {TWO}
    store.unpin([entry(TWO).sha256])


def test_what_is_damaged(store: Store) -> None:
    """What is not as it should be is named, dropped, and may be written anew."""
    put(store, ONE)
    assert store.damaged([entry(ONE)]) == []
    blob(store, ONE).write_bytes(TWO)
    assert store.damaged([entry(ONE), entry(THREE)]) == [entry(ONE), entry(THREE)]
    assert held(store) == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_full_disk(tmp_path: Path) -> None:
    """F-20: a full disk is said in words, leaves nothing half written, and passes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting isn't allowed here")
    try:
        content = b"x" * 100_000
        with contextlib.closing(Store(folder, 10**6)) as store:
            writer = store.writer(entry(content))
            with pytest.raises(CannotStart, match=f"no space left on {folder}"):
                writer.write(content)
            assert leftovers(store) == []
            put(store, ONE)
            assert held(store) == {ONE}
    finally:
        subprocess.run(["umount", str(folder)], check=True)
