"""`distrcomp run` of programs that name the packages they need, on one machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import Machine
from tests.wheels import make_wheel, package_index

pytestmark = pytest.mark.processes

PROGRAM = """# /// script
# requires-python = ">=3.11"
# dependencies = ["tiny>=1", "distrcomp"]
# [tool.distrcomp]
# nodes = 2
# ///
import distrcomp as dc
import tiny, numpy, sys
print(tiny.VERSION, dc.allreduce(1), sys.prefix)
"""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """An index that has `tiny` 1.0 and 2.0, and `small`, which needs tiny below 2."""
    wheels = tmp_path / "index"
    make_wheel(wheels, "tiny", "1.0")
    make_wheel(wheels, "tiny", "2.0")
    make_wheel(wheels, "small", "1.0", ["tiny<2"])
    with package_index(wheels) as address:
        yield address


def environments(machine: Machine) -> list[Path]:
    """Those that are kept, and whatever else lies among them."""
    return sorted((machine.home / "cache" / "agent" / "environments").glob("*"))


def test_a_program_gets_what_it_names(machine: Machine, index: str) -> None:
    """Inline metadata, --with and --requirements are fulfilled together, on every node alike.

    The program also says how many nodes it likes. The environment is kept for the next run, and
    nobody else may look into it.
    """
    (machine.work_dir / "prog.py").write_text(PROGRAM)
    (machine.work_dir / "needs.txt").write_text("tiny<3\n")
    words = ["run", "--with", "small", "--requirements", "needs.txt", "prog.py"]
    env = {"UV_DEFAULT_INDEX": index}
    first = machine.run(*words, env=env)
    assert 0 == first.code, first
    (made,) = environments(machine)
    assert 2 == first.out.count(f"1.0 2 {made}\n"), first
    assert 0o700 == made.stat().st_mode & 0o7777
    assert 0o700 == made.parent.stat().st_mode & 0o7777
    again = machine.run(*words, env=env)
    assert 2 == again.out.count(f"1.0 2 {made}\n"), again
    assert [made] == environments(machine)


def test_a_command_finds_the_environment(machine: Machine, index: str) -> None:
    """What is no Python program has the environment's commands first on its path."""
    words = ["run", "-n", "1", "--with", "tiny==1", "--", "python", "-c"]
    result = machine.run(*words, "import tiny; print(tiny)", env={"UV_DEFAULT_INDEX": index})
    assert 0 == result.code, result
    assert str(environments(machine)[0]) in result.out


def test_what_cannot_be_resolved(machine: Machine, index: str) -> None:
    """uv's own words are told once, nothing is started, and nothing is left."""
    words = ["run", "-n", "2", "--with", "small", "--with", "tiny>=2", "-c", "print('ran')"]
    result = machine.run(*words, env={"UV_DEFAULT_INDEX": index})
    assert (2, "") == (result.code, result.out)
    assert 1 == result.err.count("No solution found when resolving dependencies"), result
    assert "you require tiny>=2" in result.err, result
    assert [] == environments(machine)


def test_an_index_that_is_not_reachable(machine: Machine) -> None:
    """It is named, once and without its password."""
    words = ["run", "-n", "1", "--with", "tiny", "-c", "print('ran')"]
    env = {"UV_DEFAULT_INDEX": "http://me:secret@127.0.0.1:1/", "UV_HTTP_RETRIES": "0"}
    result = machine.run(*words, env=env)
    assert (3, "") == (result.code, result.out)
    assert 1 == result.err.count("Connection refused"), result
    assert "127.0.0.1:1/" in result.err
    assert "secret" not in result.err


def test_without_uv(machine: Machine, index: str) -> None:
    """Where uv is missing one sentence says what to install; other programs run as ever."""
    folder = machine.work_dir / "uv"  # a module without a program, in the way of the real one
    folder.mkdir()
    (folder / "__init__.py").touch()
    env = {"PYTHONPATH": str(machine.work_dir), "PATH": "/nowhere", "UV_DEFAULT_INDEX": index}
    result = machine.run("run", "-n", "1", "--with", "tiny", "-c", "print('ran')", env=env)
    assert 3 == result.code, result
    assert (
        "distrcomp: uv, which builds the environments of programs, is not installed" in result.err
    )
    assert "pip install 'distrcomp[env]'" in result.err
    assert 0 == machine.run("run", "-n", "1", "-c", "print('ran')", env=env).code


def test_another_python_is_required(machine: Machine) -> None:
    """It is said before anything is locked or started."""
    program = '# /// script\n# requires-python = ">=3.99"\n# ///\nprint("ran")\n'
    (machine.work_dir / "prog.py").write_text(program)
    result = machine.run("run", "-n", "1", "prog.py")
    assert (2, "") == (result.code, result.out)
    assert "the program requires Python >=3.99, and this is 3." in result.err


def test_who_is_stuck_is_told_as_ever(machine: Machine) -> None:
    """Of the stacks of nodes in an environment distrcomp's own frames are left out, too."""
    program = '# /// script\n# requires-python = ">=3.11"\n# ///\nimport distrcomp\n'
    (machine.work_dir / "prog.py").write_text(f"{program}distrcomp.recv(distrcomp.node_id)\n")
    result = machine.run("run", "-n", "1", "prog.py")
    assert 1 == result.code, result
    assert '  inside distrcomp\'s recv\n  File "prog.py", line 5 in <module>\n' in result.out
    assert "distrcomp-own" not in result.out


def test_a_dry_run_shows_the_lock(machine: Machine, index: str) -> None:
    """Which packages a run would have is found out; nothing is built."""
    words = ("run", "--dry-run", "-n", "2", "--with", "small", "-c", "pass")
    result = machine.run(*words, env={"UV_DEFAULT_INDEX": index})
    assert 0 == result.code, result
    assert "0 bytes:\n2 packages:\n  small 1.0\n  tiny 1.0\n2 nodes:\n" in result.out
    assert [] == environments(machine)
