"""A run as a Python call."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

import launcher
from launcher.calling import Options, command_words, request_from, words_of
from launcher.cli.run import run as command
from launcher.errors import BadUsage, LauncherError
from tests.command import Machine
from tests.leaks import wait_until
from tests.pages import blocks, write_programs

SLOW = """
import pathlib, sys, time
try:
    pathlib.Path(sys.argv[1]).touch()
    time.sleep(60)
finally:
    print("cleaned up", flush=True)
"""


@pytest.fixture
def here(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a machine, with its environment, to call in."""
    for name, value in machine.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(machine.work_dir)
    monkeypatch.setattr("tempfile.tempdir", str(machine.temp_dir))
    return machine.work_dir


def test_options_become_words() -> None:
    """Flags, lists, dictionaries, single letters; a colon of the program's stays one."""
    words = command_words(
        "prog.py",
        ("a", ":"),
        {
            "n": 2,
            "env": {"A": "1"},
            "include": ["x", "y"],
            "strict": True,
            "mpi4py": False,
            "with_": ["p"],
        },
    )
    assert [
        *("-n", "2", "--env", "A=1", "--include", "x", "--include", "y", "--strict"),
        *("--with", "p"),
        *("--", "prog.py", "a", "\\:"),
    ] == words
    assert ["-m", "mod", "-n"] == command_words("mod", ("-n",), {"m": True})
    assert ["-c", "pass"] == command_words("pass", (), {"c": True})
    packages: Options = {"with_": ["a", "b>1"], "allow_skew": True}
    given = ["--with", "a", "--with", "b>1", "--allow-skew"]
    assert [*given, "--", "p.py"] == command_words("p.py", (), packages)


def test_several_programs_become_words() -> None:
    """The options of the run come first, those of each program before it."""
    one = launcher.Program("a.py", ":", n=1, env={"A": "1"})
    two = launcher.Program("mod", m=True, n=3)
    assert [
        *("--timeout", "5", "-n", "1", "--env", "A=1", "--", "a.py", "\\:", ":"),
        *("-n", "3", "-m", "mod"),
    ] == words_of(one, (two,), {"timeout": 5})


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: launcher.run(None), "text or paths; got None"),
        (lambda: launcher.run("p.py", 3), "text or paths; got 3"),
        (lambda: launcher.run("p.py", launcher.Program("q.py", n=1)), "text or paths; got <"),
        (
            lambda: launcher.run(launcher.Program("q.py", n=1), "x"),
            "only others can stand; got 'x'",
        ),
        (lambda: launcher.run(launcher.Program("q.py"), n=1), "n is for each of several programs"),
        (lambda: launcher.run("p.py", input=3), "input is text or bytes; got 3"),
        (lambda: launcher.run("p.py", env={"A": None}), "A has no value"),
        (lambda: launcher.run("p.py", "a\0b"), "holds a NUL"),
        (lambda: launcher.run("p.py", help=True), "help is for the command line only"),
        (lambda: launcher.run("p.py", version=True), "version is for the command line only"),
    ],
)
def test_wrong_calls(call: Callable[[], object], said: str, capsys: Any) -> None:
    """They are told in a sentence, and nothing is printed."""
    with pytest.raises(BadUsage, match=re.escape(said)):
        call()
    assert "" == capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        *(["--none"], ["-n", "0", "x.py"], ["--help"], ["--version"]),
        *(["--engine", "mpi", "x.py"], ["--dry-run", "x.py"]),
    ],
)
def test_wrong_options(words: list[str]) -> None:
    """They are the caller's mistake, whoever finds it."""
    with pytest.raises(BadUsage):
        request_from(words)


def test_every_option_has_its_type() -> None:
    """What the command takes the call takes, but for what only a terminal needs."""
    known = {opt for each in command.params if isinstance(each, click.Option) for opt in each.opts}
    values: list[dict[str, str]] = [{name: "1"} for name in Options.__annotations__]
    typed = {command_words("x", (), value)[0] for value in values}  # type: ignore[arg-type]
    only_there = [
        "--version",
        "--dry-run",
        "--engine",
        "--quiet",
        "-q",
        "--verbose",
        "-v",
        "--debug",
    ]
    spellings = ["-np", "--hostfile", "--machinefile", "-H", "--preload-files", "-x"]
    assert {"--input"} == typed - known
    assert {*only_there, *spellings} == known - typed


def test_the_package_is_a_function_too() -> None:
    """`launcher.run` can be called, and is the package below which the parts of a run lie."""
    from launcher.run import plan

    assert callable(launcher.run)
    assert plan.make_plan is sys.modules["launcher.run.plan"].make_plan
    with pytest.raises(AttributeError):
        launcher.nothing  # noqa: B018  the look itself
    assert issubclass(launcher.RunFailed, LauncherError)


@pytest.mark.processes
def test_what_comes_back(here: Path) -> None:
    """Codes, output and cause; stdin as it was given; inside a loop that runs; nothing printed."""
    code = "import os, sys\nprint(sys.stdin.read(), os.environ['RANK'])\nsys.exit(int(sys.argv[1]))"

    async def call() -> launcher.Result:
        return launcher.run(code, "3", n=1, c=True, input=b"typed")

    result = asyncio.run(call())
    (node,) = result.nodes
    assert (3, 3, "failed", "typed 0\n") == (
        result.exit_code,
        node.exit_code,
        node.outcome,
        node.output,
    )
    assert "node 0 on localhost ended with exit code 3" == result.cause
    assert result.report.startswith(result.cause)
    with pytest.raises(launcher.RunFailed, match="exit code 3") as caught:
        result.check()
    assert caught.value.result is result


@pytest.mark.processes
def test_files_that_were_brought_back(here: Path) -> None:
    """As they lie here."""
    code = "import os\nopen(f'{os.environ[\"RANK\"]}.txt', 'w').write('x' * 3)"
    result = launcher.run(code, n=2, c=True, collect=["*.txt"])
    assert ["0.txt", "1.txt"] == [file.name for file in result.check().files]
    assert ["xxx", "xxx"] == [file.read_text() for file in result.files]


@pytest.mark.processes
def test_a_report_is_written(here: Path) -> None:
    """As the command writes it; one that can't be is found before anything runs."""
    result = launcher.run("true", n=1, report=here / "run.txt")
    assert result.report == (here / "run.txt").read_text()
    with pytest.raises(BadUsage, match=r"run\.pdf"):
        launcher.run("true", n=1, report="run.pdf")


@pytest.mark.processes
def test_a_run_that_cannot_begin(here: Path) -> None:
    """What is missing is raised where it was called."""
    with pytest.raises(BadUsage, match="there is no program none"):
        launcher.run("none.py", n=1)
    with pytest.raises(BadUsage, match="--stdin 7"):
        launcher.run("true", n=1, stdin=7)


@pytest.mark.processes
def test_interrupt_ends_the_run(here: Path) -> None:
    """Ctrl-C is raised when the nodes have cleaned up."""
    program = here / "caller.py"
    (here / "slow.py").write_text(SLOW)
    begun = here / "begun"
    program.write_text(
        "import launcher\n"
        "try:\n"
        f"    launcher.run('slow.py', {str(begun)!r}, n=1, output='raw')\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE) as caller:
        watch = threading.Thread(target=_interrupt_once, args=(begun, caller.pid), daemon=True)
        watch.start()
        out, _ = caller.communicate(timeout=60)
        watch.join()
    assert b"cleaned up\ninterrupted\n" == out


def _interrupt_once(begun: Path, pid: int) -> None:
    wait_until(begun.exists, 30, "the program has begun")
    os.kill(pid, signal.SIGINT)


@pytest.mark.processes
def test_the_page_is_a_program(machine: Machine) -> None:
    """The blocks of docs/python.md, one after the other."""
    page = "docs/python.md"
    write_programs(page, machine.work_dir)
    code = "\n".join(block for block in blocks(page, "python") if not block.startswith("# "))
    result = machine.start_program(sys.executable, "-c", code).wait()
    assert (0, "") == (result.code, result.err)
    assert [
        "0 node 1 of 2",
        "",
        "here, too",
        "",
        "to the node of `stdin`, 0 by default",
        "3",
    ] == result.out.splitlines()
