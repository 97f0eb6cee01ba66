"""Help as a manual: each option has its sentence and its place, each example can be typed."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from launcher.cli import main
from launcher.cli.help import EXAMPLES, SECTIONS
from tests.test_docs import commands, parse

ALL = [(" ".join(path), command) for path, command in commands(main)]


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_every_option_has_a_sentence(path: str, command: click.Command) -> None:
    """It begins as one and ends with a full stop, or names a value."""
    told = {
        param.name: param.help or ""
        for param in command.get_params(click.Context(command))
        if isinstance(param, click.Option) and not param.hidden
    }
    assert {} == {name: text for name, text in told.items() if not text.endswith(".")}
    assert (command.help or "").split("\n")[0].strip() != ""


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_variables_are_named_after_options(path: str, command: click.Command) -> None:
    """DISTRCOMP_DOCTOR_JSON is `--json` of doctor: an option arrives by one of its own names."""
    for param in command.params:
        long = [each[2:].replace("-", "_") for each in param.opts if each.startswith("--")]
        if isinstance(param, click.Option) and long:
            assert param.name in long


def test_options_of_run_stand_under_headings() -> None:
    """In this order; none is lost, and only the general ones have no heading of their own."""
    run = main.get_command(click.Context(main), "run")
    assert run is not None
    text = CliRunner().invoke(main, ["run", "--help"]).output
    at = [text.index(f"\n{heading}:\n") for heading in [*SECTIONS, "More options", "Examples"]]
    assert sorted(at) == at
    named = {name for names in SECTIONS.values() for name in names}
    options = {each.name for each in run.params if isinstance(each, click.Option)}
    assert {"version"} == options - named
    for option in (opt for each in run.params if each.name in options for opt in each.opts):
        assert option in text


def test_examples_are_shown() -> None:
    """Each stands in the help of its command."""
    shown = {}
    for path, command in ALL:
        examples = EXAMPLES.get(command.name or "", ())
        text = CliRunner().invoke(main, [*path.split(), "--help"]).output
        assert all(line in text and meaning in text for line, meaning in examples), path
        shown.update({command.name or "": examples})
    assert set(EXAMPLES) <= set(shown)


@pytest.mark.parametrize("line", [line for each in EXAMPLES.values() for line, _ in each])
def test_examples_can_be_typed(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """click takes each of them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "peers.txt").touch()
    parse(main, shlex.split(line)[1:])


def test_the_version_comes_first_and_then_what_is_here() -> None:
    """Python with its path, numpy, the links; the same from every command that has the option."""
    lines = CliRunner().invoke(main, ["--version"]).output.splitlines()
    assert lines[0].startswith("distrcomp, version ")
    words = [line.split()[0] for line in lines[1:]]
    assert ["Python", "numpy", "copy", "links", "extras"] == words
    assert "TCP" in lines[4]
    assert lines == CliRunner().invoke(main, ["run", "--version"]).output.splitlines()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("rnu", "there is no command 'rnu'; did you mean run?"),
        ("prog.py", "there is no command 'prog.py'; to run it: distrcomp run prog.py"),
        ("quux", "there is no command 'quux'\n"),
    ],
)
def test_an_unknown_command_is_answered_with_what_was_meant(word: str, said: str) -> None:
    """A slip of the fingers, a program without `run`, and what is like nothing."""
    result = CliRunner().invoke(main, [word])
    assert (2, True) == (result.exit_code, said in result.output), result.output
