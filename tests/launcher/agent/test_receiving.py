"""A run's files on their way into its sandbox, as a host takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from distrcomp.errors import ProtocolError
from launcher.control import messages as m
from launcher.errors import BadManifest, LauncherError
from launcher.ship.manifest import FileEntry, Manifest, pack_manifest
from tests.launcher.agent.agent_kit import manifest_of, play
from tests.launcher.agent.peer_run_kit import opened, ship

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
                await run.files.open(packed)
            assert [] == told.messages

    play(act)


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a\\..\\b", "", "a/./b"])
def test_hostile_manifest(path: str, tmp_path: Path, leaks: object) -> None:
    """S-20: a name that leads out of the sandbox is refused before a byte is asked for."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            with pytest.raises(BadManifest):
                await run.files.open(
                    pack_manifest(Manifest((FileEntry(path, 0o600, 0, bytes(32)),)))
                )
            assert [] == told.messages

    play(act)


def test_foreign_blob(tmp_path: Path, leaks: object) -> None:
    """A blob that was not asked for, out of turn, too long or of other content is refused."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            await run.files.open(pack_manifest(manifest_of({"a": "one", "b": "two"})))
            first, second = told.all(m.Missing)[0].hashes
            bad = [
                m.BlobPart(bytes(32), b"", last=True),
                m.BlobPart(second, b"two", last=True),
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
            await run.files.open(pack_manifest(manifest_of({"a": "one", "b": "two"})))
            first = told.all(m.Missing)[0].hashes[0]
            await run.files.take_blob(m.BlobPart(first, b"on", last=False))
        assert [] == list((tmp_path / "store").glob("writing-*"))

    play(act)
