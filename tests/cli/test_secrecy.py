"""What a run on one machine opens, obeys and shows to others: nothing."""

from __future__ import annotations

import itertools
import stat
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.cli.programs import run_source
from tests.command import Command, Machine
from tests.exposure import descriptors, odd_descriptors, shown_by
from tests.leaks import LeakChecker, listening_ports

pytestmark = pytest.mark.processes

WAIT = """
import distrcomp as dc
print("ready", flush=True)
dc.recv((dc.node_id + 1) % dc.n_node)
"""


@pytest.fixture
def waiting_run(machine: Machine) -> Iterator[Command]:
    """A run of three nodes that wait for each other."""
    (machine.work_dir / "prog.py").write_text(WAIT)
    run = machine.start("run", "-n", "3", "--output", "live", "prog.py")
    for node in range(3):
        run.wait_for_line(f"[{node}] ready")
    yield run
    run.interrupt()
    run.wait()


def unix_names(pids: list[int]) -> set[str]:
    """The names of the Unix sockets that these processes have open; abstract ones begin with @."""
    held = {to for pid in pids for to in descriptors(pid).values()}
    lines = Path("/proc/net/unix").read_text().splitlines()[1:]
    words = [line.split() for line in lines]
    return {each[7] for each in words if len(each) > 7 and f"socket:[{each[6]}]" in held}


def test_nothing_listens(leaks: LeakChecker, waiting_run: Command) -> None:
    """S-45, S-44: without any set-up nothing listens, not even on loopback; by a name the launcher
    does, for `distrcomp ps`: in a folder of its own (tests/launcher/agent/test_window)."""
    processes = leaks.processes()
    assert 6 == len(processes)  # launcher, guardian, fork server, nodes
    assert [] == list(itertools.chain(*map(listening_ports, processes)))
    names = unix_names([process.pid for process in processes])
    assert ["look"] == [Path(name).name for name in names]


def test_nothing_is_shown(leaks: LeakChecker, machine: Machine, waiting_run: Command) -> None:
    """S-39, S-40, S-42: no secret is to be seen, no odd descriptor held, the folder is private.

    Its name is one of chance, so nobody can have put another one there before.
    """
    for process in leaks.processes():
        assert [] == shown_by(process.pid)
        if "distrcomp.node" in process.cmdline():
            assert {} == odd_descriptors(process.pid)
    (folder,) = machine.temp_dir.glob("distrcomp-*")
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert len(folder.name) >= len("distrcomp-") + 8
    (sandbox,) = (folder / "sandboxes").glob("run-*")
    assert 0o700 == stat.S_IMODE(sandbox.stat().st_mode)


ODD = [
    "-rf",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "a\nb",
    "'\"",
    "|",
    "*",
    "\x1b[2J",
]


def test_arguments_are_no_shell(machine: Machine) -> None:
    """S-23: arguments reach a program as they are, whatever a shell would make of them."""
    (machine.work_dir / "prog.py").write_text("import sys\nprint(ascii(sys.argv[1:]))\n")
    result = machine.run("run", "-n", "1", "prog.py", *ODD)
    assert ascii(ODD) in result.out, result
    result = machine.run("run", "-n", "1", "--", "printf", "%s|", *ODD[1:4])
    assert "$(touch pwned)|`touch pwned`|; touch pwned|" in result.out
    assert not list(machine.work_dir.glob("pwned"))


@pytest.mark.parametrize("name", ["-rf.py", "$(touch pwned);'.py"])
def test_names_are_no_shell(machine: Machine, name: str) -> None:
    """S-23: files are shipped, run and named under odd names as under others."""
    (machine.work_dir / name).write_text("raise ValueError('boom')\n")
    (machine.work_dir / "$(touch pwned).txt").write_text("x")
    result = machine.run("run", "-n", "1", "--include", "*.txt", "--", name)
    assert "ValueError: boom" in result.out
    assert name in result.out
    assert not list(machine.work_dir.glob("pwned"))


def test_variables_are_no_shell(machine: Machine) -> None:
    """S-23: neither are the values of forwarded variables."""
    source = "import os\nprint(ascii(os.environ['A']))\n"
    result = run_source(machine, source, "-n", "1", "-x", "A=$(touch pwned);\n")
    assert ascii("$(touch pwned);\n") in result.out
    assert not list(machine.work_dir.glob("pwned"))


@pytest.mark.parametrize("listen", ["0.0.0.0:7001", "127.0.0.1:7001"])
def test_no_agent_without_credentials(machine: Machine, listen: str) -> None:
    """S-46, S-45: there is no way to run an agent without credentials, by no variable either."""
    changes = {"DISTRCOMP_AGENT_INSECURE": "1", "DISTRCOMP_INSECURE": "1"}
    result = machine.run("agent", "--listen", listen, env=changes)
    assert 3 == result.code
    assert "distrcomp agent --join LINE" in result.err


def test_no_insecure_option() -> None:
    """S-46: no command has an option by which it would do without proof of who is who."""
    from launcher.cli import main

    def options(command: click.Command) -> Iterator[str]:
        yield from itertools.chain(*(parameter.opts for parameter in command.params))
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                yield from options(child)

    found = set(options(main))
    assert "--credentials" in found
    assert {each for each in found if "secure" in each or "verify" in each} == set()
