"""Living nodes in a real notebook, executed by nbclient."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.command import Machine, Result
from tests.pages import blocks

pytestmark = pytest.mark.processes

BEGIN = "import os, pathlib\npathlib.Path('kernel').write_text(str(os.getpid()))\n"
LOAD = "%load_ext distrcomp"
START = "%%nodes -n 3\nimport distrcomp as dc\nx = dc.node_id"
BUSY = """import pathlib, time
dc.barrier()
if dc.node_id == 1:
    pathlib.Path(r"{folder}/busy").touch()
    time.sleep(60)
dc.barrier()"""


MISTAKES = {
    "%%nodes --none\n1": "No such option '--none'",
    "%%nodes -m x\n1": "takes the options of `distrcomp run`, and no program",
    "%%nodes --stdin 1\n1": "--stdin says what cells decide",
    "%nodes nonsense": "%nodes takes: push NAME",
    "%nodes pull x": "no nodes live",
    "%nodes push nothing": "there is no nothing in the notebook",
    "import threading\nlock = threading.Lock()\n%nodes push lock": "lock can't be sent: TypeErr",
    "%nodes pull 'x": "No closing quotation",
    "%%nodes -n 1 --peers nowhere.txt\n1": "nowhere.txt",
}
"""What is typed wrongly, and what is said."""


def run_notebook(machine: Machine, *cells: str) -> Result:
    """A notebook with these cells, to its end."""
    settings = {"IPYTHONDIR": str(machine.work_dir), "JUPYTER_RUNTIME_DIR": str(machine.work_dir)}
    driver = machine.start_program(
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tests.notebook_driver",
        stdin=json.dumps(cells),
        env={**settings, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    return driver.wait(90)


def shown(machine: Machine, *cells: str) -> list[list[list[str]]]:
    """The outputs of each cell."""
    result = run_notebook(machine, *cells)
    assert (0, False) == (result.code, "Traceback" in result.err), result
    outputs: list[list[list[str]]] = json.loads(result.out)
    return outputs


def test_state_failures_and_interrupts(machine: Machine) -> None:
    """Names live on; a failed cell and Ctrl-C leave the nodes alive; a dead node ends them all."""
    busy = BUSY.format(folder=machine.work_dir)
    outputs = shown(
        machine,
        BEGIN + LOAD,
        START,
        "%%nodes\nx += 1\nprint('x is', x)\ndc.allreduce(x)",
        "%%nodes\n1 / (dc.node_id - 1)",
        f"%%nodes\n# interrupt\n{busy}",
        "%%nodes\nif dc.node_id < 2:\n    dc.recv(1 - dc.node_id, tag=7)\nelse:\n    dc.barrier()",
        "%%nodes\ndc.allreduce(1)",
        "y = [1, {'a': 2}]\n%nodes push y",
        "%nodes pull x\n%nodes pull y 2\nx, y",
        "%%nodes\nimport os\nif dc.node_id == 2:\n    os._exit(7)\ndc.barrier()",
        "%%nodes\nx",
        "%nodes stop\n%nodes",
        *MISTAKES,
        "%%nodes -n 1\n'still there at the end'",
    )
    texts = ["\n".join(text for _, text in cell) for cell in outputs]
    assert "3 nodes have been started" in texts[1]
    assert all(f"--(Node {node}  localhost)--------\nx is {node + 1}\nOut: 6" in texts[2]
               for node in range(3))  # fmt: skip
    assert "--(Node 0  localhost)--------\nOut: -1.0" in texts[3]
    assert '  File "<cell 4>", line 1, in <module>\n    1 / (dc.node_id - 1)' in texts[3]
    assert texts[3].endswith("CellFailed: node 1: ZeroDivisionError: division by zero")
    assert "distrcomp/" not in texts[3]
    assert texts[4].endswith("CellFailed: nodes 0 to 2: KeyboardInterrupt")
    assert "nodes 0 and 1 wait for each other" in texts[5] or "nodes 0 to 2 wait" in texts[5]
    assert "--------(Nodes 0 to 2)--------\nOut: 3" == texts[6]
    assert texts[8] == "([1, 2, 3], [1, {'a': 2}])"
    assert (
        "NodesEnded: the nodes have ended: node 2 on localhost ended with exit code 7" in texts[9]
    )
    assert "3 nodes have been started" in texts[10]
    assert "NameError: name 'x' is not defined" in texts[10]
    assert "no nodes live" in texts[11]
    assert [(said, True, False) for said in MISTAKES.values()] == [
        (said, text.startswith("BadUsage: ") and said in text, "\n" in text)
        for said, text in zip(MISTAKES.values(), texts[12:-1], strict=True)
    ]


def test_ipython_s_syntax_and_parts_after_a_failure(machine: Machine) -> None:
    """Commands, magics and await as in the notebook; parts of the world work after a failed cell.

    A node that waits in vain for others, which have done with the cell, is told and interrupted. A
    cell that closes its output, or has set another handler, is no more than that.
    """
    outputs = shown(
        machine,
        LOAD,
        START + "\nhalf = dc.split(x % 2)\nfrom distrcomp import send",
        "%%nodes\nlines = !echo {x}; echo $x\nlines",
        "%%nodes\n%time x + 1\nimport asyncio\nawait asyncio.sleep(0, 'waited')",
        "%%nodes\n%nodes stop",
        "%%nodes\nif x == 0:\n    half.send(1, 'stale')\n    send(2, 'stale')\n"
        "if x == 2:\n    dc.recv(1)",
        "%%nodes\nif x == 0:\n    half.send(1, 'new')\n    send(2, 'new')\n"
        "if x == 2:\n    print(half.recv(0), dc.recv(0))\nhalf.allreduce(1)",
        "%%nodes\nimport os\nos.close(1)\nos.close(2)",
        "%%nodes\nx",
        "%%nodes\nif x == 1:\n    only = 'here'",
        "%nodes pull only 1\nonly",
        "%reload_ext distrcomp\n%nodes",
    )
    texts = ["\n".join(text for _, text in cell) for cell in outputs]
    assert "--(Node 1  localhost)--------\nOut: ['1', '1']" in texts[2]
    assert "Wall time: " in texts[3]
    assert "\nOut: 'waited'" in texts[3]
    assert "nodes have no %nodes; they have %cd" in texts[4]
    assert "node 1 waits in recv(source=0) at <between cells>" in texts[5]
    assert texts[5].endswith("CellFailed: node 2: KeyboardInterrupt")
    assert "--(Node 2  localhost)--------\nnew new\nOut: 2" in texts[6]
    assert "--(Node 1  localhost)--------\nOut: 1" in texts[6]
    assert "" == texts[7]
    assert "--(Node 2  localhost)--------\nOut: 2" in texts[8]
    assert "'here'" == texts[10]
    assert texts[11].startswith("node 0 on localhost\n")


def test_a_killed_kernel_leaves_nobody(machine: Machine) -> None:
    """SIGKILL: the fixture looks for what is left."""
    result = run_notebook(
        machine, LOAD, START, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    assert "the kernel has died" in result.err


def test_the_page_can_be_executed(machine: Machine) -> None:
    """The cells of docs/notebooks.md, one after the other, in one notebook; all but one go well."""
    cells = blocks("docs/notebooks.md", "python")
    outputs = shown(machine, *cells)
    failed = [cell for cell, each in zip(cells, outputs, strict=True) if "error" in dict(each)]
    assert [cell for cell in cells if "# fails" in cell] == failed
    (pulled,) = (each for cell, each in zip(cells, outputs, strict=True) if "pull scaled" in cell)
    assert [["stdout", "4 [3, 15, 27, 39, 51]\n"]] == pulled
