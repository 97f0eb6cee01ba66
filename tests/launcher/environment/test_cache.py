"""The environments that are kept: built once, whole, bounded, never taken from who uses them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from launcher.environment.cache import Build, Environment, Environments
from launcher.errors import CannotStart
from tests.launcher.agent.agent_kit import n_descriptors, play

A, B, C = (letter * 32 for letter in "abc")


def a_build(done: list[Path], kib: int = 1, gate: asyncio.Event | None = None) -> Build:
    """Builds an environment of about that size, once the gate is open; notes where."""

    async def build(place: Path) -> None:
        if gate is not None:
            await gate.wait()
        done.append(place)
        (place / "bin").mkdir(parents=True)
        (place / "bin" / "python").touch(0o700)
        (place / "filler").write_bytes(os.urandom(kib * 1024))

    return build


async def nothing() -> None:
    """Nobody has to wait."""


async def obtain(kept: Environments, key: str, done: list[Path], kib: int = 1) -> Environment:
    """The environment under `key`."""
    return await kept.obtain(key, a_build(done, kib), nothing)


def names(folder: Path) -> list[str]:
    """What lies in the folder."""
    return sorted(path.name for path in folder.iterdir())


def test_built_once(tmp_path: Path) -> None:
    """The first one builds it, in a place of its own; the next finds it; no descriptor stays."""

    async def act() -> None:
        kept, done = Environments(tmp_path / "kept"), list[Path]()
        before = n_descriptors()
        first, second = await obtain(kept, A, done), await obtain(kept, A, done)
        assert 1 == len(done)
        assert not done[0].exists()
        assert str(tmp_path / "kept" / A / "bin" / "python") == first.python == second.python
        for each in (first, second, second):
            each.release()
        assert before == n_descriptors()
        assert [A] == names(tmp_path / "kept")
        assert [0o700] * 2 == [
            path.stat().st_mode & 0o7777 for path in (tmp_path / "kept", tmp_path / "kept" / A)
        ]

    play(act)


def test_two_at_once(tmp_path: Path) -> None:
    """Who comes while another builds, even of another process, waits, is told, and builds not."""

    async def act() -> None:
        done, told, gate = list[Path](), asyncio.Event(), asyncio.Event()
        one, other = Environments(tmp_path), Environments(tmp_path)

        async def on_wait() -> None:
            told.set()

        first = asyncio.ensure_future(one.obtain(A, a_build(done, gate=gate), nothing))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(other.obtain(A, a_build(done), on_wait))
        await told.wait()
        gate.set()
        environments = await asyncio.gather(first, second)
        assert 1 == len(done)
        for each in environments:
            each.release()

    play(act)


def _half(place: Path) -> None:
    place.mkdir()
    (place / "half").touch()


@pytest.mark.parametrize("how", ["fails", "is cancelled"])
def test_half_built(tmp_path: Path, how: str) -> None:
    """One that fails, or whose session ends, leaves nothing, and the next one starts anew."""

    async def act() -> None:
        kept, done, began = Environments(tmp_path), list[Path](), asyncio.Event()

        async def broken(place: Path) -> None:
            _half(place)
            began.set()
            if how == "fails":
                raise CannotStart("no space left")
            await asyncio.Event().wait()

        task = asyncio.ensure_future(kept.obtain(A, broken, nothing))
        await began.wait()
        if how == "is cancelled":
            task.cancel()
        with pytest.raises((CannotStart, asyncio.CancelledError)):
            await task
        assert [] == names(tmp_path)
        (await obtain(kept, A, done)).release()
        assert not (tmp_path / A / "half").exists()

    play(act)


def test_what_a_dead_builder_left(tmp_path: Path) -> None:
    """It is never used: the next builder clears it away, and so does a sweep."""

    async def act() -> None:
        kept, done = Environments(tmp_path), list[Path]()
        for name in (f"building-{A}", f"building-{B}", "gone-x"):
            (tmp_path / name / "environment" / "bin").mkdir(parents=True)
        (await obtain(kept, A, done)).release()
        assert 1 == len(done)
        kept.sweep()
        assert [A] == names(tmp_path)

    play(act)


def test_a_sweep_leaves_the_living(tmp_path: Path) -> None:
    """An agent that starts beside another one clears nothing away that is being built."""

    async def act() -> None:
        done, gate = list[Path](), asyncio.Event()
        task = asyncio.ensure_future(
            Environments(tmp_path).obtain(A, a_build(done, gate=gate), nothing)
        )
        await asyncio.sleep(0)
        Environments(tmp_path).sweep()
        assert [f"building-{A}"] == names(tmp_path)
        gate.set()
        (await task).release()

    play(act)


def test_eviction(tmp_path: Path) -> None:
    """Beyond the bound the longest unused one goes, but none that is in use."""

    async def act() -> None:
        kept, done = Environments(tmp_path, 100 * 1024), list[Path]()
        in_use = await obtain(kept, A, done, 40)
        (await obtain(kept, B, done, 40)).release()
        for key, used in ((A, 1), (B, 2)):
            os.utime(tmp_path / key, (used, used))
        (await obtain(kept, C, done, 40)).release()
        assert [A, C] == names(tmp_path)
        in_use.release()
        (await obtain(kept, A, done)).release()  # counts as used now
        os.utime(tmp_path / C, (1, 1))
        (await obtain(kept, B, done, 40)).release()
        assert [A, B] == names(tmp_path)

    play(act)


def test_one_whose_python_is_gone(tmp_path: Path) -> None:
    """It is built anew."""

    async def act() -> None:
        kept, done = Environments(tmp_path), list[Path]()
        (await obtain(kept, A, done)).release()
        (tmp_path / A / "bin" / "python").unlink()
        (await obtain(kept, A, done)).release()
        assert 2 == len(done)
        kept.sweep()
        assert [A] == names(tmp_path)

    play(act)


def test_a_foreign_folder(tmp_path: Path) -> None:
    """A link in the folder's place is refused (S-42)."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "kept").symlink_to(tmp_path / "elsewhere")

    async def act() -> None:
        Environments(tmp_path / "kept").sweep()  # is no reason for a run to fail that wants none
        with pytest.raises(CannotStart, match="is a link or a file"):
            await obtain(Environments(tmp_path / "kept"), A, [])

    play(act)
