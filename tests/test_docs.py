"""The documentation against reality: what can be typed, set or returned is written down, and what
is written down to be typed can be typed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from launcher.errors import LauncherError

ROOT = Path(__file__).parents[1]
# Success, the time limit and Ctrl-C are no exception classes of the launcher.
OTHER_EXIT_CODES = {0, 124, 130}
VARIABLE = re.compile(r"\bDISTRCOMP_[A-Z0-9_]*[A-Z0-9]\b")
FENCED = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
PROMPT = re.compile(r"^\s*(?:[\w.@-]+[$#]|\$)\s+")
COMMAND = re.compile(r"^\s*(?:[A-Z_]+=\S+\s+)*(?=distrcomp\s)")
FILE = re.compile(r"[\w./-]+\.\w+")


def pages() -> dict[str, str]:
    """The text of each page of the documentation, by its path."""
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


def documentation() -> str:
    """All pages in one text."""
    return "\n".join(pages().values())


def main() -> click.Command:
    """The command line's top, imported late so that the other tests stand without it."""
    from launcher.cli import main

    return main


def commands(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """`command` and all below it that are not hidden, each with the words to call it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None, name
            if not child.hidden:
                yield from commands(child, *path, name)


def options(command: click.Command) -> list[str]:
    """Every spelling of every option of `command` that is not hidden."""
    shown = [
        parameter
        for parameter in command.get_params(click.Context(command))
        if isinstance(parameter, click.Option) and not parameter.hidden
    ]
    return [text for option in shown for text in (*option.opts, *option.secondary_opts)]


def mentions(text: str, word: str) -> bool:
    """Whether `word` stands in `text` as a word of its own; `--peer` is none within `--peers`."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def code_blocks(page: str) -> list[str]:
    """A page's fenced and indented blocks, lines ended by a backslash joined with the next."""
    fenced = FENCED.findall(page)
    indented = re.findall(r"(?:^ {4}.*\n)+", FENCED.sub("", page), re.MULTILINE)
    return [block.replace("\\\n", " ") for block in (*fenced, *indented)]


def typed_lines(block: str) -> list[str]:
    """What is typed in a block: the lines with a prompt, or all of them where none has one."""
    lines = block.splitlines()
    prompted = [line for line in lines if PROMPT.match(line)]
    return [PROMPT.sub("", line) for line in prompted or lines]


def typed_commands(page: str) -> list[list[str]]:
    """The words after `distrcomp` on every command line of a page's code blocks."""
    typed = [line for block in code_blocks(page) for line in typed_lines(block)]
    parts = [part for line in typed for part in line.split("&&") if COMMAND.match(part)]
    split = [shlex.split(COMMAND.sub("", part), comments=True) for part in parts]
    return [list(_up_to_shell_syntax(words[1:])) for words in split]


def _up_to_shell_syntax(words: list[str]) -> Iterator[str]:
    for word in words:
        if word in {"|", ">", "2>", "&", ";"}:
            return
        yield word


def parse(command: click.Command, words: list[str], name: str = "distrcomp") -> None:
    """Lets click read `words` and runs nothing.

    Raises:
        click.UsageError: click doesn't take them.
    """
    if isinstance(command, click.Group) and words and not words[0].startswith("-"):
        child = command.get_command(click.Context(command), words[0])
        if child is None:
            raise click.UsageError(f"{name} has no command {words[0]}")
        parse(child, words[1:], words[0])
        return
    try:
        command.make_context(name, list(words))
    except click.exceptions.Exit:  # --help and --version end the parsing well
        return


@pytest.fixture
def known_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to parse in, in which every file that a documented command names exists."""
    monkeypatch.chdir(tmp_path)
    for page in pages().values():
        for words in typed_commands(page):
            for name in filter(FILE.fullmatch, words):
                path = tmp_path / name
                if path.is_relative_to(tmp_path):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.touch()


def test_every_command_is_documented() -> None:
    """`distrcomp COMMAND` stands in the documentation for each command."""
    text = documentation()
    names = [" ".join(("distrcomp", *path)) for path, _ in commands(main())]
    assert [name for name in names if not mentions(text, name)] == []


def test_every_option_is_documented() -> None:
    """Each option stands in the documentation in each of its spellings."""
    text = documentation()
    silent = [
        f"{' '.join(path)} {option}"
        for path, command in commands(main())
        for option in options(command)
        if not mentions(text, option)
    ]
    assert silent == []


def test_every_exit_code_is_documented() -> None:
    """Each exit code stands in the documentation, as a code by itself."""
    main()
    classes = [LauncherError]
    for each in classes:
        classes.extend(each.__subclasses__())
    codes = OTHER_EXIT_CODES | {each.exit_code for each in classes}
    text = documentation()
    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []


def test_every_variable_is_documented() -> None:
    """Each DISTRCOMP_ variable that the code names stands in the documentation."""
    sources = [
        path for folder in ("distrcomp", "launcher") for path in (ROOT / folder).rglob("*.py")
    ]
    used = {name for path in sources for name in VARIABLE.findall(path.read_text("utf-8"))}
    text = documentation()
    assert [name for name in sorted(used) if not mentions(text, name)] == []


def test_documented_commands_can_be_typed(known_files: None) -> None:
    """Click takes every command line of the documentation's code blocks."""
    refused: list[str] = []
    for page, text in pages().items():
        for words in typed_commands(text):
            try:
                parse(main(), words)
            except click.UsageError as error:
                refused.append(f"{page}: distrcomp {shlex.join(words)}: {error.format_message()}")
    assert refused == []


# Each check can fail.

PAGE = """
distrcomp not a command here

```console
operator$ distrcomp run -n 4 ring.py   # a remark
distrcomp prints this
$ DISTRCOMP_HOME=x distrcomp agent --join \\
    '<the line>' | cat
```

```
pip install . && distrcomp peers
# distrcomp in a remark
Running distrcomp is easy
```

    distrcomp doctor
"""


@click.group()
def made_up() -> None:
    """A command line to look at."""


@made_up.command("run")
@click.option("-n", "n_node", type=int)
@click.option("--secret/--no-secret", hidden=True)
@click.option("--color/--no-color")
@click.argument("program", type=click.Path(exists=True))
def run_command(**_: object) -> None:
    """Must not be called."""
    raise RuntimeError("the command ran")


@made_up.command("inner", hidden=True)
def inner_command() -> None:
    """Not for users."""


def test_commands_are_taken_from_code_blocks() -> None:
    """Prompts, chains, variables, remarks and continued lines are understood; output is none."""
    assert typed_commands(PAGE) == [
        ["run", "-n", "4", "ring.py"],
        ["agent", "--join", "<the line>"],
        ["peers"],
        ["doctor"],
    ]


def test_the_tree_of_commands_is_walked() -> None:
    """Commands and options come with all spellings, hidden ones not at all."""
    walked = {path: options(command) for path, command in commands(made_up)}
    assert walked == {(): ["--help"], ("run",): ["-n", "--color", "--no-color", "--help"]}


def test_mentions_are_whole_words() -> None:
    """An option within a longer one, or a number within a longer one, is no mention."""
    assert mentions("use `--peers` or -n", "--peers")
    assert mentions("use `--peers` or -n", "-n")
    assert not mentions("use `--peers-file` or --n", "--peers")
    assert not mentions("use `--peers-file` or --n", "-n")


@pytest.mark.parametrize(
    "words", [["walk"], ["run"], ["run", "-n", "x", "."], ["run", "--no", "."], ["run", "missing"]]
)
def test_bad_commands_are_refused(words: list[str]) -> None:
    """An unknown command, option or value, or a missing file, is found without running anything."""
    with pytest.raises(click.UsageError):
        parse(made_up, words)


@pytest.mark.parametrize("words", [["run", "-n", "4", "."], ["run", "--help"], ["--help"]])
def test_good_commands_are_parsed_only(words: list[str]) -> None:
    """A good command is parsed, its callback not called."""
    parse(made_up, words)
