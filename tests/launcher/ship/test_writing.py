"""Contents that were cut off on their way into a store."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher import limits
from launcher.errors import DamagedContent
from launcher.ship.manifest import FileEntry
from launcher.ship.store import Store
from launcher.ship.writing import partial_name

CONTENT = bytes(range(256)) * (2 * limits.RESUMED_BYTES_MIN // 256)
HALF = len(CONTENT) // 2
ENTRY = FileEntry("a", 0o600, len(CONTENT), hashlib.sha256(CONTENT).digest())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with room for one of the contents."""
    with contextlib.closing(Store(tmp_path / "store", len(CONTENT))) as made:
        yield made


def begin(store: Store, data: bytes = CONTENT[:HALF]) -> None:
    """Leaves a beginning behind."""
    writer = store.writer(ENTRY)
    writer.write(data)
    writer.suspend()


def names(store: Store) -> list[str]:
    return sorted(path.name for path in store.folder.iterdir() if path.name != "pins.lock")


def test_goes_on(store: Store) -> None:
    """A writer goes on where the last one was cut off; at its end only the content is there."""
    begin(store)
    assert [partial_name(ENTRY.sha256)] == names(store)
    assert [ENTRY] == store.begun([ENTRY]) == store.missing([ENTRY])
    writer = store.resumed(ENTRY)
    assert writer is not None
    assert (HALF, HALF) == (writer.size, writer.begun_bytes)
    writer.write(CONTENT[HALF:])
    writer.commit()
    assert [ENTRY.sha256.hex()] == names(store)
    assert [] == store.missing([ENTRY])


def test_small_beginning(store: Store) -> None:
    """What costs nothing to send again is not kept."""
    begin(store, CONTENT[: limits.RESUMED_BYTES_MIN - 1])
    assert [] == names(store)
    assert store.resumed(ENTRY) is None


def test_the_longer_beginning_stays(store: Store) -> None:
    """Of two that were cut off the one that has more is kept."""
    one, other = store.writer(ENTRY), store.writer(ENTRY)
    one.write(CONTENT[: HALF + 1])
    other.write(CONTENT[:HALF])
    one.suspend()
    other.suspend()
    assert HALF + 1 == (store.folder / partial_name(ENTRY.sha256)).stat().st_size


def test_one_goes_on(store: Store) -> None:
    """While one goes on, another begins at the beginning."""
    begin(store)
    writer = store.resumed(ENTRY)
    assert writer is not None
    assert store.resumed(ENTRY) is None
    writer.suspend()
    assert store.resumed(ENTRY) is not None


def test_damaged_beginning(store: Store) -> None:
    """A beginning with other bytes is found out at the end, and nothing of it stays."""
    begin(store, b"x" * HALF)
    writer = store.resumed(ENTRY)
    assert writer is not None
    writer.write(CONTENT[HALF:])
    with pytest.raises(DamagedContent):
        writer.commit()
    assert [] == names(store)


def test_too_long_beginning(store: Store) -> None:
    """A beginning that is longer than all of it is none."""
    begin(store)
    with (store.folder / partial_name(ENTRY.sha256)).open("ab") as file:
        file.truncate(len(CONTENT) + 1)
    assert store.resumed(ENTRY) is None
    assert [] == names(store)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_no_file(store: Store, kind: str) -> None:
    """A link or a pipe in the place of a beginning is not gone on with (S-25)."""
    partial = store.folder / partial_name(ENTRY.sha256)
    if kind == "link":
        partial.symlink_to(store.folder / "pins.lock")
    else:
        os.mkfifo(partial)
    assert store.resumed(ENTRY) is None


def test_evicted(store: Store) -> None:
    """Beginnings count and go as whole contents do; one that is pinned stays."""
    begin(store)
    for number in range(2):
        content = bytes([number]) * HALF
        entry = FileEntry("b", 0o600, HALF, hashlib.sha256(content).digest())
        writer = store.writer(entry)
        writer.write(content)
        writer.commit()
    os.utime(store.folder / partial_name(ENTRY.sha256), (1000, 1000))
    store.pin([ENTRY.sha256])
    assert 1 == store.evict()
    assert partial_name(ENTRY.sha256) in names(store)
    store.unpin([ENTRY.sha256])
    os.utime(store.folder / partial_name(ENTRY.sha256), (1000, 1000))
    with contextlib.closing(Store(store.folder, 10)) as smaller:
        assert 2 == smaller.evict()
    assert [] == names(store)


def test_killed_writer(tmp_path: Path) -> None:
    """What a writer that was killed had received is kept for the next one (F-02)."""
    code = f"""
import os, sys
from pathlib import Path
from tests.launcher.ship.test_writing import CONTENT, ENTRY, HALF
from launcher.ship.store import Store
writer = Store(Path({str(tmp_path / "store")!r}), 10**9).writer(ENTRY)
writer.write(CONTENT[:HALF])
os.kill(os.getpid(), 9)
"""
    assert -9 == subprocess.run([sys.executable, "-c", code], check=False).returncode
    with contextlib.closing(Store(tmp_path / "store", 10**9)) as store:
        assert [partial_name(ENTRY.sha256)] == names(store)
