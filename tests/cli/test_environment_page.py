"""The commands of docs/environments.md, typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import Machine
from tests.test_docs import PROMPT, code_blocks, typed_commands
from tests.wheels import make_wheel, package_index

pytestmark = pytest.mark.processes

PAGE = (Path(__file__).parents[2] / "docs" / "environments.md").read_text("utf-8")
COWSAY = """
def cow(text):
    print(f"moo: {text}")
if __name__ == "__main__":
    import sys
    cow(sys.argv[-1])
"""


def files_shown(page: str) -> dict[str, str]:
    """What `cat FILE` shows in a page."""
    shown: dict[str, str] = {}
    for block in code_blocks(page):
        name = None
        for line in block.splitlines(keepends=True):
            if PROMPT.match(line):
                words = PROMPT.sub("", line).split()
                name = words[1] if words[0] == "cat" else None
            elif name is not None:
                shown[name] = shown.get(name, "") + line
    return shown


def test_every_command_works(machine: Machine, tmp_path: Path) -> None:
    """Each command of the page does what the page says, with packages of the same names."""
    make_wheel(tmp_path / "index", "cowsay", "6.1", source=COWSAY)
    mine = make_wheel(tmp_path, "mine", "1.0")
    (machine.work_dir / "dist").mkdir()
    mine.rename(machine.work_dir / "dist" / mine.name)
    (machine.work_dir / "requirements.txt").write_text("cowsay>=6\n")
    (machine.work_dir / "hello.py").write_text("import distrcomp\nprint('moo: hello')\n")
    for name, text in files_shown(PAGE).items():
        (machine.work_dir / name).write_text(text)
    commands = typed_commands(PAGE)
    assert 7 == len(commands)
    with package_index(tmp_path / "index") as address:
        for words in commands:
            result = machine.run(*words, env={"UV_DEFAULT_INDEX": address})
            assert 0 == result.code, (words, result)
            if "--dry-run" in words:
                assert f"{' '.join(words)}\n{result.out}```" in PAGE
                continue
            assert int(words[2]) == result.out.count("moo: "), (words, result)
            assert "greet.py" not in words or "moo: I am node 1 of 2\n" in result.out
