"""A listening agent of a real cluster, for the tests of the server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from launcher.agent.host import Host
from launcher.agent.server import Server, listen
from tests.launcher.agent.agent_kit import play, sandboxes
from tests.launcher.agent.server_kit import Agent
from tests.launcher.lab import Lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The cluster of the agent under test."""
    return Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def credentials(lab: Lab) -> Any:
    """Those of the agent under test, called h1."""
    return lab.agent("h1")


@pytest.fixture
def on_agent(
    tmp_path: Path, leaks: object, lab: Lab, credentials: Any, caplog: pytest.LogCaptureFixture
) -> Callable[..., None]:
    """Plays an act on an agent that listens; at the end nothing of any run lies there."""
    caplog.set_level(logging.INFO, "distrcomp.agent")

    @contextlib.asynccontextmanager
    async def serving() -> AsyncIterator[Agent]:
        listeners = listen("127.0.0.1", 0)
        port = listeners[0].getsockname()[1]
        host = Host(tmp_path, "h1", 4)
        server = Server(host, credentials)
        task = asyncio.ensure_future(server.serve(listeners))
        try:
            yield Agent(lab, server, port, caplog)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await host.close()

    def run(act: Callable[[Agent], Any]) -> None:
        async def go() -> None:
            async with serving() as agent:
                await act(agent)

        play(go)
        assert [] == sandboxes(tmp_path)

    return run
