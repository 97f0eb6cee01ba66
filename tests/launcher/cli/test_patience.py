"""A line for who waits."""

from __future__ import annotations

import asyncio
import queue
import sys

import pytest

from launcher import limits
from launcher.cli import patience
from launcher.cli.patience import said_if_busy, said_if_slow


@pytest.mark.parametrize(
    ("is_terminal", "is_quiet", "said"),
    [(True, False, "distrcomp: waiting\n"), (True, True, ""), (False, False, "")],
)
def test_a_terminal_is_told_what_is_waited_for(
    is_terminal: bool,
    is_quiet: bool,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A person who looks gets the line, once it takes long; a file or who wants quiet none."""
    monkeypatch.setattr(limits, "SAID_AFTER_S", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)

    async def wait() -> None:
        async with said_if_slow("waiting", is_quiet=is_quiet):
            for _ in range(3):  # turns of the loop: the line's is among them
                await asyncio.sleep(0)

    asyncio.run(wait())
    assert said == capsys.readouterr().err


def test_what_is_quick_is_not_spoken_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is said before its time, nor once it is done."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    async def be_quick() -> None:
        async with said_if_slow("waiting"):
            pass

    asyncio.run(be_quick())
    assert "" == capsys.readouterr().err


def test_a_busy_thread_is_spoken_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no loop turns another thread says it meanwhile."""
    said = queue.Queue[str]()
    monkeypatch.setattr(limits, "SAID_AFTER_S", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(patience, "_say", said.put)
    with said_if_busy("reading"):
        assert "reading" == said.get(timeout=60)
