"""Files come back from where the nodes ran."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.cli.programs import run_source
from tests.command import Machine

pytestmark = pytest.mark.processes

WRITING = """
import pathlib, sys, distrcomp as dc
pathlib.Path(dc.output_dir, "result.txt").write_text(f"node {dc.node_id}")
pathlib.Path(f"part-{dc.node_id}.txt").write_text("shared")
pathlib.Path("left.log").write_text("left")
sys.exit(dc.node_id * int(sys.argv[1]))
"""


@pytest.mark.parametrize("code", [0, 7])
def test_collect(machine: Machine, code: int) -> None:
    """What the patterns mean lies in a folder for each node, also when the run has failed."""
    (machine.work_dir / "prog.py").write_text(WRITING)
    words = ("-n", "2", "--collect", "*.txt", "--report", "r.json", "prog.py", str(code))
    result = machine.run("run", *words)
    assert code == result.code, result
    report = json.loads((machine.work_dir / "r.json").read_text())
    folder = machine.work_dir / "distrcomp-out" / report["run_id"][:8]
    assert f"distrcomp-out/{folder.name}" == report["collected_in"]
    expected = {"0/part-0.txt", "0/part-1.txt", "0/result.txt", "1/result.txt"}
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert expected == found
    assert "node 1" == (folder / "1/result.txt").read_text()
    sha256 = hashlib.sha256(b"node 1").hexdigest()
    of_node_1 = {"node": 1, "path": "result.txt", "bytes": 6, "sha256": sha256}
    assert of_node_1 == report["collected"][-1]
    assert f"4 files brought back into distrcomp-out/{folder.name} (24 bytes):\n" in result.out
    assert "1 file was written in the sandbox on localhost and not kept: left.log" in result.out


def test_live(machine: Machine) -> None:
    """With live output the files are told on stderr; raw output stays the program's alone."""
    (machine.work_dir / "prog.py").write_text(WRITING)
    words = ("-n", "1", "--collect", "result.txt", "prog.py", "0")
    live = machine.run("run", "--output", "live", *words)
    assert "distrcomp:   node 0  result.txt  6 bytes\n" in live.err
    raw = machine.run("run", "--output", "raw", *words)
    assert (0, "", "") == raw
    assert 2 == len(list((machine.work_dir / "distrcomp-out").iterdir()))


def test_nothing_matches(machine: Machine) -> None:
    """A remark, no failure, no folder; a pattern that leaves the node's folder is a mistake."""
    result = run_source(machine, "", "-n", "1", "--collect", "*.csv")
    assert 0 == result.code
    assert "--collect *.csv: no node has written such a file\n" in result.out
    assert not (machine.work_dir / "distrcomp-out").exists()
    result = run_source(machine, "", "-n", "1", "--collect", "../*")
    assert (2, 1) == (result.code, result.err.count("distrcomp: --collect: '../*' is no pattern"))


def test_no_room_here(machine: Machine) -> None:
    """The launcher's disk takes no files: one sentence that names it, exit code 1 (F-20)."""
    (machine.work_dir / "prog.py").write_text(
        "import distrcomp as dc; open(dc.output_dir + '/x', 'wb').write(bytes(3))"
    )
    (machine.work_dir / "distrcomp-out").symlink_to("/proc/self/task")
    result = machine.run("run", "-n", "1", "--collect", "x", "prog.py")
    assert 1 == result.code
    head = "files cannot be brought back into distrcomp-out: "
    assert result.out.startswith(head), result
