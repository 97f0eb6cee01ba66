"""Environments on several hosts."""

from __future__ import annotations

import sys

from tests.hosts.cluster import Cluster
from tests.wheels import make_wheel

PROGRAM = """# /// script
# dependencies = ["tiny<2"]
# ///
import distrcomp as dc
import tiny
print(dc.allgather(tiny.VERSION), tiny.__file__)
"""


def test_agents_without_an_index_get_the_wheels(cluster: Cluster) -> None:
    """Only the launcher reaches an index: all agents have the same versions from it, once each.

    What is kept on a host is used again, and an agent's log, its processes and the report never
    see the index's password.
    """
    folder = cluster.operator.work_dir / "index"
    make_wheel(folder, "tiny", "1.5")
    make_wheel(folder, "tiny", "2.0")
    serve = (sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1")
    server = cluster.operator.start_program(*serve, cwd=folder)
    port = server.wait_for_line("Serving HTTP").split(" port ")[1].split()[0]
    name = cluster.program(PROGRAM)
    words = ("run", "-H", "h1:1,h2:1,h3:1", name)
    env = {"UV_DEFAULT_INDEX": f"http://me:secret@127.0.0.1:{port}/"}
    first = cluster.operator.run(*words, env=env)
    assert 0 == first.code, first
    assert 3 == first.out.count("['1.5', '1.5', '1.5'] "), first
    assert "the packages went from here, not from an index, to h1, h2, h3" in first.out
    again = cluster.operator.run(*words, env=env)
    assert 3 == again.out.count("['1.5', '1.5', '1.5'] "), again
    assert "not from an index" not in again.out
    told = [first.out, first.err, *(agent.out + agent.err for agent in cluster.agents.values())]
    assert not any("secret" in text for text in told)
    server.interrupt()
    server.wait()


def test_libraries_that_differ(cluster: Cluster) -> None:
    """What the program imports and two agents have in different versions stands in the report."""
    for name, version in (("h1", "1.0"), ("h2", "2.0")):
        host = cluster.host(name)
        cluster.agents[name].interrupt()
        cluster.agents[name].wait()
        info = host.work_dir / "lib" / f"tiny-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
        (host.work_dir / "lib" / "tiny.py").write_text(f"VERSION = {version!r}\n")
        agent = host.start("agent", env={"PYTHONPATH": str(host.work_dir / "lib")})
        agent.wait_for_line("listens on")
        cluster.agents[name] = agent
    name = cluster.program("import tiny, numpy\nprint('tiny', tiny.VERSION)\n")
    result = cluster.operator.run("run", "-H", "h1:1,h2:1", name)
    assert 0 == result.code, result
    table = ["libraries differ between the machines:", "  machine  tiny", "  h1       1.0"]
    assert "\n".join([*table, "  h2       2.0\n"]) in result.out
