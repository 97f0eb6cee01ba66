"""What a peer may be told about getting files from others; what comes of it is in test_stock."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.cluster.run_credentials import RunAuthority
from launcher.control.passing import FetchFrom, TakePass
from launcher.errors import PeerRefused
from tests.launcher.agent.agent_kit import RUN_ID, opening, play
from tests.launcher.agent.peer_run_kit import opened

pytestmark = pytest.mark.processes


def pass_of(peer: int) -> TakePass:
    """A peer's pass, by an authority of its own."""
    authority = RunAuthority(RUN_ID)
    return TakePass(peer, authority.ca_pem, authority.peer(peer))


def test_a_second_pass_is_refused(tmp_path: Path, leaks: object) -> None:
    """A peer stays who it is, and lets in whom it has let in before."""

    async def act() -> None:
        async with opened(tmp_path) as (run, _):
            exchange = run.files.exchange
            exchange.take_pass(pass_of(0))
            first = exchange.own_pass
            with pytest.raises(PeerRefused, match="this peer has its pass already"):
                exchange.take_pass(pass_of(1))
            assert first is exchange.own_pass

    play(act)


def test_nothing_is_fetched_without_a_pass(tmp_path: Path, leaks: object) -> None:
    """Who can't prove itself does not dial others."""

    async def act() -> None:
        async with opened(tmp_path) as (run, _):
            await run.files.open(opening({"a": "one"}))
            with pytest.raises(PeerRefused, match="nothing can be fetched now"):
                run.files.exchange.fetch(FetchFrom(1, "127.0.0.1", 9))

    play(act)
