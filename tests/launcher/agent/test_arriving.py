"""Contents on their way into a store, and beginnings of some that are there already."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from pathlib import Path

import pytest

from launcher import limits
from launcher.agent.arriving import Arriving
from launcher.errors import CannotStart
from launcher.ship.manifest import FileEntry
from launcher.ship.store import Store
from launcher.ship.writing import BlobWriter
from tests.launcher.agent.agent_kit import n_descriptors, play, until

pytestmark = pytest.mark.processes

BEGINNING = b"x" * limits.RESUMED_BYTES_MIN


class Held(Store):
    """A store that is held up when a beginning is read; `is_spoilt`: and can't read it then."""

    def __init__(self, folder: Path, is_spoilt: bool = False) -> None:
        super().__init__(folder, 10**9)
        self.is_reading = threading.Event()
        self.may_go_on = threading.Event()
        self._is_spoilt = is_spoilt

    def resumed(self, entry: FileEntry) -> BlobWriter | None:
        self.is_reading.set()
        assert self.may_go_on.wait(60)
        if self._is_spoilt:
            raise CannotStart("no")
        return super().resumed(entry)

    def begin(self, name: str) -> FileEntry:
        """Leaves a beginning there."""
        whole = BEGINNING + name.encode()
        entry = FileEntry(name, 0o600, len(whole), hashlib.sha256(whole).digest())
        writer = self.writer(entry)
        writer.write(BEGINNING)
        writer.suspend()
        return entry


def test_take_up(tmp_path: Path) -> None:
    """Each that was begun is gone on with, and no other."""

    async def act() -> None:
        with contextlib.closing(Held(tmp_path)) as store:
            store.may_go_on.set()
            entries = [store.begin("a"), store.begin("b")]
            entries.append(FileEntry("c", 0o600, 1, bytes(32)))
            arriving = Arriving(store)
            await arriving.take_up(entries)
            assert [len(BEGINNING)] * 2 + [0] == [arriving.offset(each.sha256) for each in entries]
            arriving.suspend()

    play(act)


@pytest.mark.parametrize(("is_spoilt", "n_begun"), [(False, 1), (True, 0)])
def test_take_up_is_cancelled(is_spoilt: bool, n_begun: int, tmp_path: Path) -> None:
    """What a thread was about to open then is not lost: whoever ends the writers ends that, too."""

    async def act() -> None:
        with contextlib.closing(Held(tmp_path, is_spoilt)) as store:
            entries = [store.begin("a"), store.begin("b")]
            before = n_descriptors()
            arriving = Arriving(store)
            taking = asyncio.ensure_future(arriving.take_up(entries))
            await until(store.is_reading.is_set)
            taking.cancel()
            store.may_go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await taking
            expected = [len(BEGINNING) if at < n_begun else 0 for at in range(2)]
            assert expected == [arriving.offset(each.sha256) for each in entries]
            arriving.suspend()
            assert before == n_descriptors()
            assert entries == store.begun(entries)

    play(act)
