"""Who is killed while an environment is built leaves nothing of it that anybody would use."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.command import Command
from tests.faults.places import BOUND_S, Peers
from tests.leaks import LeakChecker, wait_until
from tests.wheels import make_wheel, package_index

pytestmark = pytest.mark.processes


@pytest.fixture
def building(peers: Peers, leaks: LeakChecker, tmp_path: Path) -> Iterator[Command]:
    """A run for which uv, at both agents, waits for an index that says nothing."""
    make_wheel(tmp_path / "index", "tiny", "1.0")
    with (
        contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent,
        package_index(tmp_path / "index") as index,
    ):
        for name in "ab":
            peers.agents[name].interrupt()
            peers.agents[name].wait()
            address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            peers.restart(name, "env", f"UV_DEFAULT_INDEX={address}")
        words = ("run", *peers.options, "--with", "tiny", "-c", "print('ran')")
        run = peers.operator.start(*words, env={"UV_DEFAULT_INDEX": index})
        wait_until(lambda: 2 == len(installers(leaks)), BOUND_S, "uv to be started twice")
        yield run


def installers(leaks: LeakChecker, what: str = "install") -> list[int]:
    """The processes of uv that install, or do something else."""
    found = []
    for process in leaks.processes():
        with contextlib.suppress(psutil.Error):
            if ["pip", what] == process.cmdline()[1:3]:
                found.append(process.pid)
    return found


def kept(peers: Peers, name: str) -> list[str]:
    """What lies among the environments of an agent."""
    folder = peers.operator.home.parents[1] / name / "home" / "cache" / "agent" / "environments"
    return [path.name for path in folder.glob("*")]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_the_launcher_goes(
    peers: Peers, building: Command, leaks: LeakChecker, number: int
) -> None:
    """Killed or interrupted: uv ends at both agents, with what it had begun (F-03, F-06)."""
    building.send_signal(number)
    result = building.wait()
    assert (-9 if number == signal.SIGKILL else 130) == result.code, result
    assert "ran" not in result.out
    wait_until(lambda: not installers(leaks), BOUND_S, "uv to be gone")
    wait_until(lambda: not kept(peers, "a") + kept(peers, "b"), BOUND_S, "the folders to be gone")


@pytest.mark.parametrize("is_here", [True, False])
def test_the_launcher_is_killed_while_uv_locks(
    peers: Peers, leaks: LeakChecker, tmp_path: Path, is_here: bool
) -> None:
    """Neither its uv stays nor what it had made, whether it holds an agent or not (F-03)."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        words = ("run", *(() if is_here else peers.options), "-n", "1", "--with", "tiny", "-c", "1")
        run = peers.operator.start(*words, env={"UV_DEFAULT_INDEX": address, "TMPDIR": str(folder)})
        wait_until(lambda: installers(leaks, "compile"), BOUND_S, "uv to be started")
        run.kill()
        assert -9 == run.wait().code
        wait_until(lambda: not installers(leaks, "compile"), BOUND_S, "uv to be gone")
    wait_until(lambda: not list(folder.iterdir()), BOUND_S, "its folders to be gone")


def test_an_agent_is_killed(peers: Peers, building: Command, leaks: LeakChecker) -> None:
    """The run says so; uv ends there, too; the next agent clears away what it had begun (F-02)."""
    peers.agents["b"].kill()
    result = building.wait()
    assert 3 == result.code, result
    assert "distrcomp: b: it was lost while it made the environment" in result.err
    wait_until(lambda: not installers(leaks), BOUND_S, "uv to be gone")
    assert ["building"] == [name.partition("-")[0] for name in kept(peers, "b")]
    peers.restart("b")
    assert [] == kept(peers, "b")
