"""What a run loads before it does anything."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from launcher import entry
from launcher.agent import spawning
from launcher.errors import Interrupted

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


class _Interrupting:
    """Ctrl-C, when the command line is about to be loaded."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "launcher.cli":
            raise KeyboardInterrupt


@pytest.mark.parametrize("words", [["run", "prog.py"], ["peers"]])
def test_ctrl_c_while_it_loads(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line and the exit code of an interrupt, no traceback; the early server has ended."""
    monkeypatch.setattr(sys, "argv", ["distrcomp", *words])
    monkeypatch.setattr(sys, "meta_path", [_Interrupting(), *sys.meta_path])
    for name in [name for name in sys.modules if name.startswith("launcher.cli")]:
        monkeypatch.delitem(sys.modules, name)
    thresholds = gc.get_threshold()
    try:
        with pytest.raises(SystemExit) as end:
            entry.main()
    finally:
        gc.set_threshold(*thresholds)
    assert (Interrupted.exit_code, "distrcomp: interrupted\n") == (
        end.value.code,
        capsys.readouterr().err,
    )
    assert [] == spawning._early
