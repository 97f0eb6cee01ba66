"""Every mistake gets one clear line and its exit code, and nothing is started."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import Machine, Result

pytestmark = pytest.mark.processes

HELLO = "print('started')\n"


def refused(machine: Machine, *words: str, code: int = 2) -> str:
    """The one line of a run that must not start."""
    result = machine.run("run", *words)
    return one_line(result, code)


def one_line(result: Result, code: int) -> str:
    """What was said, if it was one line on stderr and nothing else."""
    assert code == result.code, result
    assert "" == result.out
    lines = result.err.splitlines()
    assert 1 == len(lines), result.err
    assert lines[0].startswith("distrcomp: ")
    return lines[0]


@pytest.fixture
def program(machine: Machine) -> str:
    """A program that would say that it was started."""
    (machine.work_dir / "hello.py").write_text(HELLO)
    return "hello.py"


def test_a_missing_program_is_named_with_a_near_one(machine: Machine, program: str) -> None:
    """A program that is not there is named, and one that is named alike offered."""
    line = refused(machine, "-n", "2", "helo.py")
    assert "helo.py" in line
    assert "did you mean hello.py?" in line


def test_a_folder_is_no_program(machine: Machine) -> None:
    """A directory where a program should be, with and without .py."""
    (machine.work_dir / "folder.py").mkdir()
    (machine.work_dir / "folder").mkdir()
    assert "folder.py" in refused(machine, "folder.py")
    assert "folder is a folder" in refused(machine, "./folder")


def test_no_program(machine: Machine) -> None:
    """A run of nothing."""
    assert "which program?" in refused(machine)


@pytest.mark.parametrize("n", ["0", "x", "-1", "1.5", "", "99999999999"])
def test_a_bad_number_of_nodes(machine: Machine, program: str, n: str) -> None:
    """-n takes a number from 1 on."""
    assert "node" in refused(machine, "-n", n, program)


def test_a_missing_peers_file(machine: Machine, program: str) -> None:
    """The file is named."""
    assert "nowhere.txt" in refused(machine, "--peers", "nowhere.txt", program)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no peer"),
        ("# nothing\n\n", "names no peer"),
        ("h1\nh2\nh1\n", "peers.txt line 3"),
        ("h1\nh2:99999\n", "peers.txt line 2"),
        ("h1\n\nh2:x\n", "peers.txt line 3"),
        ("h1 slots=0\n", "peers.txt line 1"),
        ("h1 slots=many\n", "peers.txt line 1"),
        ("h1 cores=3\n", "peers.txt line 1"),
        ("fe80::1\n", "peers.txt line 1"),
        ("bad name!\n", "peers.txt line 1"),
    ],
)
def test_a_bad_peers_file(machine: Machine, program: str, text: str, said: str) -> None:
    """Every mistake in the peers file is one line with its line number."""
    (machine.work_dir / "peers.txt").write_text(text)
    assert said in refused(machine, "--peers", "peers.txt", program)


@pytest.mark.parametrize("glob", ["nothing*.txt", "../*", "/etc/hostname"])
def test_a_bad_include(machine: Machine, program: str, glob: str) -> None:
    """An --include that matches nothing or leaves the tree is named."""
    assert glob in refused(machine, "--include", glob, program)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--report", "x.pdf"), "x.pdf"),
        (("--report", "no/such/folder/x.txt"), "no/such/folder"),
        (("--wdir", "../up"), "--wdir"),
        (("--wdir", "/abs"), "--wdir"),
        (("-x", "NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE"),
        (("-x", "1bad=2"), "1bad"),
        (("--stdin", "7"), "--stdin 7"),
        (("--stdin", "x"), "'x'"),
        (("--output-dir", "/proc/nowhere"), "/proc/nowhere"),
        (("--timeout", "inf"), "--timeout takes"),
        (("--recv-timeout", "inf"), "--recv-timeout takes"),
        (("--recv-timeout", "nan"), "--recv-timeout takes"),
        (("-x", "DISTRCOMP_RECV_TIMEOUT=1"), "DISTRCOMP_RECV_TIMEOUT"),
    ],
)
def test_bad_options(machine: Machine, program: str, options: tuple[str, ...], said: str) -> None:
    """What an option cannot take is said before anything starts."""
    assert said in refused(machine, "-n", "1", *options, program)


@pytest.mark.parametrize(
    "options",
    [("--timeout", "-1"), ("--recv-timeout", "0"), ("--output", "loud"), ("--nonsense",)],
)
def test_options_that_do_not_exist(
    machine: Machine, program: str, options: tuple[str, ...]
) -> None:
    """The command line's own mistakes have exit code 2 as well."""
    result = machine.run("run", *options, program)
    assert 2 == result.code
    assert "started" not in result.out


def test_remote_peers_need_credentials(machine: Machine, program: str) -> None:
    """Without a cluster there is nothing to prove who we are: how to make one is said."""
    assert "distrcomp cluster init" in refused(machine, "-H", "127.0.0.1", program, code=3)


@pytest.fixture
def operator(machine: Machine, program: str) -> Machine:
    """A machine with a cluster."""
    assert 0 == machine.run("cluster", "init").code
    return machine


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def peers_at(machine: Machine, port: int, host: str = "127.0.0.1") -> tuple[str, str]:
    """The option for a peers file with one peer at that port."""
    (machine.work_dir / "peers.txt").write_text(f"{host}:{port}\n")
    return "--peers", "peers.txt"


def test_a_peer_that_refuses(operator: Machine, listener: socket.socket) -> None:
    """Nothing listens: start the agent."""
    port = listener.getsockname()[1]
    listener.close()
    line = refused(operator, *peers_at(operator, port), "hello.py", code=3)
    assert f"127.0.0.1:{port} refuses the connection" in line
    assert "distrcomp agent" in line


def test_a_peer_that_has_no_address(operator: Machine) -> None:
    """A name that nobody knows."""
    line = refused(operator, *peers_at(operator, 6969, "no-such-host.invalid"), "hello.py", code=3)
    assert "no-such-host.invalid is not known here" in line


def test_a_peer_that_is_no_agent(operator: Machine, listener: socket.socket) -> None:
    """Something listens and speaks another protocol (here SSH's banner)."""

    def greet() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            connection.recv(1000)

    threading.Thread(target=greet, daemon=True).start()
    port = listener.getsockname()[1]
    line = refused(operator, *peers_at(operator, port), "hello.py", code=3)
    assert f"127.0.0.1:{port} answers but is not a distrcomp agent" in line


def test_several_peers_that_cannot_be_used(operator: Machine, listener: socket.socket) -> None:
    """Each gets its own line, so that all can be mended at once."""
    port = listener.getsockname()[1]
    listener.close()
    text = f"127.0.0.1:{port}\nno-such-host.invalid\n"
    (operator.work_dir / "peers.txt").write_text(text)
    result = operator.run("run", "--peers", "peers.txt", "hello.py")
    assert 3 == result.code
    assert 2 == len(result.err.splitlines())


def test_an_agent_without_credentials(machine: Machine) -> None:
    """It refuses to start and says how to join."""
    line = one_line(machine.run("agent", "--listen", "127.0.0.1:0"), 2)
    assert "port" in line
    line = one_line(machine.run("agent", "--listen", "127.0.0.1:7001"), 3)
    assert "distrcomp agent --join LINE" in line


@pytest.mark.parametrize("line", ["nonsense", "dcj1.AAAA.BBBB", ""])
def test_an_altered_join_line(machine: Machine, line: str) -> None:
    """A join line that is not whole is recognised before anything is contacted."""
    assert "join line" in one_line(machine.run("agent", "--join", line), 2)


def test_a_port_in_use_names_its_holder(operator: Machine, listener: socket.socket) -> None:
    """Port 6969 in use: which process has it, and what to do (F-16)."""
    port = listener.getsockname()[1]
    assert 0 == operator.run("cluster", "issue", "a1").code
    words = ("--credentials", "a1.pem", "--listen", f"127.0.0.1:{port}")
    line = one_line(operator.run("agent", *words), 3)
    assert f"port {port} is in use by " in line
    assert "--listen" in line


@pytest.mark.parametrize("words", [("run", "hello.py"), ("run", "-m", "hello"), ("ship", "a.py")])
def test_a_folder_that_is_gone(machine: Machine, words: tuple[str, ...]) -> None:
    """Who stands in a folder that has been removed is told so."""
    gone = machine.work_dir / "gone"
    gone.mkdir()
    here = os.open(gone, os.O_RDONLY)
    gone.rmdir()
    try:
        line = one_line(machine.run(*words, cwd=Path(f"/proc/{os.getpid()}/fd/{here}")), 2)
    finally:
        os.close(here)
    assert "distrcomp: the folder you are in has been removed: change to another one" == line
