"""The socket by which workers reach their master is nobody else's."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from distrcomp.mpi.futures_spawn import _connections, _listener

pytestmark = pytest.mark.processes

NOBODY = 65534
# Connects as another user, and tells whether it could, and what it got to hear.
STRANGER = f"""
import os, socket, sys
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
with socket.socket(socket.AF_UNIX) as stranger:
    try:
        stranger.connect(sys.argv[1])
    except PermissionError:
        sys.exit("no way in")
    print("in", flush=True)
    try:
        stranger.sendall((4).to_bytes(4, "big") + b"K\\x01.\\n")
        heard = stranger.recv(1)
    except ConnectionError:
        heard = b""
    sys.exit(f"heard {{heard}}")
"""
WORKER = """
import sys
from multiprocessing.connection import Client
with Client(sys.argv[1], family="AF_UNIX") as connection:
    connection.send(0)
    connection.recv()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


def start(program: str, path: str) -> subprocess.Popen[bytes]:
    """Starts a process that connects to the socket at `path`."""
    words = [sys.executable, "-I", "-c", program, path]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/")


def last_words(process: subprocess.Popen[bytes]) -> bytes:
    """What it says at its end."""
    return process.communicate()[1].strip()


@as_root
def test_folder_is_closed_to_others(leaks: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-44: another user does not get as far as the socket."""
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    with _listener() as (listener, path):
        assert b"no way in" == last_words(start(STRANGER, path))
        assert not path.startswith("\0")  # none of the abstract ones, which have no rights
        assert listener.getsockname() == path


@as_root
def test_other_user_is_refused(leaks: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """S-44: one who gets that far all the same is refused by the kernel's word, and not heard."""
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")  # where other users get to
    with _listener() as (listener, path):
        Path(path).parent.chmod(0o755)
        Path(path).chmod(0o777)
        stranger = start(STRANGER, path)
        assert stranger.stdout is not None
        assert b"in\n" == stranger.stdout.readline()
        worker = start(WORKER, path)
        (connection,) = _connections(listener, 1, worker)
        assert b"heard b''" == last_words(stranger)
        connection.send("end")
        assert b"" == last_words(worker)
        assert 0 == worker.returncode
        connection.close()


def test_folder_is_closed(leaks: object) -> None:
    """S-42: the folder has a name of chance and is the user's alone; nothing of it stays."""
    with _listener() as (listener, path), socket.socket(socket.AF_UNIX) as worker:
        assert 0o700 == stat.S_IMODE(Path(path).parent.stat().st_mode)
        worker.connect(path)
        listener.accept()[0].close()
    assert not Path(path).parent.exists()
