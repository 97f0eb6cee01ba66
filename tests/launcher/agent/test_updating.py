"""An agent's part in its update, where no process is needed; the rest is in cli/test_updating."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from launcher.agent.releases import Laid, Releases
from launcher.agent.updating import Updating
from launcher.cluster.home import Home
from launcher.control import updates as u
from launcher.control.channel import memory_pair
from launcher.environment.release import own_release
from launcher.ship.manifest import Manifest
from launcher.ship.store import Store
from tests.launcher.agent.agent_kit import play, until


class Held(Releases):
    """Is held up when a release is laid."""

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self.is_laying = threading.Event()
        self.may_go_on = threading.Event()

    def lay(self, version: str, manifest: Manifest, store: Store) -> Laid:
        self.is_laying.set()
        assert self.may_go_on.wait(60)
        return super().lay(version, manifest, store)


def test_an_operator_who_goes_while_a_release_is_laid(tmp_path: Path) -> None:
    """Nothing of it stays, though the thread that lays it can't be stopped."""
    releases, own = Held(Home(tmp_path, tmp_path)), own_release()
    unused: Any = None
    store = Store(tmp_path / "store", 2**30)
    for entry in store.missing(own.manifest.files):
        writer = store.writer(entry)
        writer.write(own.contents[entry.sha256])
        writer.commit()
    run: Any = SimpleNamespace(files=SimpleNamespace(stocked=lambda: own.manifest, store=store))

    async def act() -> None:
        updating = Updating(releases, unused, unused, (), None, lambda: None)
        _, channel = memory_pair()
        await updating.act(u.TryRelease(own.version), channel, run)
        await until(releases.is_laying.is_set)
        leaving = asyncio.ensure_future(updating.leave(channel))
        await asyncio.sleep(0)
        releases.may_go_on.set()
        await leaving
        assert [] == list(releases.folder.iterdir())
        store.close()

    play(act)
