"""What a run loads before it does anything."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Each of them costs a run on one machine as much as its nodes, and it has no use for it.
NOT_FOR_A_RUN = {
    "cryptography": "certificates are for runs on several machines",
    "distrcomp.engine": "the launcher is no node",
    "email": "nothing here is mail",
    "numpy": "the launcher computes nothing",
    "psutil": "looked at where somebody looks",
    "rich": "there may be no terminal",
    "zeroconf": "peers are found by `peers discover`",
}


@pytest.mark.processes
def test_a_run_loads_little() -> None:
    """What `distrcomp run` has loaded when it knows what to run, and what it has not."""
    code = "import launcher.entry, launcher.cli.run, launcher.cli.running, sys; print(*sys.modules)"
    words = [sys.executable, "-c", code]
    loaded = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert "launcher.run.launch" in loaded
    assert [] == [name for name in NOT_FOR_A_RUN if name in loaded]
