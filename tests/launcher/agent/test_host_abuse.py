"""Launchers that reach for other people's runs, or for more than there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher import limits
from launcher.control import messages as m
from launcher.ship.manifest import FileEntry, Manifest, pack_manifest
from tests.launcher.agent.agent_kit import RUN_ID, hosting, lives, play, sandboxes, session
from tests.launcher.agent.test_host import OTHER_RUN, SLEEPER, refusal

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(
    "message",
    [m.CloseRun(), m.Go(), m.SignalNodes(9), m.AbortRun(0, ""), m.EndOfNode(0, ""), m.Input(b"x")],
)
def test_other_sessions_run(message: object, tmp_path: Path, leaks: object) -> None:
    """S-30: a session reaches its own run alone, whatever ids it knows: there are none to give."""

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as first, session(host) as second:
            await first.run(SLEEPER)
            await first.hear(m.Output)
            await second.greet()
            assert "may not come now" in await refusal(second, message)
            assert lives(int(first.printed()))

    play(act)


def test_flood_of_one_run(tmp_path: Path, leaks: object) -> None:
    """S-19: a run whose output nobody takes delays no other run, and holds back its own node."""
    program = "import os\nwhile True: os.write(1, bytes(65536))\n"

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as flooding, session(host) as other:
            await flooding.run(program)  # and never reads again
            await other.run("print('done')", run_id=OTHER_RUN)
            await other.hear(m.NodeExited)
            assert b"done\n" == other.printed()

    play(act)


@pytest.mark.parametrize(
    ("count", "size"),
    [(limits.BUNDLE_FILES_MAX + 1, 0), (2, limits.BUNDLE_BYTES_MAX), (1, 2**63)],
)
def test_bundles_too_large(count: int, size: int, tmp_path: Path, leaks: object) -> None:
    """S-18: too many files or bytes are refused before one is asked for, and nothing is laid."""
    entries = (FileEntry(f"{n}", 0o600, size, bytes(32)) for n in range(count))

    async def act() -> None:
        async with hosting(tmp_path) as host, session(host) as launcher:
            await launcher.greet()
            why = await refusal(launcher, m.OpenRun(RUN_ID, pack_manifest(Manifest((*entries,)))))
            assert "allowed" in why
            assert [] == [each for each in launcher.got if isinstance(each, m.Missing)]
            assert [] == sandboxes(tmp_path)

    play(act)
