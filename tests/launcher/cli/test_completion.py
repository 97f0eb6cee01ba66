"""What Tab offers, by click's own way of asking, and how little that loads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete

from launcher.agent.window_folder import window_name, windows_folder
from launcher.cli import main
from launcher.cluster.home import Home

HEAVY = {"asyncio", "rich", "cryptography", "numpy", "ssl"}


def offered(*words: str) -> list[str]:
    """What a shell is offered for the last of these words."""
    complete = BashComplete(main, {"auto_envvar_prefix": "DISTRCOMP"}, "distrcomp", "_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with programs and other files, to be in."""
    for name in ("ring.py", "run.txt", "inner/other.py", ".hidden.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISTRCOMP_HOME", str(tmp_path / "home"))
    return tmp_path


def test_commands_and_options() -> None:
    """Commands by their beginning; a command's options."""
    assert ["peers", "ps"] == offered("p")
    assert ["--timeout"] == offered("run", "--tim")
    assert ["abort", "continue"] == offered("run", "--on-failure", "")


def test_programs_are_python_files_and_folders(folder: Path) -> None:
    """No other file; hidden ones when asked for; inside folders, too."""
    assert ["inner/", "ring.py"] == offered("run", "-n", "4", "")
    assert ["ring.py"] == offered("run", "r")
    assert [".hidden.py"] == offered("run", ".h")
    assert ["inner/other.py"] == offered("run", "inner/")
    assert [] == offered("run", "nowhere/x")


def test_peers_are_those_of_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The named file's, or the default's; after a comma as well; a bad file offers nothing."""
    (folder / "peers.txt").write_text("h1\nh2 slots=2\nother:7000\n")
    assert ["h1", "h2"] == offered("run", "--peers", "peers.txt", "-H", "h")
    monkeypatch.setenv("DISTRCOMP_PEERS", "peers.txt")
    assert ["h1,other"] == offered("ps", "-H", "h1,o")
    (folder / "peers.txt").write_text("bad name!\n")
    assert [] == offered("ps", "-H", "h")


def test_runs_are_those_of_living_launchers(folder: Path) -> None:
    """By the windows that lie there; one whose process is gone is not offered."""
    assert [] == offered("stacks", "")
    windows = windows_folder(Home.find(os.environ))
    windows.mkdir(parents=True)
    (windows / window_name(bytes(range(16)))).mkdir()
    (windows / f"999999999-{'f' * 32}").mkdir()
    (windows / window_name(None)).mkdir()
    assert ["00010203"] == offered("stacks", "")
    assert ["0001020304"] == offered("stacks", "0001020304")
    assert [] == offered("stacks", "ff")


def test_variables_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """-x offers what is set here."""
    monkeypatch.setenv("COLOUR_OF_IT", "red")
    assert ["COLOUR_OF_IT"] == offered("run", "-x", "COLOUR_OF")


@pytest.mark.processes
@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (["--version"], {}),
        (
            [],
            {
                "_DISTRCOMP_COMPLETE": "bash_complete",
                "COMP_WORDS": "distrcomp run --ti",
                "COMP_CWORD": "2",
            },
        ),
    ],
)
def test_little_is_loaded(words: list[str], variables: dict[str, str]) -> None:
    """Neither `--version` nor a completion waits for what only a run needs."""
    code = (
        "import sys, json, atexit\n"
        "from launcher.cli import main\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        "main(prog_name='distrcomp')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == done.returncode, done
    assert set() == HEAVY & set(json.loads(done.stderr))
    assert done.stdout.startswith("plain,--timeout" if variables else "distrcomp, version ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_to_be_had(shell: str) -> None:
    """click knows each of the three shells."""
    known = click.shell_completion.get_completion_class(shell)
    assert known is not None
    assert "_DISTRCOMP_COMPLETE" in known(main, {}, "distrcomp", "_DISTRCOMP_COMPLETE").source()
