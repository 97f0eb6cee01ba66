"""Defaults for options that a program brings along."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest

from launcher.cli.defaults import with_defaults
from launcher.cli.program_needs import read_program
from launcher.cli.run import run
from launcher.errors import BadUsage


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, where the program lies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISTRCOMP_PEERS", raising=False)
    return tmp_path


def write(*lines: str) -> None:
    """A program that says this of itself."""
    block = ["# /// script", "# [tool.distrcomp]", *(f"# {line}" for line in lines), "# ///", ""]
    Path("prog.py").write_text("\n".join(block))


def options_of(*words: str) -> dict[str, Any]:
    """The options of `distrcomp run WORDS... prog.py`, the program's defaults among them."""
    ctx = run.make_context("run", [*words, "prog.py"], auto_envvar_prefix="DISTRCOMP_RUN")
    program = ctx.params.pop("program")
    return with_defaults(ctx, read_program(program, ctx.params), ctx.params)


def why_refused(*lines: str) -> str:
    """Why a program that says this is not run."""
    write(*lines)
    with pytest.raises(BadUsage) as caught:
        options_of()
    return str(caught.value)


def test_all_kinds() -> None:
    """Numbers, texts, lists and flags arrive as if they had been typed."""
    write(
        *("nodes = 3", 'files = ["data/*.csv"]', 'exclude = ["*.bak"]', "timeout = 30"),
        *("recv-timeout = 1.5", "mpi4py = true", 'on_failure = "continue"', 'env = ["A=1"]'),
    )
    typed = ("-n", "3", "--include", "data/*.csv", "--exclude", "*.bak", "--timeout", "30")
    more = ("--recv-timeout", "1.5", "--mpi4py", "--on-failure", "continue", "-x", "A=1")
    got = options_of()
    Path("prog.py").write_text("print()\n")
    assert options_of(*typed, *more) == got


def test_what_is_typed_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """An option on the command line, or in the environment, is not changed."""
    write("n = 3", "timeout = 30", 'wdir = "data"')
    monkeypatch.setenv("DISTRCOMP_RUN_WDIR", "other")
    got = options_of("-n", "5")
    assert ("5", 30.0, "other") == (got["n"], got["timeout"], got["wdir"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('peers = "peers.txt"', (Path("peers.txt"), None)),
        ('peers = ["h1:2", "h2"]', (None, "h1:2,h2")),
        ('host = "h1:2,h2"', (None, "h1:2,h2")),
    ],
)
def test_peers(line: str, expected: tuple[Path | None, str | None]) -> None:
    """A peers file, or hosts as in -H; either on the command line takes the place of both."""
    write(line)
    got = options_of()
    assert expected == (got["peers"], got["host"])
    got = options_of("-H", "h9")
    assert (None, "h9") == (got["peers"], got["host"])
    got = options_of("--peers", "mine.txt")
    assert (Path("mine.txt"), None) == (got["peers"], got["host"])


def test_other_programs() -> None:
    """One without a block, a command and a file that is not there change nothing."""
    Path("prog.py").write_text("print()\n")
    assert options_of()["n"] is None
    Path("prog.py").unlink()
    assert options_of()["n"] is None


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("timeut = 3", "tool.distrcomp.timeut is not an option .* did you mean timeout?"),
        ("zzz = 3", "known are .*, files, .*, nodes, "),
        ('report = "/etc/passwd"', "is not an option that a program may set"),
        ('output-dir = "x"', "is not an option that a program may set"),
        ('data-plane = "plain"', "is not an option that a program may set"),
        ('debug = true', "is not an option that a program may set"),
        ("n = true", 'tool.distrcomp.n takes a number, or "auto"; got True'),
        ('timeout = "long"', "tool.distrcomp.timeout takes a number; got 'long'"),
        ("timeout = 0", "tool.distrcomp.timeout: 0.* is not in the range"),
        ("mpi4py = 1", "tool.distrcomp.mpi4py takes true or false; got 1"),
        ('files = "x"', "tool.distrcomp.files takes a list of texts; got 'x'"),
        ("files = [1]", "tool.distrcomp.files takes a list of texts"),
        ("wdir = 3", "tool.distrcomp.wdir takes a text; got 3"),
        ('on-failure = "x"', "tool.distrcomp.on-failure: 'x' is not one of"),
        ("peers = [1]", "tool.distrcomp.peers takes the path of a peers file, or a list"),
        ("peers = 1", "tool.distrcomp.peers takes a text"),
        ('env = ["SECRET"]', "what is set here is forwarded by -x SECRET alone|by -x VAR alone"),
    ],
)  # fmt: skip
def test_what_is_refused(line: str, why: str) -> None:
    """Unknown keys and wrong values are one sentence; nothing dangerous may be set."""
    assert re.search(f"^prog.py: .*{why}", why_refused(line))


def test_a_run_takes_them(folder: Path) -> None:
    """The command itself applies them before anything else is looked at."""
    write("n = 0")
    with pytest.raises(BadUsage, match="-n takes the number of nodes"):
        run.main(["prog.py"], standalone_mode=False, auto_envvar_prefix="DISTRCOMP_RUN")
    assert isinstance(run, click.Command)
