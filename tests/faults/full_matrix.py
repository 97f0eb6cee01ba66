"""A pytest plugin: `--full-matrix` also runs the tests of faults that CI has no time for."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--full-matrix`."""
    parser.addoption(
        "--full-matrix", action="store_true", help="every victim in every phase, and all cuts"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the rest out where it is not asked for."""
    if config.getoption("--full-matrix"):
        return
    left_out = [item for item in items if item.get_closest_marker("full_matrix")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
