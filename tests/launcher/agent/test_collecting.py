"""Files that a program has written are sent back."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from launcher import limits
from launcher.agent.collecting import send_files
from launcher.agent.sandbox import Sandbox
from launcher.control import files as f
from launcher.errors import PeerRefused
from launcher.ship.manifest import FileEntry, Manifest
from launcher.ship.patterns import Patterns
from launcher.ship.store import Store
from tests.launcher.agent.agent_kit import play
from tests.launcher.agent.peer_run_kit import opened, start


def sent(sandbox: Sandbox, *patterns: str, folder: str = "") -> tuple[dict[Any, bytes], Any]:
    """What comes of nodes 3 and 4: files by node and path, and the problems."""
    got: list[Any] = []

    async def tell(message: Any) -> None:
        got.append(message)

    async def act() -> None:
        await send_files(sandbox, {3: folder, 4: folder}, Patterns(patterns), tell)

    play(act)
    *parts, last = got
    content: dict[Any, bytes] = {}
    for part in parts:
        content[part.node, part.path] = content.get((part.node, part.path), b"") + part.data
        if part.last:
            assert hashlib.sha256(content[part.node, part.path]).digest() == part.sha256
    return content, last


@pytest.fixture
def sandbox(tmp_path: Path) -> Any:
    """A sandbox with a file that was laid."""
    made = Sandbox.create(tmp_path / "sandboxes")
    with contextlib.closing(Store(tmp_path / "store", 100)) as store:
        entry = FileEntry("laid.txt", 0o600, 4, hashlib.sha256(b"laid").digest())
        writer = store.writer(entry)
        writer.write(b"laid")
        writer.commit()
        made.lay(Manifest((entry,)), store)
        yield made
    made.remove()


def write(sandbox: Sandbox, *paths: str) -> None:
    for path in paths:
        (sandbox.path / path).parent.mkdir(parents=True, exist_ok=True)
        (sandbox.path / path).write_text(path)


def test_whose_files(sandbox: Sandbox) -> None:
    """An output folder is its node's; what lies elsewhere comes once, as the lowest node's."""
    write(sandbox, "b.txt", "distrcomp-output/3/a.txt", "distrcomp-output/4/d/a.txt")
    write(sandbox, "distrcomp-output/9/a.txt", "distrcomp-output/a.txt")
    got, last = sent(sandbox, "**")
    assert f.FilesSent(()) == last
    assert {
        (3, "a.txt"),
        (3, "b.txt"),
        (4, "d/a.txt"),
        (3, "distrcomp-output/9/a.txt"),
        (3, "distrcomp-output/a.txt"),
    } == set(got)
    assert b"distrcomp-output/4/d/a.txt" == got[4, "d/a.txt"]


def test_twins(sandbox: Sandbox) -> None:
    """Of two files that would come under one name the one in the output folder does; it is told."""
    write(sandbox, "a.txt", "distrcomp-output/3/a.txt", "distrcomp-output/4/a.txt")
    got, last = sent(sandbox, "**")
    assert b"distrcomp-output/3/a.txt" == got[3, "a.txt"]
    assert 1 == len(last.problems)
    assert (["a.txt"], 1) == sandbox.foreign_files(9)


def test_which_files(sandbox: Sandbox) -> None:
    """What was shipped comes if it was changed; what is sent is not told as lost."""
    write(sandbox, "b.txt", "c.log")
    assert {(3, "b.txt")} == set(sent(sandbox, "*.txt")[0])
    assert (["c.log"], 1) == sandbox.foreign_files(9)
    write(sandbox, "laid.txt")
    assert {(3, "b.txt"), (3, "laid.txt")} == set(sent(sandbox, "*.txt")[0])


def test_start_folder(sandbox: Sandbox) -> None:
    """With --wdir patterns are relative to that folder, and what lies beside it is left out."""
    write(sandbox, "x", "w/d/x", "w/d/distrcomp-output/4/x", "w/x")
    assert {(3, "x"), (4, "x")} == set(sent(sandbox, "x", folder="w/d")[0])


def test_several_programs(sandbox: Sandbox) -> None:
    """Nodes that start in different folders: a file is the lowest node's of the nearest one."""
    write(sandbox, "a", "w/a", "w/distrcomp-output/5/a")
    got: list[Any] = []

    async def tell(message: Any) -> None:
        got.append(message)

    async def act() -> None:
        await send_files(sandbox, {3: "", 4: "w", 5: "w"}, Patterns(["a"]), tell)

    play(act)
    assert {(3, "a"), (4, "a"), (5, "a")} == {(part.node, part.path) for part in got[:-1]}


def test_what_is_no_file(sandbox: Sandbox, tmp_path: Path) -> None:
    """S-21, S-25: links, to files or folders, pipes and sockets are not sent, nor waited for."""
    (tmp_path / "secret").write_text("secret")
    (sandbox.path / "link").symlink_to(tmp_path / "secret")
    (sandbox.path / "folder").symlink_to(tmp_path)
    (sandbox.path / "distrcomp-output").mkdir()
    (sandbox.path / "distrcomp-output/3").symlink_to(tmp_path)
    os.mkfifo(sandbox.path / "pipe")
    assert ({}, f.FilesSent(())) == sent(sandbox, ".", "secret", "folder/secret")


def test_swapped(sandbox: Sandbox, tmp_path: Path) -> None:
    """S-25: what has become a pipe or a link since it was found is a problem, and no hang."""
    write(sandbox, "a")
    (sandbox.path / "a").unlink()
    os.mkfifo(sandbox.path / "a")
    with pytest.raises(OSError, match="no file any more"):
        sandbox.open_file("a")
    (sandbox.path / "b").symlink_to(tmp_path)
    with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
        sandbox.open_file("b/secret")


def test_names(sandbox: Sandbox) -> None:
    """Names that could not lie everywhere are told, and the rest is sent."""
    write(sandbox, "good", "a\\b")
    (sandbox.path / os.fsdecode(b"\xff")).write_text("")
    got, last = sent(sandbox, "**")
    assert {(3, "good")} == set(got)
    assert 2 == len(last.problems)
    assert all(problem.isprintable() for problem in last.problems)


def test_too_many(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-24: there is a bound on files and bytes, which is told."""
    monkeypatch.setattr(limits, "COLLECTED_FILES_MAX", 2)
    write(sandbox, "a", "b", "c")
    got, last = sent(sandbox, "**")
    assert 2 == len(got)
    assert ("there are more files, or larger ones, than can be brought back",) == last.problems


def test_large_file(sandbox: Sandbox) -> None:
    """A file comes in parts, none of them larger than a message may be."""
    data = os.urandom(3 * limits.SHIP_CHUNK_BYTES + 7)
    (sandbox.path / "big").write_bytes(data)
    assert {(3, "big"): data} == sent(sandbox, "big")[0]


@pytest.mark.processes
def test_of_a_run(tmp_path: Path, leaks: object) -> None:
    """Nodes that still write are ended first; files are asked for once; closing ends it."""

    async def act() -> None:
        async with opened(tmp_path) as (run, told):
            program = (
                "import distrcomp as dc\n"
                "file = open(dc.output_dir + '/x', 'w')\n"
                "print('begun', flush=True)\n"
                "while True: print('x', file=file, flush=True)\n"
            )
            await start(run, told, program)
            while "begun" not in told.printed():
                told.changed.clear()
                await told.changed.wait()
            run.collect(("x",))
            with pytest.raises(PeerRefused, match="already"):
                run.collect(("x",))
            await told.wait(f.FilesSent)
            assert told.all(f.FilePart)[-1].last
            assert 0 == (await run.close()).n_lost_files

    play(act)
