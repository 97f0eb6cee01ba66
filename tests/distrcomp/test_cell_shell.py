"""What cells have in IPython's place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distrcomp.cell_shell import Shell, UnknownMagic, display


@pytest.fixture
def names() -> dict[str, Any]:
    """A cell's."""
    return {"what": "files", "number": 3}


@pytest.fixture
def shell(names: dict[str, Any]) -> Shell:
    """One whose cells are expressions."""
    return Shell(names, lambda source: eval(source, names))


@pytest.mark.parametrize(
    ("typed", "run"),
    [
        ("echo {what} $what {number + 1}", "files files 4"),
        ("x=home; echo ${x} {{what}} $$", None),
        ("echo '{not python' {nothing} $nothing.", "{not python {nothing} ."),
    ],
)
def test_commands_know_the_cells_names(shell: Shell, typed: str, run: str | None) -> None:
    """`{expression}` and `$name`; what the cells don't know is left to the shell."""
    (line,) = shell.getoutput(typed)
    if run is None:
        assert line.startswith("home {what} ")
    else:
        assert run == line


def test_a_command_s_end_is_known(shell: Shell, names: dict[str, Any]) -> None:
    """By `_exit_code`, whether its output is shown or taken."""
    shell.system("exit 3")
    assert 3 == names["_exit_code"]
    assert ["a", "b"] == shell.getoutput("printf 'a\\nb\\n'; exit 4")
    assert 4 == names["_exit_code"]
    shell.run_cell_magic("sh", "", "exit 5\n")
    assert 5 == names["_exit_code"]


def test_time_is_told(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Also of what raises; the value is that of the last line."""
    assert 6 == shell.run_line_magic("time", "number * 2")
    with pytest.raises(ZeroDivisionError):
        shell.run_cell_magic("time", "", "1 / 0")
    lines = capsys.readouterr().out.splitlines()
    assert ["CPU times", "Wall time"] * 2 == [line.partition(":")[0] for line in lines]


def test_help(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """`name?` shows what Python knows; of what is not there that."""
    shell.run_line_magic("pinfo", "len")
    shell.run_line_magic("pinfo2", "nothing")
    said = capsys.readouterr().out
    assert "Return the number of items in a container." in said
    assert said.endswith("Object `nothing` not found.\n")


def test_folders(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """`%cd` says where it has gone; `%pwd` where that is."""
    monkeypatch.chdir("/")
    shell.run_line_magic("cd", str(tmp_path))
    assert f"{tmp_path}\n" == capsys.readouterr().out
    assert str(tmp_path) == shell.run_line_magic("pwd", "")
    assert None is shell.run_line_magic("matplotlib", "inline")


def test_what_nodes_have_not_is_named(shell: Shell) -> None:
    """With what there is; and of IPython's other parts that none of it is there."""
    with pytest.raises(
        UnknownMagic, match="nodes have no %%writefile; they have %%bash %%sh %%time"
    ):
        shell.run_cell_magic("writefile", "x", "")
    with pytest.raises(UnknownMagic, match="on nodes %%time takes nothing behind it"):
        shell.run_cell_magic("time", "x", "1")
    with pytest.raises(AttributeError, match="no IPython runs there"):
        shell.show_usage()


def test_display(capsys: pytest.CaptureFixture[str]) -> None:
    """Each value in words."""
    display([1], "s")
    assert "[1]\n's'\n" == capsys.readouterr().out
