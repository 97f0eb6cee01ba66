"""The fixtures of all tests with several hosts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.hosts.cluster import Cluster
from tests.hosts.network import Network, network, why_impossible
from tests.leaks import LeakChecker, wait_until

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder is a test with several hosts."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.hosts)


def go_without(reason: str | None, environment: Mapping[str, str]) -> None:
    """Skips for `reason`, if there is one; in CI, where nothing may be skipped, fails instead."""
    if reason and environment.get("CI"):
        pytest.fail(f"{reason}; in CI these tests may not be skipped", pytrace=False)
    if reason:
        pytest.skip(reason)


@pytest.fixture
def can_network() -> None:
    """Lets the test go on where networks can be made."""
    go_without(why_impossible(), os.environ)


@pytest.fixture
def three_hosts(can_network: None, tmp_path: Path, leaks: LeakChecker) -> Iterator[Network]:
    """Hosts h1, h2, h3 and operator on one network; at the end nothing of them may be left."""
    with network(tmp_path, leaks) as made:
        yield made


@pytest.fixture
def cluster(three_hosts: Network) -> Iterator[Cluster]:
    """Three joined hosts with listening agents, on which nothing of a run may stay."""
    made = Cluster(three_hosts)
    yield made
    wait_until(lambda: not made.sandboxes(), 10, "the sandboxes to be removed")
    wait_until(lambda: not made.node_processes(), 10, "the nodes to be gone")
