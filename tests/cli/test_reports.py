"""`--report` and `--trace` of real runs, and the commands of docs/reports.md."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cli.programs import run_source
from tests.command import Machine
from tests.test_docs import pages, typed_commands

pytestmark = pytest.mark.processes

EXAMPLES = Path(__file__).parents[2] / "examples"

TALK = """
import time, distrcomp as dc
if dc.node_id == 0:
    time.sleep(0.3)
    dc.send(1, {"a": 1}, tag=3)
    dc.isend(1, b"12345").wait()
elif dc.node_id == 1:
    request = dc.irecv(0, tag=3)
    assert b"12345" == dc.recv(tag=0)
    request.wait()
dc.barrier()
print(dc.allreduce(1))
if dc.node_id == 2:
    raise ValueError("</script><b>boom</b>")
dc.recv(2)
"""


def test_a_failed_run_is_kept(machine: Machine) -> None:
    """F-08, S-31: page and trace of a run that failed hold all that was until then."""
    result = run_source(machine, TALK, "-n", "3", "--report", "run.html", "--trace", "trace.json")
    assert 1 == result.code
    assert "ValueError" in result.out
    page = (machine.work_dir / "run.html").read_text("utf-8")
    assert "<h2>node 2 on localhost failed: ValueError: &lt;/script&gt;" in page
    assert "<b>" not in page
    assert "Messages, 2 in all" in page
    trace = json.loads((machine.work_dir / "trace.json").read_text())
    calls = {
        (each["pid"], each["name"]): each["args"]
        for each in trace["traceEvents"]
        if each["ph"] == "X"
    }
    assert {"node": 1, "tag": 3} == calls[0, "send"]
    assert {"node": 0, "tag": 3} == calls[1, "wait"]
    assert {"node": 2, "failed": True} == calls[0, "recv"]
    assert {"barrier", "allreduce"} == {name for pid, name in calls if pid == 2}
    arrows = Counter(
        (each["ph"], each["name"]) for each in trace["traceEvents"] if each["ph"] in "sf"
    )
    # Each of two collectives has one node that came last, and two that waited for it.
    assert dict.fromkeys((("s", "message"), ("f", "message")), 2) | dict.fromkeys(
        (("s", "awaited"), ("f", "awaited")), 4
    ) == dict(arrows)
    assert 0 == trace["otherData"]["dropped_calls"]


def test_json_has_the_numbers(machine: Machine) -> None:
    """What a node used, how long it waited, and what went by its links; and the phases."""
    source = TALK.replace("dc.node_id == 2", "False").replace("dc.recv(2)", "")
    assert 0 == run_source(machine, source, "-n", "3", "--report", "run.json").code
    report: dict[str, Any] = json.loads((machine.work_dir / "run.json").read_text())
    assert ["connect", "ship", "start", "run", "close"] == [p["name"] for p in report["phases"]]
    for phase in report["phases"][1:]:
        assert ["localhost"] == [peer for peer, _ in phase["peers"]]
    records = report["records"]
    assert all(record["cpu_s"] > 0 and record["peak_bytes"] > 2**20 for record in records)
    assert all(record["samples"] for record in records)
    assert records[1]["waited_s"] > 0.2
    assert records[0]["waited_s"] < records[1]["waited_s"]
    told = {each["node"]: each for each in records[0]["exchanges"]}
    assert told[1]["bytes_out"] > 20
    assert told[1]["messages_out"] is None


def test_documented_commands_do_what_is_said(machine: Machine) -> None:
    """Each command line of docs/reports.md, as it stands there."""
    shutil.copytree(EXAMPLES, machine.work_dir / "examples")
    typed = typed_commands(pages()["docs/reports.md"])
    assert 3 == len(typed)
    for words in typed:
        assert 0 == machine.run(*words).code
    assert "<!doctype html>" in (machine.work_dir / "run.html").read_text("utf-8")
    assert json.loads((machine.work_dir / "trace.json").read_text())["traceEvents"]
    assert 4 == json.loads((machine.work_dir / "run.json").read_text())["n_node"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--trace", "t.html"), "--trace writes JSON to a file ending in .json"),
        (("--trace", "no/t.json"), "there is no folder no"),
        (("--trace", "t.json", "--report", "./t.json"), "both name t.json"),
        (("--trace", "t.json", "--engine", "mpi"), "--engine mpi, and --trace"),
    ],
)
def test_what_cannot_be_kept_is_said_before(
    machine: Machine, words: tuple[str, ...], said: str
) -> None:
    """One sentence, before anything starts."""
    result = machine.run("run", *words, "-c", "print(1)")
    assert 2 == result.code
    assert said in result.err
    assert "" == result.out
