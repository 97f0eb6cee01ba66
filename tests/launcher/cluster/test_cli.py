"""`distrcomp cluster`, as a person types it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from launcher.cli import main
from launcher.cli.cluster import cluster, parse_ttl
from launcher.cli.peers import peers as peers_command
from launcher.cli.run import run
from launcher.cluster.authority import Authority
from launcher.cluster.certificates import make_request, new_key
from launcher.cluster.credentials import load_agent
from launcher.cluster.home import Home
from launcher.cluster.join import join
from launcher.cluster.join_line import parse_join_line
from launcher.cluster.peers_file import Peer, read_peers
from launcher.errors import BadUsage, CannotStart


class Operator:
    """A person with a home and a folder to work in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {"DISTRCOMP_HOME": str(folder / "home"), "DISTRCOMP_PEERS": ""}
        self.home = Home.find(self.environ)

    def types(self, *arguments: str) -> Result:
        """What the command gives; its LauncherError if it raises one."""
        result = CliRunner().invoke(cluster, arguments, env=self.environ)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def starts(self, *arguments: str) -> subprocess.Popen[str]:
        """The command as a process of its own, to be talked with while it runs."""
        code = (
            "import sys; from launcher.cli.cluster import cluster\n"
            "from launcher.errors import LauncherError\n"
            "try: cluster(sys.argv[1:])\n"
            "except LauncherError as error:\n"
            "    print(error, file=sys.stderr); sys.exit(error.exit_code)\n"
        )
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, **self.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    monkeypatch.chdir(tmp_path)
    return Operator(tmp_path)


def test_init(operator: Operator) -> None:
    """`init` makes a cluster and says what comes next; a second time is a mistake."""
    result = operator.types("init", "--name", "Lab")
    assert (0, True) == (result.exit_code, "Made cluster lab in" in result.output)
    assert "distrcomp cluster invite" in result.output
    with pytest.raises(BadUsage, match=r"already"):
        operator.types("init")


def _line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for text in process.stdout:
        found = re.search(r"distrcomp agent --join (\S+)$", text)
        if found:
            return found[1]
    raise AssertionError("no line was printed")


def test_invite(operator: Operator, agent_home: Home) -> None:
    """`invite` prints one line, waits, says who joined, and adds it to the peers file."""
    operator.types("init")
    peers = operator.folder / "peers.txt"
    with operator.starts(
        "invite", "--listen", "127.0.0.1:0", "--ttl", "60s", "--peers", str(peers)
    ) as process:
        line = parse_join_line(_line_of(process))
        asyncio.run(join(line, agent_home, "h1"))
        out, err = process.communicate(timeout=60)
    assert (0, f"distrcomp: added `127.0.0.1 name=h1` to {peers}\n") == (process.returncode, err)
    assert "h1 joined from 127.0.0.1." in out
    assert (Peer("127.0.0.1", name="h1"),) == read_peers(peers)
    assert "h1" == load_agent(agent_home).identity.name


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (None, "added `127.0.0.1:17962 name=h2` to peers.txt"),
        ("127.0.0.1 name=h1", "added `127.0.0.1:17962 name=h2` to peers.txt"),
        (
            "127.0.0.1 slots=1 name=h2",
            "peers.txt line 1 is `127.0.0.1 slots=1 name=h2` and was not changed; for h2 it would "
            "be `127.0.0.1:17962 name=h2`",
        ),
        (
            "127.0.0.1:17962 name=h1",
            "peers.txt line 1 is `127.0.0.1:17962 name=h1` and was not changed; for h2 it would "
            "be `127.0.0.1:17962 name=h2`",
        ),
        (
            "127.0.0.1:17962 slots=1 name=h2",
            "peers.txt line 1 is `127.0.0.1:17962 slots=1 name=h2` already",
        ),
    ],
)
def test_invite_with_port(
    operator: Operator, agent_home: Home, standing: str | None, said: str
) -> None:
    """The port of the agent goes into the peers file; a line in the way is named."""
    operator.types("init")
    peers = operator.folder / "peers.txt"
    if standing is not None:
        peers.write_text(f"{standing}\n")
    with operator.starts("invite", "--listen", "127.0.0.1:0", "--peers", "peers.txt") as process:
        line = parse_join_line(_line_of(process))
        asyncio.run(join(line, agent_home, "h2", 17962))
        out, err = process.communicate(timeout=60)
    assert (0, f"distrcomp: {said}\n") == (process.returncode, err)
    assert "h2 joined from 127.0.0.1." == out.splitlines()[-1]
    before = () if standing is None else (standing,)
    after = ("127.0.0.1:17962 name=h2",) if said.startswith("added") else ()
    assert [*before, *after] == peers.read_text().splitlines()


def test_interrupted_invite(operator: Operator) -> None:
    """Ctrl-C while inviting is exit code 130 and one line."""
    operator.types("init")
    with operator.starts("invite", "--listen", "127.0.0.1:0") as process:
        _line_of(process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (130, "interrupted: no machine joined\n") == (process.returncode, err)


def test_invite_mistakes(operator: Operator) -> None:
    """What is wrong with an option is said before anything waits."""
    (operator.folder / "p").write_text("h1:x\n")
    for arguments, said in (
        (("--ttl", "x"), "--ttl 'x'"),
        (("--listen", "h1:x"), "--listen 'h1:x' is not HOST or HOST:PORT"),
        (("--peers", "p"), "p line 1: 'x' is not a port"),
    ):
        with pytest.raises(BadUsage, match=said):
            operator.types("invite", *arguments)
    with pytest.raises(CannotStart, match=r"distrcomp cluster init"):
        operator.types("invite")


def test_issue(operator: Operator) -> None:
    """`issue` writes a 0600 file here and says what to do with it; it overwrites nothing."""
    operator.types("init")
    result = operator.types("issue", "H1", "--address", "10.0.0.1", "--address", "h1.lab")
    assert "distrcomp agent --credentials h1.pem" in result.output
    path = operator.folder / "h1.pem"
    assert 0o600 == path.stat().st_mode & 0o777
    assert "h1" == load_agent(operator.home, path).identity.name
    (operator.folder / "h2.pem").write_text("mine")
    with pytest.raises(BadUsage, match=r"h2\.pem exists already"):
        operator.types("issue", "h2")
    with pytest.raises(CannotStart, match=r"cannot be written"):
        operator.types("issue", "h3", "--output", str(operator.folder / "none" / "h3.pem"))
    result = operator.types("issue", "h3", "--output", "other.pem")
    assert "distrcomp agent --credentials other.pem" in result.output
    with pytest.raises(BadUsage, match=r"the name h1 belongs to member h1"):
        operator.types("issue", "h1", "--output", "again.pem")
    assert not (operator.folder / "again.pem").exists()


def test_members_and_remove(operator: Operator) -> None:
    """`members` lists who joined and who was removed; `remove` puts a machine out."""
    operator.types("init")
    assert "No machine has joined yet" in operator.types("members").output
    Authority(operator.home).sign_agent(make_request(new_key()), "h1", ["10.0.0.1"])
    operator.types("issue", "h22")
    assert "Removed h1" in operator.types("remove", "h1").output
    first, second = operator.types("members").output.splitlines()
    assert re.fullmatch(r"h1   joined \S+, removed \S+  10\.0\.0\.1", first)
    assert re.fullmatch(r"h22  issued \S+  no address", second)
    with pytest.raises(BadUsage, match=r"no member is called 'h1'"):
        operator.types("remove", "h1")


@pytest.mark.parametrize("command", [*cluster.commands.values(), peers_command])
def test_parameters_are_called_as_typed(command: click.Command) -> None:
    """An option's variable has its long name, since click makes it of the parameter's name."""
    for option in command.params:
        if isinstance(option, click.Option):
            assert f"--{option.name}".replace("_", "-") in option.opts


def test_issue_address_variable(operator: Operator) -> None:
    """DISTRCOMP_CLUSTER_ISSUE_ADDRESS is --address."""
    operator.types("init")
    environ = {**operator.environ, "DISTRCOMP_CLUSTER_ISSUE_ADDRESS": "10.0.0.1 h1.lab"}
    result = CliRunner().invoke(main, ["cluster", "issue", "h1"], env=environ)
    assert 0 == result.exit_code, result.output
    assert ("10.0.0.1", "h1.lab") == Authority(operator.home).members.all()[0].addresses


@pytest.mark.parametrize(
    ("variables", "peers", "host"),
    [
        ({"DISTRCOMP_PEERS": "a"}, Path("a"), None),
        ({"DISTRCOMP_RUN_PEERS": "b"}, Path("b"), None),
        ({"DISTRCOMP_RUN_PEERS": "b", "DISTRCOMP_PEERS": "a"}, Path("b"), None),
        ({"DISTRCOMP_RUN_HOST": "h1:2"}, None, "h1:2"),
        ({"DISTRCOMP_PEERS": ""}, None, None),
    ],
)
def test_peers_variables(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    peers: Path | None,
    host: str | None,
) -> None:
    """The peers come from a command's own variables, else from DISTRCOMP_PEERS."""
    monkeypatch.delenv("DISTRCOMP_PEERS", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    context = run.make_context("run", ["x.py"], auto_envvar_prefix="DISTRCOMP_RUN")
    assert (peers, host) == (context.params["peers"], context.params["host"])


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90.0), ("15m", 900.0), ("2h", 7200.0), ("45", 45.0)]
)
def test_ttl(text: str, seconds: float) -> None:
    """A time is a number with s, m or h, or seconds."""
    assert seconds == parse_ttl(text)


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "-1", "1d", "1.5h", "h", "169h", "9" * 5000, "1 m"]
)
def test_not_ttl(text: str) -> None:
    """Anything else, and more than a week, is a mistake."""
    with pytest.raises(BadUsage, match=r"--ttl"):
        parse_ttl(text)
