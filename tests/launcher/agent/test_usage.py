"""What a process has used."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from launcher.agent.usage import cpu_seconds, resident_bytes


def test_this_process_has_used_some() -> None:
    """About what Python says of it."""
    before = os.times()
    found = cpu_seconds(os.getpid())
    after = os.times()
    assert sum(before[:4]) - 0.05 <= found <= sum(after[:4]) + 0.05
    assert resident_bytes(os.getpid()) > 2**20


@pytest.mark.processes
def test_a_process_that_is_over_is_still_known() -> None:
    """Until it is reaped, exactly, however little that was; after that it is not known."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert 0 < cpu_seconds(process.pid) < 60
    assert 0 == resident_bytes(process.pid)
    process.wait()
    assert 0.0 == cpu_seconds(process.pid)
