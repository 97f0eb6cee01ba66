"""What nodes print, and where it goes."""

from __future__ import annotations

import json

import pytest

from tests.cli.programs import blocks, run_source
from tests.command import Machine

pytestmark = pytest.mark.processes

OUTPUT = r"""
import os, subprocess, sys, distrcomp as dc
print("from print")
os.write(1, b"from the descriptor\n")
subprocess.run(["sh", "-c", "echo from a child; echo to stderr >&2"])
os.write(1, b"bytes \xff\xfe and no end")
"""


def test_everything_a_node_writes_is_captured(machine: Machine) -> None:
    """Python, the descriptor, children, stderr, bad UTF-8 and a last line without an end."""
    result = run_source(machine, OUTPUT, "-n", "2", "-q")
    for block in blocks(result.out).values():
        assert "from print\nfrom the descriptor\n" in block
        assert "from a child\n" in block
        assert "to stderr\n" in block
        assert "bytes \\xff\\xfe and no end\n" in block
    assert "" == result.err


def test_live_lines_are_whole_and_tagged(machine: Machine) -> None:
    """Four nodes print at once: every line arrives whole, with the tag of its node."""
    source = "import distrcomp as dc\nfor i in range(2000): print(f'{dc.node_id}-' * 20 + str(i))\n"
    result = run_source(machine, source, "-n", "4", "--output", "live", "-q")
    lines = result.out.splitlines()
    expected = [f"[{node}] {f'{node}-' * 20}{i}" for node in range(4) for i in range(2000)]
    assert sorted(expected) == sorted(lines)


def test_raw_is_the_bytes_and_nothing_else(machine: Machine) -> None:
    """--output raw passes stdout and stderr on and prints nothing of its own."""
    source = "import sys\nprint('out')\nprint('err', file=sys.stderr)\n"
    result = run_source(machine, source, "-n", "1", "--output", "raw")
    assert (0, "out\n", "err\n") == result


def test_none_is_silent(machine: Machine) -> None:
    """--output none prints nothing of a run that went well."""
    assert (0, "", "") == run_source(machine, "print('out')", "-n", "2", "--output", "none")


def test_report_files(machine: Machine) -> None:
    """--report writes the same as text or JSON; --output-dir the raw bytes of each node."""
    options = ("-n", "2", "--report", "r.json", "--output-dir", "raw")
    result = run_source(machine, OUTPUT, *options)
    report = json.loads((machine.work_dir / "r.json").read_text())
    assert 0 == report["exit_code"]
    assert [0, 1] == [node["node"] for node in report["nodes"]]
    assert "from print" in report["nodes"][1]["output"]
    raw = (machine.work_dir / "raw" / "1.out").read_bytes()
    assert raw.endswith(b"bytes \xff\xfe and no end")
    assert b"to stderr\n" == (machine.work_dir / "raw" / "0.err").read_bytes()
    run_source(machine, "print(1)", "-n", "1", "--report", "r.txt", "-q")
    text = (machine.work_dir / "r.txt").read_text()
    assert "--------(Node 0  localhost)--------\n1\n" in text
    assert result.out.splitlines()[-1].startswith("Total time : ")


def test_a_flood_of_output_is_bounded_and_marked(machine: Machine) -> None:
    """A node that prints without end is cut in the report, and the cut is told (F-26)."""
    source = (
        "import sys\nfor i in range(400_000): sys.stdout.write(f'{i:09}\\n')\nprint('the end')\n"
    )
    result = run_source(machine, source, "-n", "1")
    assert 0 == result.code
    assert "bytes cut; --output-dir DIR keeps all ...]" in result.out
    assert "the end\n" in result.out
    assert 3_000_000 > len(result.out)


def test_total_time_ends_the_report(machine: Machine) -> None:
    """The last line has the original's form."""
    last = run_source(machine, "print(1)", "-n", "1").out.splitlines()[-1]
    assert last.startswith("Total time : ")
    assert last.endswith(".")
    assert 3 == len(last.split(" : ")[1].rstrip(".").split(".")[1])


def test_files_written_in_the_sandbox_are_told(machine: Machine) -> None:
    """What goes away with the sandbox is named, and how to keep it."""
    result = run_source(machine, "open('result.csv', 'w').write('1')", "-n", "1")
    assert "result.csv" in result.out
    assert "(--collect GLOB brings files back)" in result.out


def test_without_a_terminal_no_table_is_drawn(machine: Machine) -> None:
    """In report mode stderr stays empty."""
    assert "" == run_source(machine, "print(1)", "-n", "1").err


@pytest.mark.parametrize("n_line", [1, 50_000])
def test_a_full_disk_below_output_dir(machine: Machine, n_line: int) -> None:
    """F-20: the run has failed by it, whenever it shows, and its report tells all the same."""
    folder = machine.work_dir / "raw"
    folder.mkdir()
    (folder / "1.out").symlink_to("/dev/full")
    source = f"import distrcomp as dc\nfor _ in range({n_line}): print('line')\ndc.barrier()"
    result = run_source(machine, source, "-n", "2", "--output-dir", "raw")
    why = "--output-dir raw cannot be written: No space left on device"
    assert (1, why) == (result.code, result.out.splitlines()[0])
    assert "--(Node 1" in result.out
