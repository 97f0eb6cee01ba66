"""Homes of an operator and of agents, each in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.cluster.authority import Authority, create_cluster
from launcher.cluster.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home in which nothing was made yet."""
    return Home(tmp_path / "home", tmp_path / "home" / "cache")


@pytest.fixture
def agent_home(tmp_path: Path) -> Home:
    """The home of another machine."""
    return Home(tmp_path / "agent", tmp_path / "agent" / "cache")


@pytest.fixture
def authority(home: Home) -> Authority:
    """A new cluster in `home`."""
    return create_cluster(home, "lab")
