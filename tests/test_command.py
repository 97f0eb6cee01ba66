"""The helper that types commands: what it starts, reads, ends and hands on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.command import Command, Machine
from tests.leaks import TAG, LeakChecker

pytestmark = pytest.mark.processes

PAUSE = "import signal; print('ready', flush=True); signal.pause()"
HEEDLESS = "import signal; signal.signal(2, signal.SIG_IGN); print('ready', flush=True); input()"


def start_python(machine: Machine, code: str, stdin: str | bytes = b"") -> Command:
    """A Python program on `machine`."""
    return machine.start_program(sys.executable, "-c", code, stdin=stdin)


def test_result_holds_everything(machine: Machine) -> None:
    """Exit code, both streams, and bytes that are no UTF-8 arrive whole; stdin is fed."""
    code = "import os; os.write(1, os.read(0, 9)); os.write(2, b'oops'); os._exit(7)"
    result = start_python(machine, code, stdin=b"\xffab").wait()
    assert result == (7, "\udcffab", "oops")
    assert result.out.encode("utf-8", "surrogateescape") == b"\xffab"


def test_much_output_blocks_nothing(machine: Machine) -> None:
    """More output and input than any pipe holds passes while nobody reads line by line."""
    code = "import sys; print(len(sys.stdin.read())); print('x' * 1_000_000, file=sys.stderr)"
    result = start_python(machine, code, stdin="y" * 1_000_000).wait()
    assert (result.out, len(result.err)) == ("1000000\n", 1_000_001)


def test_wait_for_line_sees_a_running_command(machine: Machine) -> None:
    """A line is given as soon as it is whole, while the command goes on; Ctrl-C ends that."""
    command = start_python(machine, PAUSE)
    assert command.wait_for_line("read") == "ready"
    assert command.is_running
    command.interrupt()
    assert "KeyboardInterrupt" in command.wait().err


def test_wait_for_line_says_what_came_instead(machine: Machine) -> None:
    """The end of the output, and the bound, are errors that show what was printed."""
    command = start_python(machine, "print('something else')")
    with pytest.raises(AssertionError, match=r"(?s)before its output ended.*something else"):
        command.wait_for_line("never")
    command = start_python(machine, PAUSE)
    with pytest.raises(AssertionError, match="in time"):
        command.wait_for_line("never", timeout=0.0)


def test_wait_has_a_bound(machine: Machine) -> None:
    """A command that doesn't end is an error at the bound, and `kill` ends it."""
    command = start_python(machine, PAUSE)
    with pytest.raises(AssertionError, match="still runs"):
        command.wait(timeout=0.0)
    command.kill()
    assert command.wait().code == -9


def test_end_kills_the_heedless(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that ignores Ctrl-C is killed at the end, and that is an error."""
    monkeypatch.setattr("tests.command.STOP_TIMEOUT_S", 0.1)
    command = start_python(machine, HEEDLESS.replace("input()", "signal.pause()"))
    command.wait_for_line("ready")
    with pytest.raises(AssertionError, match="still runs"):
        command.end()
    assert not command.is_running


def test_environment_is_scrubbed(
    machine: Machine, leaks: LeakChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the test's own environment travels; home and temporary folder are the test's."""
    monkeypatch.setenv("DISTRCOMP_PEERS", "elsewhere.txt")
    monkeypatch.setenv("RANK", "3")
    environment = machine.environment({"COLUMNS": "80", "HOME": None})
    assert {name: environment[name] for name in environment if "DISTRCOMP" in name} == {
        "DISTRCOMP_HOME": str(machine.home),
        TAG: leaks.tag,
    }
    assert (environment["COLUMNS"], environment["TMPDIR"]) == ("80", str(machine.temp_dir))
    assert not environment.keys() & {"RANK", "HOME"}


def test_commands_have_their_own_session(machine: Machine) -> None:
    """A command leads a session of its own, so that Ctrl-C reaches it and not the tests."""
    result = start_python(machine, "import os; print(os.getsid(0) == os.getpid())").wait()
    assert result.out == "True\n"


def test_command_starts_in_the_work_folder(machine: Machine, tmp_path: Path) -> None:
    """Without a folder of the caller's a command starts in the machine's own."""
    code = "import os; print(os.getcwd())"
    assert start_python(machine, code).wait().out == f"{machine.work_dir}\n"
    moved = machine.start_program(sys.executable, "-c", code, cwd=tmp_path)
    assert moved.wait().out == f"{tmp_path}\n"
