"""A notebook's nodes on several machines; a real notebook, on one: tests/cli/test_notebook.py."""

from __future__ import annotations

import sys

from tests.hosts.cluster import Cluster

CELLS = """
from launcher.notebook.session import Session, request_for

session = Session(request_for(["--peers", "peers.txt", "-n", "3"]))
session.begin()

def cell(number, source):
    return session.order({"act": "run", "number": number, "source": source}).answers

def pull(name):
    order = {"act": "pull", "name": name, "node": 2, "is_plain": not session.is_here}
    return session.order(order).answers[2]

told = cell(1, "import distrcomp as dc\\npart = dc.split(0)\\nif dc.node_id == 2: part.recv(0)")
print(told[2]["error"])
print([each["result"] for _, each in sorted(cell(2, "part.allreduce(dc.node_id)").items())])
cell(3, "class A: pass\\na, b = A(), (1, 2)")
print("value" in pull("b"), "value" in pull("a"), pull("a")["error"].partition(";")[0])
session.stop()
"""


def test_cells_on_machines(cluster: Cluster) -> None:
    """Nodes that wait in vain are interrupted on every machine and live on, parts of the world work
    again, and what is no plain data doesn't come from another machine."""
    operator = cluster.operator
    result = operator.start_program(sys.executable, "-c", CELLS).wait(60)
    assert 0 == result.code, result
    assert [
        "KeyboardInterrupt",
        "['3', '3', '3']",
        "True False it holds a A",
    ] == result.out.splitlines()
