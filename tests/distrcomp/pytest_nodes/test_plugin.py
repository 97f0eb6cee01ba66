"""The plugin as a user has it: pytest on the command line, over a file of tests."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.command import Machine, Result

pytestmark = pytest.mark.processes

TESTS = """
import os
import pytest
import distrcomp as dc

def test_plain():
    assert dc.n_node == 1

@pytest.mark.nodes(3)
@pytest.mark.parametrize("name", ["a", "b::c[d]"])
def test_passes(name, option):
    print("node", dc.node_id, "says", name)
    dc.send((dc.node_id + 1) % 3, option)
    assert dc.recv() == "from the command line"

@pytest.mark.nodes(3)
def test_fails():
    print("node", dc.node_id, "begins")
    if dc.node_id == 1:
        answer = 41
        assert answer == 42
    dc.recv(1)

@pytest.mark.nodes(2)
def test_skips():
    pytest.skip("not today")

@pytest.mark.nodes(2)
def test_skips_by_half():
    if dc.node_id:
        pytest.skip("not here")

@pytest.mark.nodes(2)
@pytest.mark.xfail(strict=True)
def test_fails_as_expected():
    assert dc.node_id == 0

@pytest.mark.nodes(2)
@pytest.mark.xfail(strict=True)
def test_passes_unexpectedly():
    pass

@pytest.mark.nodes(2, timeout=2)
def test_waits_too_long():
    dc.recv(tag=1 + dc.node_id, timeout=50)

@pytest.mark.nodes(2)
def test_waits_for_each_other():
    dc.recv(tag=1 + dc.node_id)

@pytest.mark.nodes(2)
def test_dies():
    if dc.node_id:
        os._exit(7)
    dc.recv(1)

@pytest.fixture
def broken():
    raise OSError("no such thing")

@pytest.mark.nodes(2)
def test_fixture_fails(broken):
    pass

class TestMethod:
    @pytest.mark.nodes(2)
    def test_method(self, request, tmp_path):
        assert request.node.name == "test_method"
        assert os.getcwd() == os.environ["EXPECTED_FOLDER"]
"""

CONFTEST = """
import pytest

def pytest_addoption(parser):
    parser.addoption("--say")

@pytest.fixture
def option(request):
    return request.config.getoption("--say")
"""

BAD = """
import unittest
import pytest

@pytest.mark.nodes(0)
def test_none(): pass

@pytest.mark.nodes("2")
def test_word(): pass

@pytest.mark.nodes
def test_silent(): pass

@pytest.mark.nodes(2, timeouts=3)
def test_mistyped(): pass

@pytest.mark.nodes(2, timeout=-1)
def test_negative(): pass

class TestOld(unittest.TestCase):
    @pytest.mark.nodes(2)
    def test_method(self): pass
"""


def run_pytest(machine: Machine, *words: str) -> Result:
    """Runs pytest on the tests in the machine's folder, in the way of a user's own project."""
    folder = machine.work_dir
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--basetemp", "made"]
    env = {"EXPECTED_FOLDER": str(folder), "DISTRCOMP_RUN_TIMEOUT": "0.01"}
    return machine.start_program(*command, *words, env=env).wait(110)


@pytest.fixture
def tests(machine: Machine) -> Path:
    """The folder of a user's project."""
    (machine.work_dir / "test_it.py").write_text(TESTS)
    (machine.work_dir / "conftest.py").write_text(CONFTEST)
    return machine.work_dir


def line(text: str, test: str) -> int:
    """The number of the line with `text` in one of the tests above."""
    begin = TESTS.index(f"def {test}(")
    return TESTS.count("\n", 0, TESTS.index(text, begin)) + 1


def block(out: str, test: str) -> str:
    """What pytest printed on the failure of one test."""
    return out.partition(f"_ {test} _")[2].partition("\n____")[0]


def test_what_passes(machine: Machine, tests: Path) -> None:
    """Tests on nodes pass, with parameters, fixtures, options of the project, under xdist too."""
    chosen = "test_plain or test_passes or test_method or test_fails_as or test_skips"
    words = ("-n", "2", "-rA", "--say", "from the command line", "-k", f"({chosen}) and not un")
    done = run_pytest(machine, *words, "--deselect", "test_it.py::test_skips_by_half")
    assert 0 == done.code, done.out
    assert "4 passed, 1 skipped, 1 xfailed" in done.out
    assert "SKIPPED [1] test_it.py" in done.out
    assert "not today" in done.out
    assert "Captured stdout of node 2 call" in done.out
    assert "node 2 says b::c[d]" in done.out


def test_what_fails(machine: Machine, tests: Path) -> None:
    """A failure tells the node and its assertion first, and folds what followed of it."""
    done = run_pytest(machine, "-n", "2", "-k", "not passes or passes_un")
    assert 1 == done.code, done.out
    assert "7 failed" in done.out
    text = block(done.out, "test_fails")
    assert "node 1 of 3 failed: assert 41 == 42" in text
    assert ">           assert answer == 42" in text
    assert (
        f"nodes 0 and 2 stopped at test_it.py:{line('dc.recv', 'test_fails')}: node 1 on " in text
    )
    assert "Captured stdout of node 2 call" in text
    assert "skipped on node 1, passed on node 0" in block(done.out, "test_skips_by_half")
    assert "XPASS(strict)" in block(done.out, "test_passes_unexpectedly")
    text = block(done.out, "test_waits_for_each_other")
    assert "nodes 0 and 1 wait for each other, and no message is on its way" in text
    text = block(done.out, "test_waits_too_long")
    assert "the time limit of 2 s was reached" in text
    here = f"at test_it.py:{line('dc.recv', 'test_waits_too_long')}"
    assert f"node 0 was stopped {here}, in recv from any node with tag 1" in text
    assert f"node 1 was stopped {here}, in recv from any node with tag 2" in text
    text = block(done.out, "test_dies")
    assert "node 1 did not get to the end of the test (failed: exit code 7)" in text
    assert f"node 0 stopped at test_it.py:{line('dc.recv', 'test_dies')}" in text
    text = block(done.out, "test_fixture_fails")
    assert "failed in setup: OSError: no such thing" in text


def test_ctrl_c(machine: Machine) -> None:
    """An interrupted session ends its nodes; with -s their lines come as they are printed."""
    (machine.work_dir / "test_it.py").write_text(
        "import pytest, distrcomp as dc\n"
        "@pytest.mark.nodes(2)\n"
        "def test_waits():\n"
        "    print('waits', dc.node_id)\n"
        "    dc.recv(tag=5)\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-s", "--basetemp", "made"]
    started = machine.start_program(*command)
    started.wait_for_line("waits 0")
    started.interrupt()
    assert 2 == started.wait().code


def test_the_page_of_the_documentation(machine: Machine) -> None:
    """Every example of docs/testing.md passes as a test of its own."""
    page = (Path(__file__).parents[3] / "docs" / "testing.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 5
    for number, code in enumerate(blocks):
        (machine.work_dir / f"test_page_{number}.py").write_text(code)
    done = run_pytest(machine, "-W", "error")
    assert 0 == done.code, done.out


def test_bad_markers(machine: Machine) -> None:
    """A marker that asks for nothing sensible is an error of that test, and says what it takes."""
    (machine.work_dir / "test_it.py").write_text(BAD)
    done = run_pytest(machine)
    assert 1 == done.code, done.out
    assert "6 errors" in done.out
    for given in ("0", "'2'", "", "2, timeouts=3", "2, timeout=-1"):
        assert f"@pytest.mark.nodes({given}): it takes the number of nodes" in done.out
    assert "not for unittest's" in done.out


def test_the_plugin_is_light(machine: Machine) -> None:
    """A session without such tests loads neither engine nor numpy; the marker is registered."""
    (machine.work_dir / "test_it.py").write_text(
        "import sys\n"
        "def test_modules():\n"
        "    assert 'distrcomp.pytest_nodes.plugin' in sys.modules\n"
        "    assert not {'numpy', 'distrcomp.engine', 'launcher'} & set(sys.modules)\n"
    )
    assert 0 == run_pytest(machine).code
    assert "@pytest.mark.nodes(n, timeout=60)" in run_pytest(machine, "--markers").out
