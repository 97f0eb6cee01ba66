"""Runs on several machines, as a person starts them."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.cli.test_notebook import shown
from tests.command import Result
from tests.hosts.cluster import NAMES, Cluster, join_line
from tests.hosts.network import Network, only_port
from tests.leaks import wait_until

RING = (Path(__file__).parents[2] / "examples" / "ring.py").read_text()
COLLECTIVES = (Path(__file__).parents[1] / "distrcomp" / "collectives" / "program.py").read_text()
WAIT_FOR_EVER = """
import distrcomp as dc
print("ready", flush=True)
dc.recv((dc.node_id + 1) % dc.n_node)
"""
EXCHANGE = """
import hashlib, numpy as np, distrcomp as dc
mine = np.random.default_rng(dc.node_id).integers(0, 255, 30_000_000, np.uint8)
others = [node for node in range(dc.n_node) if node != dc.node_id]
for node in others:
    dc.send(node, {"from": dc.node_id, "array": mine, "small": "x" * 10})
for node in others:
    got = dc.recv(node)
    expected = np.random.default_rng(node).integers(0, 255, 30_000_000, np.uint8)
    assert got["from"] == node and (got["array"] == expected).all(), node
print("all whole")
"""


def start_waiting(cluster: Cluster, *options: str) -> object:
    """A run of three nodes, one on each host, that wait for each other for ever."""
    words = ("-n", "6", "--on-deadlock", "ignore", "--peers", "peers.txt", "--output", "live")
    run = cluster.operator.start("run", *words, *options, cluster.program(WAIT_FOR_EVER))
    for node in range(6):
        run.wait_for_line(f"[{node}] ready")
    return run


def run_ring(cluster: Cluster, *options: str) -> Result:
    """A ring over two nodes on each host."""
    program = cluster.program(RING, "ring.py")
    return cluster.operator.run("run", "--peers", "peers.txt", *options, program)


def test_a_program_runs_on_every_peer(cluster: Cluster) -> None:
    """One report, a block a node in node order, each headed by its peer; all slots by default."""
    result = run_ring(cluster)
    assert 0 == result.code, result
    heads = [line for line in result.out.splitlines() if line.startswith("--------(Node")]
    n = len(heads)
    assert [f"--------(Node {node}  h{1 + node * 3 // n})--------" for node in range(n)] == heads
    assert f"Next to {n - 1} is 0\n" in result.out
    assert f"running {n} nodes, one for each slot of 3 peers" in result.out


def test_going_round_the_peers_with_two_programs(cluster: Cluster) -> None:
    """Neighbours by id are on different machines; a command among them proves no link."""
    program = cluster.program(RING, "ring.py")
    words = ("--map-by", "node", "-n", "4", program, ":", "-n", "2", "sh", "-c", "echo $LOCAL_RANK")
    result = cluster.operator.run("run", "--peers", "peers.txt", "--oversubscribe", *words)
    assert "node 4 on h2" not in result.err, result
    heads = [line for line in result.out.splitlines() if line.startswith("--------(Node")]
    expected = [f"--------(Node {node}  h{node % 3 + 1}  " for node in range(6)]
    assert expected == [head[: len(expected[0])] for head in heads]
    assert "sh -c echo $LOCAL_RANK)--------\n1\n" in result.out


def test_a_notebook_on_other_machines(cluster: Cluster) -> None:
    """Cells run there; plain data and arrays come from there, and nothing that runs code here."""
    outputs = shown(
        cluster.operator,
        "%load_ext distrcomp",
        "%%nodes --peers peers.txt -n 3 --oversubscribe\nimport distrcomp as dc, numpy as np\n"
        "x = {'a': np.arange(3) + dc.node_id}\nf = print\ndc.allreduce(dc.node_id)",
        "%nodes pull x 2\nx",
        "%nodes pull f",
    )
    texts = ["\n".join(text for _, text in cell) for cell in outputs]
    assert "--------(Nodes 0 to 2)--------\nOut: 3" in texts[1]
    assert "{'a': array([2, 3, 4])}" == texts[2]
    assert "it holds a builtin_function_or_method; from other machines" in texts[3]


def test_from_nothing_to_a_run(three_hosts: Network) -> None:
    """init, invite and join on each host, run: the whole of the README's quick start."""
    operator = three_hosts.host("operator")
    assert 0 == operator.run("cluster", "init").code
    for name in NAMES:
        invite = operator.start("cluster", "invite", "--peers", "peers.txt")
        agent = three_hosts.host(name).start("agent", "--join", join_line(invite))
        invited = invite.wait()
        assert 0 == invited.code, invited
        assert f"{name} joined from {three_hosts.host(name).address}" in invited.out
        agent.wait_for_line("listens on")
    (operator.work_dir / "ring.py").write_text(RING)
    result = operator.run("run", "--peers", "peers.txt", "-n", "3", "--oversubscribe", "ring.py")
    assert 0 == result.code, result
    assert "--------(Node 0  h1)--------\nMy ID is 0\nNext to 2 is 0\n" in result.out


@pytest.mark.parametrize("plane", ["tls", "plain"])
def test_large_objects_cross_every_pair(cluster: Cluster, plane: str) -> None:
    """Every node sends every other 30 MB at once and all of it arrives whole."""
    options = ("--peers", "peers.txt", "-H", "h1:1,h2:1,h3:1", "--data-plane", plane)
    result = cluster.operator.run("run", *options, cluster.program(EXCHANGE), timeout=100)
    assert 0 == result.code, result
    assert 3 == result.out.count("all whole")


def test_only_one_port_need_be_open(cluster: Cluster) -> None:
    """With a firewall that leaves port 6969 alone, and none open at the operator, all works."""
    for name in NAMES:
        cluster.host(name).firewall(only_port(6969))
    cluster.operator.firewall(only_port(1))
    result = run_ring(cluster, "-H", "localhost:2,h1:1,h2:1,h3:1")
    assert 0 == result.code, result
    assert "Next to 4 is 0\n" in result.out
    assert "--------(Node 1  localhost)--------" in result.out


def test_an_unreachable_pair_is_an_error_at_start(cluster: Cluster) -> None:
    """Two peers that cannot reach each other are named with the address before anything starts."""
    h1, h2 = cluster.host("h1"), cluster.host("h2")
    h2.firewall(
        "table inet firewall {\n chain in {\n type filter hook input priority 0\n"
        f" ip saddr {h1.address} tcp dport 6969 reject with tcp reset\n }}\n}}\n"
    )
    result = run_ring(cluster, "-H", "h1:1,h2:1,h3:1")
    assert 3 == result.code
    assert "node 0 on h1 cannot reach node 1 on h2 (h2:6969): connection refused" in result.err
    assert "" == result.out


def test_a_failure_is_told_once_and_ends_all(cluster: Cluster) -> None:
    """The failed node's traceback leads the report; the others are one line; its code is ours."""
    source = WAIT_FOR_EVER.replace("dc.recv", "if dc.node_id == 2: 1 / 0\ndc.recv")
    options = ("--peers", "peers.txt", "-H", "h1:1,h2:1,h3:1")
    result = cluster.operator.run("run", *options, cluster.program(source))
    assert 1 == result.code
    first = result.out.splitlines()
    assert "node 2 on h3 failed: ZeroDivisionError: division by zero" == first[0]
    assert "Traceback (most recent call last):" == first[1]
    assert '  File "prog.py", line 4, in <module>' == first[2]
    assert "nodes 0 and 1 were stopped because of it" in first
    assert "NodeLost" not in result.out


def test_ctrl_c_stops_in_order(cluster: Cluster) -> None:
    """Ctrl-C once ends every node on every host; exit code 130."""
    run = start_waiting(cluster)
    run.interrupt()
    result = run.wait(timeout=20)
    assert 130 == result.code
    assert "interrupted at prog.py:4" in result.err


def test_the_end_of_the_launcher_ends_the_run(cluster: Cluster) -> None:
    """kill -9 of the launcher: nothing of its run is left, and the agents serve the next (F-03)."""
    run = start_waiting(cluster)
    run.kill()
    run.wait()
    wait_until(lambda: not cluster.sandboxes(), 10, "the sandboxes to be removed")
    assert 0 == run_ring(cluster).code


def test_the_end_of_an_agent_ends_the_run(cluster: Cluster) -> None:
    """kill -9 of an agent: its nodes die, the run names it, nothing of it is left (F-02)."""
    run = start_waiting(cluster)
    cluster.agents["h2"].kill()
    result = run.wait(timeout=20)
    assert 1 == result.code
    assert "the agent on h2 is gone" in result.err
    wait_until(lambda: not cluster.host("h2").processes(), 10, "h2 to be empty")
    assert 0 == run_ring(cluster, "-H", "h1:1,h3:1").code


def test_a_killed_node_is_named(cluster: Cluster) -> None:
    """kill -9 of one node ends the run at once; the report says which and by what (F-01)."""
    program = (
        "import os, distrcomp as dc\nif dc.node_id == 1: os.kill(os.getpid(), 9)\ndc.recv(1)\n"
    )
    options = ("--peers", "peers.txt", "-H", "h1:1,h2:1,h3:1")
    result = cluster.operator.run("run", *options, cluster.program(program))
    assert 128 + signal.SIGKILL == result.code
    assert result.out.startswith("node 1 on h2 was killed by SIGKILL (9)\n")


def test_a_silent_host_is_noticed(cluster: Cluster) -> None:
    """A host that is cut off without a word ends the run; healed it serves (F-10, F-12, F-42)."""
    run = start_waiting(cluster)
    cluster.host("h3").cut()
    result = run.wait(timeout=30)
    assert 1 == result.code
    lines = result.err.splitlines()
    assert "distrcomp: the agent on h3 is gone: nothing was heard for 8 s" in lines
    assert "Traceback" not in result.err
    wait_until(lambda: not cluster.sandboxes(), 20, "h3 to end its nodes by itself")
    cluster.host("h3").heal()
    assert 0 == run_ring(cluster).code


def test_two_hosts_that_lose_each_other(cluster: Cluster) -> None:
    """A cut between two hosts alone, which the launcher does not see, ends the run too (F-11)."""
    words = ("-H", "h1:1,h2:1", "--on-deadlock", "ignore", "--output", "live")
    run = cluster.operator.start("run", *words, cluster.program(WAIT_FOR_EVER))
    for node in range(2):
        run.wait_for_line(f"[{node}] ready")
    h1, h2 = cluster.host("h1"), cluster.host("h2")
    h2.firewall(
        "table inet firewall {\n chain in {\n type filter hook input priority 0\n"
        f" ip saddr {h1.address} drop\n }}\n}}\n"
    )
    result = run.wait(timeout=40)
    assert 1 == result.code
    assert "is gone: its connection" in result.err.splitlines()[-1]


def test_arguments_that_are_no_text(cluster: Cluster) -> None:
    """What could not be sent to other machines is refused before anything starts."""
    program = cluster.program("print('started')")
    result = cluster.operator.run("run", "-H", "h1:1", program, "caf\udce9")
    assert (2, "") == (result.code, result.out)
    assert "is not UTF-8" in result.err


def test_two_launchers_at_once(cluster: Cluster) -> None:
    """Agents serve several runs at the same time (F-35)."""
    program = cluster.program(RING, "ring.py")
    runs = [
        cluster.operator.start("run", "--peers", "peers.txt", "-n", "3", program) for _ in range(3)
    ]
    assert [0, 0, 0] == [run.wait().code for run in runs]


def test_slots_are_respected(cluster: Cluster) -> None:
    """More nodes than slots is an error that names both and the option."""
    result = run_ring(cluster, "-H", "h1:1,h2:1", "-n", "3")
    assert 2 == result.code
    assert "--oversubscribe" in result.err
    assert 0 == run_ring(cluster, "-H", "h1:1,h2:1", "-n", "3", "--oversubscribe").code


def test_blobs_are_sent_once(cluster: Cluster) -> None:
    """The second run of a bundle ships nothing: the contents lie in the agents' stores."""
    assert 0 == run_ring(cluster).code
    stores = [cluster.host(name).home / "cache" / "agent" / "store" for name in NAMES]
    before = [
        sorted((path.name, path.stat().st_ino) for path in store.iterdir()) for store in stores
    ]
    assert 0 == run_ring(cluster).code
    after = [
        sorted((path.name, path.stat().st_ino) for path in store.iterdir()) for store in stores
    ]
    assert before == after


def test_support_files_and_modules_arrive(cluster: Cluster) -> None:
    """Imported local packages and --include globs lie in each sandbox as at the launcher."""
    work = cluster.operator.work_dir
    (work / "pkg").mkdir()
    (work / "pkg" / "__init__.py").write_text("from .part import VALUE\n")
    (work / "pkg" / "part.py").write_text("VALUE = 42\n")
    (work / "data").mkdir()
    (work / "data" / "a.txt").write_text("alpha")
    program = "import pkg\nprint(pkg.VALUE, open('data/a.txt').read())\n"
    result = cluster.operator.run(
        "run", "--peers", "peers.txt", "-n", "3", "--include", "data/*", cluster.program(program)
    )
    assert 0 == result.code, result
    assert 3 == result.out.count("42 alpha")


def test_a_command_runs_on_every_peer(cluster: Cluster) -> None:
    """What is no Python program runs as a command, with its node id in the environment."""
    result = cluster.operator.run(
        "run", "-H", "h1:1,h2:1", "--", "sh", "-c", "echo I am $DISTRCOMP_NODE_ID of $WORLD_SIZE"
    )
    assert 0 == result.code, result
    assert "I am 0 of 2" in result.out
    assert "I am 1 of 2" in result.out


def test_stdin_goes_to_one_node(cluster: Cluster) -> None:
    """What the launcher reads, node 1 reads, to its end; the others read nothing."""
    program = cluster.program("import sys\nprint(len(sys.stdin.read()))\n")
    text = "x" * 300_000
    result = cluster.operator.run(
        "run", "-H", "h1:1,h2:1", "--stdin", "1", "--output", "live", program, stdin=text
    )
    assert 0 == result.code, result
    assert ["[0] 0", "[1] 300000"] == sorted(result.out.splitlines())


def test_environment_travels_only_when_asked(cluster: Cluster) -> None:
    """-x forwards a variable; others of the launcher stay there."""
    program = cluster.program("import os\nprint(os.environ.get('GIVEN'), os.environ.get('KEPT'))\n")
    result = cluster.operator.run(
        "run", "-H", "h1:1", "-x", "GIVEN", program, env={"GIVEN": "yes", "KEPT": "no"}
    )
    assert "yes None" in result.out


def test_peers_lists_and_pings(cluster: Cluster) -> None:
    """`peers` says of each whether it is reachable, how far, and what it has."""
    cluster.agents["h2"].interrupt()
    cluster.agents["h2"].wait()
    result = cluster.operator.run("peers", "--peers", "peers.txt")
    assert 3 == result.code
    lines = result.out.splitlines()
    assert " ms  " in lines[0]
    assert "refuses the connection" in lines[1]
    assert " ms  " in lines[2]


@pytest.mark.parametrize("options", [(), ("--data-plane", "plain")])
def test_collectives(cluster: Cluster, options: tuple[str, ...]) -> None:
    """Nodes of which some share a machine and some don't get what they should from each call."""
    program = cluster.program(COLLECTIVES)
    result = cluster.operator.run("run", "-n", "6", "--peers", "peers.txt", *options, program)
    assert 0 == result.code, result
    assert 6 == result.out.count("all collectives as they should be")
