"""`distrcomp agent --update`: agents brought to another distrcomp, or left as they were."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import secrets
import shlex
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

import distrcomp
import launcher
from launcher.cluster.authority import create_cluster
from launcher.cluster.credentials import load_operator
from launcher.cluster.home import Home, write_private
from launcher.cluster.members import Members
from launcher.cluster.peers_file import Peer
from launcher.control import messages as m
from launcher.control import updates as u
from launcher.environment.release import Release, own_release
from launcher.errors import CannotStart
from launcher.run.connect import Operator, dial_agent
from launcher.run.update import Updated, update
from launcher.ship.manifest import FileEntry, Manifest, pack_manifest
from tests.command import Command, Machine
from tests.faults.places import start_agent
from tests.leaks import LeakChecker, wait_until
from tests.test_docs import FENCED

pytestmark = pytest.mark.processes

PAGE = (Path(__file__).parents[2] / "docs" / "discovery.md").read_text()
OLD, NEW = distrcomp.__version__, "99.1"
BOUND_S = 20.0
INIT, SERVER, HOST = "distrcomp/__init__.py", "launcher/agent/server.py", "launcher/agent/host.py"
EMPTY = hashlib.sha256(b"").digest()
HANGS = "import time\nwhile True:\n    time.sleep(9)"


def release(version: str = NEW, **added: str) -> Release:
    """This distrcomp under another version, with lines added to files."""
    own = own_release()
    files = {entry.path: own.contents[entry.sha256] for entry in own.manifest.files}
    for path, lines in {INIT: f"__version__ = {version!r}", **added}.items():
        files[path] += f"\n{lines}\n".encode()
    renamed = {
        path.replace(f"-{OLD}.dist", f"-{version}.dist"): (
            data.replace(OLD.encode(), version.encode()) if ".dist-info/" in path else data
        )
        for path, data in files.items()
    }
    contents = {hashlib.sha256(data).digest(): data for data in renamed.values()}
    entries = (
        FileEntry(path, 0o600, len(data), hashlib.sha256(data).digest())
        for path, data in sorted(renamed.items())
    )
    return Release(version, Manifest(tuple(entries)), contents)


class Field:
    """An operator, and one agent on this machine's loopback."""

    def __init__(self, folder: Path, checker: LeakChecker) -> None:
        self.machine = Machine(folder / "alpha", checker)
        self.console = Machine(folder / "operator", checker)
        home = _home(self.console)
        authority = create_cluster(home, "test")
        self.operator = Operator(load_operator(home), Members(home.cluster))
        self.address = f"127.{secrets.randbelow(200) + 10}.{secrets.randbelow(250)}.1", 6969
        self.peer = Peer(*self.address, name="alpha")
        _home(self.machine).make_config()
        write_private(
            _home(self.machine).agent_credentials,
            authority.issue_agent("alpha", [self.address[0]]),
        )
        self.releases = self.machine.home / "releases"
        (self.console.work_dir / "peers.txt").write_text(f"{self.address[0]} name=alpha\n")
        self.agent = self.start()

    def start(self) -> Command:
        """Starts the agent as a person would."""
        self.agent = start_agent(self.machine, self.address)
        self.agent.wait_for_line("listens on")
        return self.agent

    def stop(self) -> None:
        """Ends it in order."""
        self.agent.interrupt()
        assert 0 == self.agent.wait().code

    def update(self, wanted: Release) -> Updated:
        """The operator brings the agent to this release."""
        return asyncio.run(update(self.peer, self.operator, wanted))

    def check_fails(self, wanted: Release, why: str) -> None:
        """The update fails for this reason, and the agent is what it was."""
        with pytest.raises(CannotStart) as failed:
            self.update(wanted)
        assert f"{why}" in str(failed.value)
        assert str(failed.value).endswith(f"; the agent goes on with distrcomp {OLD}")
        self.check(OLD)

    def check(self, version: str) -> None:
        """The agent is of this version."""

        async def ask() -> str:
            found = await dial_agent(self.peer, self.operator, is_any_version=True)
            await found.channel.close()
            return found.welcome.version

        assert version == asyncio.run(ask())

    def refusal(self, messages: list[Any]) -> str:
        """Why the agent refuses one of these."""
        return asyncio.run(self.refused(messages))

    async def refused(self, messages: list[Any]) -> str:
        """The same, in a loop that runs."""
        found = await dial_agent(self.peer, self.operator)
        for message in messages:
            await found.channel.send(message)
        while not isinstance(answer := await found.channel.receive(), m.Refused):
            """It says what is missing, or that nothing is, before it comes to the point."""
        await found.channel.close()
        return answer.why

    def wait_port_free(self) -> None:
        """Until nobody listens where the agent did."""

        def is_free() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(self.address) != 0

        wait_until(is_free, BOUND_S, "the port to be free")

    def tried(self) -> list[psutil.Process]:
        """The agent's children that are of a release."""
        found = []
        for each in psutil.Process(self.agent.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):  # a zombie's is one, too
                found += [each] if str(self.releases) in " ".join(each.cmdline()) else []
        return found


def _home(machine: Machine) -> Home:
    return Home(machine.home, machine.home / "cache")


@pytest.fixture
def field(tmp_path: Path, leaks: LeakChecker) -> Iterator[Field]:
    """One for each test; its agent ends in order."""
    made = Field(tmp_path, leaks)
    yield made
    made.stop()
    made.machine.close()
    made.console.close()


def newer(folder: Path) -> dict[str, str | None]:
    """The environment of somebody who has the new version, below this folder."""
    for package in (distrcomp, launcher):
        source = Path(str(package.__file__)).parent
        shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("*.pyc"))
    file = folder / INIT
    file.write_text(file.read_text().replace(f'"{OLD}"', f'"{NEW}"'))
    return {"PYTHONPATH": str(folder)}


def test_updated(field: Field, tmp_path: Path) -> None:
    """The page's command: a new version, in the same process, with which programs run."""
    lines = [line for block in FENCED.findall(PAGE) for line in block.splitlines()]
    (typed,) = (shlex.split(line)[1:] for line in lines if "--update" in line)
    (shown,) = (line for line in lines if "updated from" in line)
    work, env = field.console.work_dir, newer(tmp_path / "tree")
    (work / "peers.txt").write_text(f"{field.address[0]} name=alpha slots=1\nlocalhost slots=1\n")
    result = field.console.run(*typed, env=env)
    printed = sorted(result.out.splitlines())
    expected = shown.replace("0.1.0", OLD).replace("0.2.0", NEW)
    assert 0 == result.code, result
    assert re.sub(r"[0-9,]+ b", "# b", expected) == re.sub(r"[0-9,]+ b", "# b", printed[0])
    assert "localhost  this machine, which needs no agent" == printed[1]
    assert field.agent.is_running
    again = field.console.run(*typed, env=env)
    assert f"alpha      has distrcomp {NEW} already: nothing to do\n" in again.out
    (work / "p.py").write_text("import distrcomp as dc\nprint(dc.allgather(dc.__version__))")
    run = field.console.run("run", "--peers", "peers.txt", "--output", "raw", "p.py", env=env)
    assert (0, f"{[NEW, NEW]}\n" * 2) == (run.code, run.out), run


def test_kept(field: Field) -> None:
    """A version that has answered is started again, as long as nobody has changed it."""
    new = release()
    assert OLD == field.update(new).was
    (field.releases / "kept.json").unlink()  # as if the operator had been cut off before the end
    assert field.update(new).sent_bytes is None
    field.agent.kill()
    field.agent.wait()
    field.start()
    field.check(NEW)
    assert 0o700 == stat.S_IMODE(field.releases.stat().st_mode)
    field.stop()
    (file,) = field.releases.glob(f"*/lib/*/site-packages/{INIT}")
    file.write_text(file.read_text() + "\n")
    field.start()
    assert "is not what was brought there" in field.agent.err
    field.check(OLD)
    field.update(new)
    field.check(NEW)
    assert NEW == field.update(own_release()).was
    field.check(OLD)
    assert 1 == len(list(field.releases.iterdir()))  # what runs; the installed one is kept


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("import no_such_module", "does not start: ModuleNotFoundError: No module named 'no_such_"),
        ("import os\nHost.serve = lambda *_: os._exit(7)", "has ended: "),
    ],
)
def test_broken(field: Field, lines: str, why: str) -> None:
    """A version that doesn't start, or not answer, is said so; the agent goes on with its own."""
    field.check_fails(release(**{HOST: lines}), f"distrcomp {NEW} {why}")
    assert [] == list(field.releases.iterdir())


def test_run_goes_on(field: Field) -> None:
    """A run is not disturbed: the update is refused until it has ended."""
    console, go = field.console, field.console.work_dir / "go"
    (console.work_dir / "long.py").write_text(
        "import os, time\nprint('runs', flush=True)\n"
        f"while not os.path.exists({str(go)!r}):\n    time.sleep(0.02)\n"
        "print('ended')\n"
    )
    run = console.start("run", "-n", "1", "--peers", "peers.txt", "--output", "raw", "long.py")
    run.wait_for_line("runs")
    field.check_fails(release(), "a run or a shipment goes on there: update when it has ended")
    go.touch()
    assert (0, "runs\nended\n") == (run.wait().code, run.out)
    field.update(release())
    field.check(NEW)


def test_killed_agent(field: Field) -> None:
    """Killed while a version is on trial that hangs: the old one starts, and nothing else stays."""

    async def kill() -> None:
        wanted = release(**{SERVER: HANGS})
        updating = asyncio.ensure_future(update(field.peer, field.operator, wanted))
        await asyncio.to_thread(field.agent.wait_for_line, "is tried in the place of")
        field.agent.kill()
        with pytest.raises(CannotStart, match=r"broke|closed"):
            await updating

    asyncio.run(kill())
    field.agent.wait()
    field.wait_port_free()
    result = field.console.run("agent", "--update", "--peers", "peers.txt")
    assert "alpha  not updated: " in result.out
    assert "refuses the connection: nothing listens there" in result.out
    assert (3, "distrcomp: 1 of 1 peers are not updated\n") == (result.code, result.err)
    field.start()
    field.check(OLD)
    assert [] == list(field.releases.iterdir())


def test_unread_log(field: Field) -> None:
    """An agent whose log nobody reads any more is updated as any other."""
    field.stop()
    words = [sys.executable, "-m", "launcher", "agent", "--listen", f"{field.address[0]}:6969"]
    with subprocess.Popen(
        words, stderr=subprocess.PIPE, env=field.machine.environment(), start_new_session=True
    ) as agent:
        assert agent.stderr is not None
        assert b"listens on" in agent.stderr.readline()
        agent.stderr.close()
        field.update(release())
        field.check(NEW)
        assert agent.poll() is None
        agent.terminate()
    field.wait_port_free()
    field.start()


def test_lost_operator(field: Field) -> None:
    """An operator who vanishes during the trial leaves an agent that goes on."""

    async def vanish() -> None:
        wanted = release(**{SERVER: HANGS})
        updating = asyncio.ensure_future(update(field.peer, field.operator, wanted))
        await asyncio.to_thread(wait_until, field.tried, BOUND_S, "the trial to begin")
        opening = m.OpenRun(bytes(16), pack_manifest(Manifest(())))
        for each in (opening, u.KeepRelease(own_release().sha256)):
            assert "it is being updated: try again in a moment" == await field.refused([each])
        updating.cancel()
        await asyncio.gather(updating, return_exceptions=True)

    asyncio.run(vanish())
    field.agent.wait_for_line("goes on: the trial is over, its operator is gone")
    wait_until(lambda: not field.tried(), BOUND_S, "the trial to end")
    field.check(OLD)


def test_refused(field: Field) -> None:
    """S-12, S-20: what is no release, or not what was told, is refused, and changes nothing."""
    new = release()
    opening = m.OpenRun(bytes(range(16)), pack_manifest(new.manifest), is_stock=True)
    (entry, *_), evil = new.manifest.files, FileEntry("evil.pth", 0o600, 0, EMPTY)
    altered = new.contents[entry.sha256][:-1] + b"?"
    stray = m.OpenRun(bytes(range(16)), pack_manifest(Manifest((evil,))), is_stock=True)
    with_nodes = replace(stray, is_stock=False)
    for messages, why in (
        ([opening, m.BlobPart(entry.sha256, altered, last=True)], "other content than"),
        ([opening, u.TryRelease(NEW)], "its files have not come"),
        ([with_nodes, m.BlobPart(EMPTY, b"", last=True), u.TryRelease(NEW)], "have not come"),
        ([stray, u.TryRelease(NEW)], f"these files are not those of distrcomp {NEW}"),
        ([u.KeepRelease(new.sha256)], "it does not run this release"),
        ([u.TakeRelease()], "TakeRelease may not come now"),
    ):
        assert why in field.refusal(messages)
    field.check(OLD)
    assert not list(field.releases.glob("*"))


def test_no_room(field: Field) -> None:
    """An agent that can't lay the files says so, and goes on."""
    field.releases.write_text("in the way")
    field.check_fails(release(), f"{field.releases} is not a folder")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--update",), "whose agents? give the peers by --peers FILE, -H, or DISTRCOMP_PEERS"),
        (("--update", "-H", "x", "--slots", "2"), "--slots has no meaning beside --update"),
        (("-H", "x"), "-H and --peers are for --update"),
    ],
)
def test_bad_usage(machine: Machine, words: tuple[str, ...], why: str) -> None:
    """What has no meaning is refused in one line."""
    result = machine.run("agent", *words)
    assert (2, f"distrcomp: {why}\n") == (result.code, result.err)
