"""What a peer may be told about getting files from others; what comes of it is in test_stock."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.control.passing import FetchFrom
from launcher.errors import PeerRefused
from tests.launcher.agent.agent_kit import opening, play
from tests.launcher.agent.peer_run_kit import opened

pytestmark = pytest.mark.processes


def test_nothing_is_fetched_without_a_pass(tmp_path: Path, leaks: object) -> None:
    """Who can't prove itself does not dial others."""

    async def act() -> None:
        async with opened(tmp_path) as (run, _):
            await run.files.open(opening({"a": "one"}))
            with pytest.raises(PeerRefused, match="nothing can be fetched now"):
                run.files.exchange.fetch(FetchFrom(1, "127.0.0.1", 9))

    play(act)
