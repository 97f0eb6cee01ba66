"""`distrcomp bench` on one machine."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest

from tests.command import Command, Machine
from tests.leaks import wait_until

pytestmark = pytest.mark.processes

QUICK = ("bench", "--max-bytes", "4K", "--seconds", "0.01")


def measuring_node(command: Command) -> psutil.Process:
    """Node 1 of a command, once it measures: it then has the memory of the ceiling."""
    found: list[psutil.Process] = []

    def look() -> bool:
        for process in psutil.Process(command.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error, OSError):
                is_node = process.environ().get("DISTRCOMP_NODE_ID") == "1"
                if is_node and "distrcomp-bench" in Path(f"/proc/{process.pid}/maps").read_text():
                    found.append(process)
        return bool(found)

    wait_until(look, 30, "node 1 measures")
    return found[0]


def test_table_json_and_plot(machine: Machine) -> None:
    """The table is printed, the same figures go to a file, and a picture to another."""
    result = machine.run(*QUICK, "--json", "b.json", "--plot", "b.svg")
    assert (0, "") == (result.code, result.err)
    assert result.out.startswith("Inside localhost (nodes 0 and 1)\n")
    assert "Ceiling: one copy of the same bytes" in result.out
    document = json.loads((machine.work_dir / "b.json").read_text())
    [pair] = document["pairs"]
    assert ["localhost", "localhost"] == pair["peers"]
    rows = [(row["group"], row["name"] or row["bytes"]) for row in pair["rows"]]
    assert ("objects", "dict, 10 arrays of 100 KiB") in rows
    assert [0, 64, 256, 1024, 4096] == [what for group, what in rows if group == "arrays"]
    assert {"objects", "arrays", "one way", "both ways"} == {group for group, _ in rows}
    for row in pair["rows"]:
        assert 0 < row["seconds_low"] <= row["seconds"] <= row["seconds_high"]
        assert row["ceiling_seconds"] > 0
    assert "\nCollectives of 2 nodes (2 on localhost)\n" in result.out
    calls = [
        (row["name"], row["message"] or row["bytes"]) for row in document["collectives"]["rows"]
    ]
    names = ("bcast", "gather", "allgather", "alltoall", "allreduce")
    each = [(name, what) for name in names for what in ("int", 1024)]
    assert [("barrier", "nothing"), *each] == calls
    for row in document["collectives"]["rows"]:
        assert 0 < row["seconds_low"] <= row["seconds"] <= row["seconds_high"]
    assert ElementTree.parse(machine.work_dir / "b.svg").getroot().tag.endswith("svg")


def test_json_on_stdout_stands_alone(machine: Machine) -> None:
    """`--json -` prints nothing else, so that it can be piped on."""
    result = machine.run(*QUICK, "--json", "-")
    assert (0, "") == (result.code, result.err)
    assert 1 == json.loads(result.out)["format"]


def test_a_narrow_terminal_cuts_no_figure(machine: Machine) -> None:
    """Lines may wrap there; an ellipsis in a figure would make it worthless."""
    result = machine.run(*QUICK, env={"COLUMNS": "40"})
    assert 0 == result.code
    assert "\N{HORIZONTAL ELLIPSIS}" not in result.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--max-bytes", "64 pounds"], "--max-bytes: '64 pounds' is not a size"),
        (["--max-bytes", "1"], "--max-bytes takes a size from 1K to 1G; got 1"),
        (["--plot", "b.png"], "--plot draws SVG: b.png does not end in .svg"),
        (["--plot", "no/b.svg"], "--plot no/b.svg: there is no folder no"),
        (["--json", "."], "--json . is a folder"),
        (["--peers", "missing.txt"], "there is no peers file missing.txt"),
        (["-H", "h1:1"], "h1 has one slot, and two nodes are needed"),
    ],
)
def test_mistakes_are_one_sentence(machine: Machine, options: list[str], said: str) -> None:
    """Nothing is started, and the exit code is 2."""
    result = machine.run("bench", *options)
    assert (2, "") == (result.code, result.out)
    assert result.err.startswith(f"distrcomp: {said}")
    assert 1 == result.err.count("\n")


def test_a_node_that_dies_is_reported(machine: Machine) -> None:
    """As in `distrcomp run`: the report leads with the cause, the exit code is the node's."""
    command = machine.start("bench", "--seconds", "60")
    measuring_node(command).kill()
    result = command.wait()
    assert 137 == result.code, result
    assert result.out.startswith("node 1 on localhost was killed by SIGKILL (9)\n")


def test_interrupted(machine: Machine) -> None:
    """Ctrl-C ends it in order: exit code 130."""
    command = machine.start("bench", "--seconds", "60")
    measuring_node(command)
    command.interrupt()
    assert 130 == command.wait().code
