"""A release on trial, whatever it does."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from launcher.agent.guardian import Guardian
from launcher.agent.releases import Laid
from launcher.agent.trial import Trial
from launcher.errors import CannotStart

pytestmark = pytest.mark.processes

# What stands in the place of a release's Python: it gets `-P -m launcher agent ...`.
READY = "import json, os\nready = json.loads(os.environ['_DISTRCOMP_SUCCESSION'])['ready']\n"
SAYS = f"{READY}os.write(ready, b'1')\n"
HANGS = "import signal\nsignal.pause()\n"


@pytest.fixture
def guardian() -> Iterator[Guardian]:
    """One that is released at the end."""
    made = Guardian()
    yield made
    made.release()


def release(folder: Path, code: str) -> Laid:
    """A release whose Python does this instead."""
    laid = Laid("2.0", folder / "release")
    python = Path(laid.python)
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/usr/bin/env python3\n{code}")
    python.chmod(0o700)
    return laid


def tried(
    laid: Laid,
    guardian: Guardian,
    start_timeout_s: float = 20,
    answer_timeout_s: float = 20,
    *,
    stays: bool = False,
) -> str:
    """Why the trial fails; nothing of it is left. `stays`: the release runs until it is ended."""

    async def go() -> str:
        trial = Trial(laid, guardian, start_timeout_s)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            try:
                await trial.begin([listener], ["--listen", "x:1"], "base")
                assert trial.lives or not stays
                await trial.outlive(answer_timeout_s)
            except CannotStart as error:
                return str(error)
            finally:
                await trial.end()
                await trial.end()
        raise AssertionError

    why = asyncio.run(go())
    assert [] == [
        each for each in psutil.Process().children() if str(laid.folder) in " ".join(each.cmdline())
    ]
    return why


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise SystemExit('distrcomp: too new')", "distrcomp 2.0 does not start: too new"),
        ("import no_such_module", "does not start: ModuleNotFoundError: No module named 'no_suc"),
        ("import os\nos._exit(0)", "does not start: it said nothing"),
        (f"{SAYS}raise SystemExit('enough')", "distrcomp 2.0 has ended: enough"),
    ],
)
def test_ends(tmp_path: Path, guardian: Guardian, code: str, why: str) -> None:
    """One that ends is told of at once, in its last words."""
    assert why in tried(release(tmp_path, code), guardian)


def test_hangs(tmp_path: Path, guardian: Guardian) -> None:
    """One that hangs has its time."""
    why = tried(release(tmp_path, HANGS), guardian, start_timeout_s=0.1)
    assert "distrcomp 2.0 did not listen within 0.1 s" == why


def test_is_not_said_to_answer(tmp_path: Path, guardian: Guardian) -> None:
    """So has one of which the operator says nothing."""
    why = tried(release(tmp_path, f"{SAYS}{HANGS}"), guardian, answer_timeout_s=0.1, stays=True)
    assert "distrcomp 2.0 was not said to have answered within 0.1 s" == why


def test_cannot_be_started(tmp_path: Path, guardian: Guardian) -> None:
    """One without an interpreter is told of."""
    laid = release(tmp_path, "")
    assert "does not start: " in tried(replace(laid, folder=tmp_path / "gone"), guardian)
    assert os.path.lexists(laid.python)
