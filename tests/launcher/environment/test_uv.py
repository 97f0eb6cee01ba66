"""Running uv: what it gets, what is handed on of it, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
from pathlib import Path

import pytest

from launcher.environment.uv import find_uv, run_uv, uv_environment, words_of
from launcher.errors import CannotStart, UvFailed
from tests.launcher.agent.agent_kit import lives, play
from tests.launcher.environment.keeper import Keeper

pytestmark = pytest.mark.processes


async def nothing(_line: str) -> None:
    """Progress is nobody's affair."""


def test_it_is_found() -> None:
    """The one of this installation comes first, whatever the path is."""
    assert Path(find_uv({"PATH": "/nowhere"})).name == "uv"


def test_what_it_prints(tmp_path: Path) -> None:
    """Its stdout is the answer; it is watched over from before it is there, as long as it lives."""

    async def act() -> None:
        keeper = Keeper()
        assert (await run_uv(["--version"], tmp_path, nothing, keeper)).startswith("uv ")
        mark, group = keeper.watched
        assert [group, mark] == keeper.forgotten
        assert str(mark).endswith(" uv")

    play(act)


def test_its_progress(tmp_path: Path) -> None:
    """What it does is handed on as it does it; warnings are not."""

    async def act() -> None:
        lines: list[str] = []

        async def said(line: str) -> None:
            lines.append(line)

        await run_uv(["venv", str(tmp_path / "new")], tmp_path, said, Keeper())
        assert any(line.startswith("Creating virtual environment") for line in lines)
        assert not any(line.startswith("Using") for line in lines)

    play(act)


def test_its_own_words(tmp_path: Path) -> None:
    """A failure is what uv says; stdin is what it was asked."""

    async def act() -> None:
        arguments = ["pip", "compile", "--no-index", "-"]
        with pytest.raises(UvFailed, match=r"^error: No solution found.*\n.*no-such-package"):
            await run_uv(arguments, tmp_path, nothing, Keeper(), "no-such-package\n")

    play(act)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F-20: uv says which file it could not write, and that need not be where it works."""
    cache = tmp_path / "cache"
    cache.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8k,mode=700", "tmpfs", str(cache)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting isn't allowed here")
    monkeypatch.setenv("UV_CACHE_DIR", str(cache))

    async def act() -> None:
        with pytest.raises(CannotStart, match=rf"^no space left on [^\0]*uv says:\n[^\0]*{cache}"):
            await run_uv(["venv", str(tmp_path / "new")], tmp_path, nothing, Keeper())

    try:
        play(act)
    finally:
        subprocess.run(["umount", str(cache)], check=True)


def test_who_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leaks: object) -> None:
    """When its task is cancelled while an index says nothing, uv is killed."""

    async def act() -> None:
        keeper = Keeper()
        arguments = ["pip", "compile", "--no-cache", "-"]
        task = asyncio.ensure_future(run_uv(arguments, tmp_path, nothing, keeper, "six\n"))
        await keeper.changed.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert keeper.watched[::-1] == keeper.forgotten
        assert not lives(keeper.watched[1])

    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setenv("UV_DEFAULT_INDEX", address)
        play(act)


def test_its_variables() -> None:
    """It gets the user's own settings, nothing of a run's, and no environment but the one named."""
    ours = {"DISTRCOMP_HOME": "x", "VIRTUAL_ENV": "x", "PYTHONPATH": "x", "CONDA_PREFIX": "x"}
    got = uv_environment({"UV_INDEX": "http://x/", "UV_NO_PROGRESS": "0", "HOME": "/h", **ours})
    assert ("http://x/", "/h", "1") == (got["UV_INDEX"], got["HOME"], got["UV_NO_PROGRESS"])
    assert not ours.keys() & got.keys()
    assert "5" == uv_environment({"UV_HTTP_RETRIES": "5"})["UV_HTTP_RETRIES"]


def test_a_silent_index_is_given_up_soon() -> None:
    """Unless the user has said how long, by any of the names that uv knows for it."""
    name = "UV_HTTP_TIMEOUT"
    assert 30 > float(uv_environment({})[name])
    assert "99" == uv_environment({name: "99"})[name]
    for other in ("UV_REQUEST_TIMEOUT", "HTTP_TIMEOUT"):
        assert name not in uv_environment({other: "99"})


def test_it_keeps_nothing_where_it_cannot(tmp_path: Path) -> None:
    """Without a home, or one that can't be written, it goes without a cache (F-40)."""
    kept = [{"HOME": str(tmp_path)}, {"XDG_CACHE_HOME": str(tmp_path / "new" / "folder")}]
    not_kept = [{}, {"HOME": ""}, {"HOME": "/proc/1/none"}]
    found = ["UV_NO_CACHE" in uv_environment(environ) for environ in (*kept, *not_kept)]
    assert [False, False, True, True, True] == found


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Resolved 3 packages", "error: boom", "  cause: x"], "error: boom\n  cause: x"),
        (["something else"], "something else"),
        ([], ""),
        (["error: https://a:b@h/x http://c@h/"], "error: https://***@h/x http://***@h/"),
    ],
)
def test_words(lines: list[str], expected: str) -> None:
    """The error alone, without passwords; where there is none, all of it."""
    assert expected == words_of(lines)


def test_words_have_a_bound() -> None:
    """Nobody reads a book."""
    assert 4000 == len(words_of(["error: " + "x" * 9000]))
