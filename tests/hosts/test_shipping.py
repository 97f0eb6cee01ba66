"""Files on their way to several machines, and back."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tests.hosts.cluster import NAMES, Cluster
from tests.leaks import wait_until

SIZE = 64 << 20
MEMORY_MAX = 75 << 20
WRITING = """
import hashlib, pathlib, sys, distrcomp as dc
with open("big", "rb") as file:
    print(hashlib.file_digest(file, "sha256").hexdigest())
pathlib.Path(dc.output_dir, "who.txt").write_text(f"node {dc.node_id}")
pathlib.Path("beside.txt").write_text("beside")
print("ready", flush=True)
dc.recv((dc.node_id + 1) % dc.n_node)
"""


def peak_bytes(pid: int) -> int:
    """The most memory that a process has had."""
    (line,) = [
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in line
    ]
    return int(line.split()[1]) * 1024


def arriving(cluster: Cluster, name: str) -> list[int]:
    """The sizes of the files that are on their way into a host's store."""
    store = cluster.host(name).home / "cache" / "agent" / "store"
    return [path.stat().st_size for path in store.glob("writing-*")]


def test_a_large_file(cluster: Cluster) -> None:
    """An agent that is killed meanwhile is named (F-02); the next run goes on where it was.

    Neither end holds the file in memory.
    """
    content = os.urandom(1 << 20) * (SIZE >> 20)
    (cluster.operator.work_dir / "big").write_bytes(content)
    words = ("--peers", "peers.txt", "-n", "3", "--map-by", "node", "--include", "big")
    program = cluster.program(WRITING)
    first = cluster.operator.start("run", *words, program)
    wait_until(lambda: any(size > 1 << 20 for size in arriving(cluster, "h2")), 30, "some of it")
    cluster.agents["h2"].kill()
    lost = first.wait()
    assert 3 == lost.code, lost
    assert "distrcomp: h2: " in lost.err
    cluster.agents["h2"] = cluster.host("h2").start("agent")
    cluster.agents["h2"].wait_for_line("listens on")
    store = cluster.host("h2").home / "cache" / "agent" / "store"
    (partial,) = store.glob("partial-*")
    begun = partial.stat().st_size
    assert 1 << 20 < begun < SIZE
    inode = partial.stat().st_ino
    how = ("--output", "live", "--on-deadlock", "ignore")
    second = cluster.operator.start("run", *words, *how, program)
    for node in range(3):
        second.wait_for_line(f"[{node}] ready")
    assert 3 == second.out.count(hashlib.sha256(content).hexdigest())
    peaks = {name: peak_bytes(agent.pid) for name, agent in cluster.agents.items()}
    peaks["launcher"] = peak_bytes(second.pid)
    second.interrupt()
    assert 130 == second.wait().code
    assert inode == (store / hashlib.sha256(content).hexdigest()).stat().st_ino
    assert all(peak < MEMORY_MAX for peak in peaks.values()), peaks


def test_there_and_back(cluster: Cluster) -> None:
    """Files come back from each host; a damaged store is healed by the run that finds it so."""
    (cluster.operator.work_dir / "big").write_bytes(b"x" * 1000)
    program = cluster.program(WRITING.rpartition("print")[0])
    words = ("--peers", "peers.txt", "-n", "3", "--map-by", "node", "--include", "big")
    shipped = cluster.operator.run("ship", "--peers", "peers.txt", "--include", "big", program)
    assert 0 == shipped.code, shipped
    assert [f"{name} has 2 files, " for name in NAMES] == [
        line.partition("files, ")[0] + "files, " for line in shipped.out.splitlines()[:3]
    ]
    blob = cluster.host("h3").home / "cache" / "agent" / "store"
    (blob / hashlib.sha256(b"x" * 1000).hexdigest()).write_bytes(b"y" * 1000)
    result = cluster.operator.run("run", *words, "--collect", "*.txt", program)
    assert 0 == result.code, result
    assert 3 == result.out.count(hashlib.sha256(b"x" * 1000).hexdigest())
    (folder,) = (cluster.operator.work_dir / "distrcomp-out").iterdir()
    expected = {f"{node}/{name}.txt" for node in range(3) for name in ("who", "beside")}
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert expected == found
    assert "node 2" == (folder / "2/who.txt").read_text()
    again = cluster.operator.run("ship", "--peers", "peers.txt", "--include", "big", program)
    assert "0 bytes were sent from here\n" in again.out


def test_files_from_here_and_from_elsewhere(cluster: Cluster) -> None:
    """The operator's machine takes part beside hosts: nobody's files take the place of others'."""
    peers = cluster.operator.work_dir / "peers.txt"
    (cluster.operator.work_dir / "mixed.txt").write_text(f"localhost slots=2\n{peers.read_text()}")
    (cluster.operator.work_dir / "big").write_bytes(b"x")
    program = cluster.program(WRITING.rpartition("print")[0])
    words = ("--peers", "mixed.txt", "-n", "5", "--map-by", "node", "--include", "big")
    result = cluster.operator.run("run", *words, "--collect", "*.txt", program)
    assert 0 == result.code, result
    (folder,) = (cluster.operator.work_dir / "distrcomp-out").iterdir()
    found = {str(path.relative_to(folder)): path.read_text() for path in folder.glob("*/*")}
    own = {f"{node}/who.txt": f"node {node}" for node in range(5)}
    shared = {f"{node}/beside.txt": "beside" for node in range(4)}  # node 4 is here, as node 0 is
    assert {**own, **shared} == found
