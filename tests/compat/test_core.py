"""The core of mpi4py's suite, on two nodes; all of it is run by `python -m tests.compat`."""

from __future__ import annotations

import functools
import os
import subprocess

import pytest

from tests.compat.expected import surprises
from tests.compat.runs import BAD, Module, modules, run_module
from tests.compat.source import source

pytestmark = pytest.mark.processes

# What nearly every program of mpi4py uses, and takes seconds.
CORE = (
    "test_p2p_obj",
    "test_p2p_obj_matched",
    "test_p2p_buf",
    "test_p2p_buf_matched",
    "test_cco_obj",
    "test_msgzero",
    "test_status",
    "test_request",
    "test_group",
    "test_comm",
    "test_comm_topo",
    "test_pickle",
    "test_info",
    "test_environ",
    "test_toplevel",
    "test_package",
)


@functools.cache
def suite() -> dict[str, Module]:
    """The modules of the suite; skips where it can't be had, unless CI is set."""
    try:
        return modules(source())
    except (OSError, subprocess.CalledProcessError) as error:
        if "CI" in os.environ:
            raise
        pytest.skip(f"mpi4py's source distribution cannot be had: {error}")


@pytest.mark.parametrize("name", CORE)
def test_core(name: str) -> None:
    """Every test of the module passes, but for those that are listed with a reason."""
    result = run_module(suite()[name], 2)
    assert result.count("passed") > 0
    details = [
        f"{test}: {verdict.outcome}\n{verdict.detail}"
        for test, verdict in result.verdicts.items()
        if verdict.outcome in BAD
    ]
    assert surprises(result) == [], "\n".join(details)
