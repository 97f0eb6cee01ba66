"""Commands of the comparison with mpi4py: what they print, and how they end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.versus import launching
from benchmarks.versus.launching import NoFigure
from tests.leaks import LeakChecker

pytestmark = pytest.mark.processes

# A launcher that forgets its node, and a node that removes its file when it is told to end.
LAUNCHER = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', *sys.argv[1:]]).wait()"
NODE = """
import os, signal, sys
def end(*_):
    os.remove(sys.argv[1])
    sys.exit()
signal.signal(signal.SIGTERM, end)
open(sys.argv[1], "w").close()
while True:
    signal.pause()
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: signal.pause()"


def python(code: str, *arguments: str) -> list[str]:
    """A command line."""
    return [sys.executable, "-c", code, *arguments]


def test_figures_are_the_last_line_of_json() -> None:
    """Whatever else a stack prints."""
    code = "print('a warning'); print('{\"send\": 1}'); print('{\"send\": 2, \"Send\": 3}')"
    assert {"send": 2.0, "Send": 3.0} == launching.figures(python(code), {}, 30)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print('hello')", "it ended well and printed no figure"),
        ("import sys; print('why'); sys.exit(3)", "exit code 3: why"),
        ("import sys; sys.exit(4)", "exit code 4: no word"),
    ],
)
def test_no_figure(code: str, said: str) -> None:
    """A command that prints none, or fails, says why."""
    with pytest.raises(NoFigure, match=said):
        launching.figures(python(code), {}, 30)


def test_nodes_may_clean_up(
    tmp_path: Path, leaks: LeakChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When time is up, the nodes of a launcher that forgets them are told to end, not killed."""
    monkeypatch.setattr(launching, "_GRACE_S", 2.0)
    file = tmp_path / "segment"
    with pytest.raises(NoFigure, match="not done after 2 s"):
        launching.output(python(LAUNCHER, NODE, str(file)), {}, 2.0)
    assert not file.exists()
    assert [] == leaks.processes()


def test_who_heeds_nothing_is_killed(leaks: LeakChecker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Launcher and node both ignore that they shall end."""
    monkeypatch.setattr(launching, "_GRACE_S", 0.2)
    ignoring = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{LAUNCHER}"
    with pytest.raises(NoFigure):
        launching.output(python(ignoring, DEAF), {}, 1.0)
    assert [] == leaks.processes()
