"""A run's files on their way into its sandbox, as a host takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from distrcomp.errors import ProtocolError
from launcher import limits
from launcher.agent.peer_run import PeerRun
from launcher.control import messages as m
from launcher.errors import BadManifest, CannotStart, LauncherError
from launcher.ship.manifest import FileEntry, Manifest, pack_manifest
from launcher.ship.store import Store
from tests.launcher.agent.agent_kit import RUN_ID, opening, play
from tests.launcher.agent.peer_run_kit import Told, opened, ship

pytestmark = pytest.mark.processes


def test_ship(tmp_path: Path, leaks: object) -> None:
    """What is missing is asked for once; the bundle is laid when the last of it has come."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await ship(run, told, {"a.py": "1", "sub/b.py": "2", "c.py": "1"})
            assert 2 == len(told.all(m.Missing)[0].hashes)
            (sandbox,) = (tmp_path / "sandboxes").iterdir()
            assert "2" == (sandbox / "sub/b.py").read_text()
            assert m.RunClosed((), 0, ()) == await run.close()
        async with opened(tmp_path) as (run, told):
            await ship(run, told, {"a.py": "1"})
            assert () == told.all(m.Missing)[0].hashes

    play(act)


@pytest.mark.parametrize("packed", [b"", b"garbage", b"\x92\xa8Manifest\x05", b"cos\nsystem\n"])
def test_no_manifest(packed: bytes, tmp_path: Path, leaks: object) -> None:
    """S-03: bytes that are no manifest are refused, and nothing is laid."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            with pytest.raises(ProtocolError):
                await run.files.open(m.OpenRun(RUN_ID, packed))
            assert [] == told.messages

    play(act)


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a\\..\\b", "", "a/./b"])
def test_hostile_manifest(path: str, tmp_path: Path, leaks: object) -> None:
    """S-20: a name that leads out of the sandbox is refused before a byte is asked for."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            packed = pack_manifest(Manifest((FileEntry(path, 0o600, 0, bytes(32)),)))
            with pytest.raises(BadManifest):
                await run.files.open(m.OpenRun(RUN_ID, packed))
            assert [] == told.messages

    play(act)


def test_foreign_blob(tmp_path: Path, leaks: object) -> None:
    """A blob that was not asked for, before another is whole, too long or wrong is refused."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await run.files.open(opening({"a": "one", "b": "two"}))
            first, second = told.all(m.Missing)[0].hashes
            await run.files.take_blob(m.BlobPart(first, b"o", last=False))
            bad = [
                m.BlobPart(second, b"two", last=True),
                m.BlobPart(bytes(32), b"", last=True),
                m.BlobPart(first, b"much too long", last=False),
                m.BlobPart(first, b"XXX", last=True),
            ]
            for part in bad:
                with pytest.raises(LauncherError):
                    await run.files.take_blob(part)
            assert [] == told.all(m.Shipped)
        assert [] == list((tmp_path / "store").glob("writing-*"))

    play(act)


def test_close_while_shipping(tmp_path: Path, leaks: object) -> None:
    """A run that ends in the middle of shipping leaves nothing."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await run.files.open(opening({"a": "one", "b": "two"}))
            first = told.all(m.Missing)[0].hashes[0]
            await run.files.take_blob(m.BlobPart(first, b"on", last=False))
        assert [] == list((tmp_path / "store").glob("writing-*"))

    play(act)


# --- what was cut off, and what was damaged ------------------------------------------------------

BIG = "".join(f"{number:07} " for number in range(limits.RESUMED_BYTES_MIN // 4))


async def _begin(folder: Path, sent: str) -> m.Missing:
    """Ships the beginning of a large file, and then the launcher is gone; what was asked for."""
    async with opened(folder) as (run, told):
        await run.files.open(opening({"big": BIG, "small": "s"}))
        missing: m.Missing = told.all(m.Missing)[0]
        await run.files.take_blob(m.BlobPart(missing.hashes[0], sent.encode(), last=False))
    assert [] == list((folder / "store").glob("writing-*"))
    return missing


def test_resume(tmp_path: Path, leaks: object) -> None:
    """A shipment that was cut off goes on where it stopped, also a second time."""

    async def act() -> None:
        half, more = len(BIG) // 2, len(BIG) // 2 + 1000
        assert (0, 0) == (await _begin(tmp_path, BIG[:half])).offsets
        assert (half, 0) == (await _begin(tmp_path, BIG[half:more])).offsets
        async with opened(tmp_path) as (run, told):
            await run.files.open(opening({"big": BIG, "small": "s"}))
            (missing,) = told.all(m.Missing)
            assert (more, 0) == missing.offsets
            for sha256, rest in zip(missing.hashes, (BIG[more:], "s"), strict=True):
                await run.files.take_blob(m.BlobPart(sha256, rest.encode(), last=True))
            await told.wait(m.Shipped)
            (sandbox,) = (tmp_path / "sandboxes").iterdir()
            assert BIG == (sandbox / "big").read_text()
        assert [] == list((tmp_path / "store").glob("partial-*"))

    play(act)


def test_resume_of_damage(tmp_path: Path, leaks: object) -> None:
    """A beginning that was damaged is seen when the rest has come; all is asked for once more."""

    async def act() -> None:
        half = len(BIG) // 2
        await _begin(tmp_path, "x" * half)
        async with opened(tmp_path) as (run, told):
            await run.files.open(opening({"big": BIG}))
            (missing,) = told.all(m.Missing)
            await run.files.take_blob(m.BlobPart(missing.hashes[0], BIG[half:].encode(), last=True))
            _, again = await told.wait(m.Missing, 2)
            assert m.Missing(missing.hashes, (0,)) == again
            await run.files.take_blob(m.BlobPart(again.hashes[0], BIG.encode(), last=True))
            await told.wait(m.Shipped)

    play(act)


def test_damaged_store(tmp_path: Path, leaks: object) -> None:
    """A content that is damaged on the disk is dropped and asked for within the same run."""

    async def act() -> None:
        files = {"a": "one", "b": "two", "c/d": "one"}
        async with opened(tmp_path) as (run, told):
            await ship(run, told, files)
        (blob,) = (each for each in (tmp_path / "store").iterdir() if each.read_text() == "one")
        blob.write_text("eno")
        async with opened(tmp_path) as (run, told):
            await run.files.open(opening(files))
            first, again = told.all(m.Missing)
            assert [(), (bytes.fromhex(blob.name),)] == [first.hashes, again.hashes]
            await run.files.take_blob(m.BlobPart(again.hashes[0], b"one", last=True))
            await told.wait(m.Shipped)
            (sandbox,) = (tmp_path / "sandboxes").iterdir()
            assert {"one", "two"} == {
                path.read_text() for path in sandbox.rglob("?") if path.is_file()
            }

    play(act)


def test_damaging_disk(tmp_path: Path, leaks: object) -> None:
    """A disk that damages what it is given, again and again, is not believed for ever (F-20)."""

    class Damaging(Store):
        def copy_to(self, entry: FileEntry, target: int) -> None:
            (self.folder / entry.sha256.hex()).write_text("eno")
            super().copy_to(entry, target)

    async def send_each_time_it_is_asked_for(run: PeerRun, told: Told) -> None:
        await run.files.open(opening({"a": "one"}))
        while True:
            (sha256,) = told.all(m.Missing)[-1].hashes
            await run.files.take_blob(m.BlobPart(sha256, b"one", last=True))

    async def act() -> None:
        async with opened(tmp_path, Damaging) as (run, told):
            with pytest.raises(CannotStart, match="damaged again and again"):
                await send_each_time_it_is_asked_for(run, told)
            assert limits.MISSING_MAX == len(told.all(m.Missing))

    play(act)
