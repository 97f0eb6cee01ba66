"""Workers in a run of their own, on this machine, for an executor that has no nodes to use.

The master starts `distrcomp run` with a small program that connects to it by a Unix socket in a
folder that only this user can enter; the nodes of that run are the workers, and their world is what
`get_comm_workers` gives. The run ends with its master: a worker whose connection ends, ends.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Client, Connection
from typing import Any

from . import MPI
from .futures_channels import STOP, SocketChannel
from .futures_managers import master
from .futures_queue import Pool
from .futures_worker import handle, set_comm_workers
from .shim import prepare

_LOOK_S = 0.2
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid
_SOCKET_NAME_BYTES_MAX = 107


def spawn_manager(pool: Pool, n_worker: int) -> None:
    """Starts workers, has the tasks done by them, and ends them."""
    process, connections = _start(n_worker, pool.options)
    try:
        channel = SocketChannel(connections, pool.queue)
        try:
            pool.options = {**pool.options, "folder": os.getcwd()}
            master(pool, channel, with_main=True)
        finally:
            pool.queue.on_put = None
            for worker in range(n_worker):
                with contextlib.suppress(OSError):  # it has ended already
                    channel.send(worker, STOP, None)
            channel.close()
    finally:
        process.wait()


def main(path: str) -> None:
    """The program of a worker: connects to its master and serves it."""
    prepare()
    with _short(path) as address, Client(address, family="AF_UNIX") as connection:
        threading.Thread(target=_end_with, args=(connection.fileno(),), daemon=True).start()
        connection.send(MPI.COMM_WORLD.Get_rank())
        set_comm_workers(MPI.COMM_WORLD)
        while True:
            kind, content = connection.recv()
            if kind == STOP:
                return
            connection.send(handle(kind, content))


def _end_with(descriptor: int) -> None:
    """Ends this process when its master has ended, whatever it is at."""
    poller = select.poll()
    poller.register(descriptor, select.POLLRDHUP)
    poller.poll()
    os._exit(0)


def _start(
    n_worker: int, options: Mapping[str, Any]
) -> tuple[subprocess.Popen[bytes], list[Connection]]:
    """The workers' run and the connections to them. The folder of the socket goes at once, so that
    nothing is left of it when the master is killed."""
    with _listener() as (listener, path):
        command = _command(n_worker, path, options)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=_environment())
        return process, _connections(listener, n_worker, process)


@contextlib.contextmanager
def _listener() -> Iterator[tuple[socket.socket, str]]:
    folder = tempfile.mkdtemp(prefix="distrcomp-pool-")  # mode 0700
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            path = os.path.join(folder, "master")
            with _short(path) as address:
                listener.bind(address)
            listener.listen(128)
            yield listener, path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _short(path: str) -> Iterator[str]:
    """A name of a socket that is short enough: a descriptor stands for its folder (F-40).

    The kernel takes 107 bytes (unix(7)), and TMPDIR may be longer than that.
    """
    if len(os.fsencode(path)) <= _SOCKET_NAME_BYTES_MAX:
        yield path
        return
    folder, name = os.path.split(path)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)


def _command(n_worker: int, path: str, options: Mapping[str, Any]) -> list[str]:
    executable = os.fspath(options.get("python_exe") or sys.executable)
    if "/" in executable:
        executable = os.path.abspath(executable)
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [
        *(sys.executable, "-P", "-m", "launcher", "run", "--quiet", "-n", str(n_worker)),
        *("--output", "raw", "--stdin", "none", "--", executable, *flags),
        *(options.get("python_args") or ()),
        *("-m", "distrcomp.mpi.futures_server", path),
    ]


def _environment() -> dict[str, str]:
    """Our own, without what is told to this node; the run's id stays, by which an agent finds all
    that a run has started."""
    kept = ("DISTRCOMP_HOME", "DISTRCOMP_RUN_ID")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("DISTRCOMP_") or name in kept
    }


def _connections(
    listener: socket.socket, n_worker: int, process: subprocess.Popen[bytes]
) -> list[Connection]:
    """The connections of all workers, by their ranks."""
    listener.settimeout(_LOOK_S)
    found: dict[int, Connection] = {}
    while len(found) < n_worker:
        try:
            accepted, _ = listener.accept()
        except TimeoutError:
            if process.poll() is not None:
                raise RuntimeError(
                    f"the workers could not be started (exit code {process.returncode})"
                ) from None
            continue
        if not _is_ours(accepted):
            accepted.close()
            continue
        accepted.setblocking(True)
        connection = Connection(accepted.detach())
        found[connection.recv()] = connection
    return [found[worker] for worker in range(n_worker)]


def _is_ours(accepted: socket.socket) -> bool:
    """Whether a process of this user's is at the other end (unix(7)), where the kernel tells.

    What comes from there is unpickled, and a folder's rights may be changed by hand (S-44).
    """
    if sys.platform != "linux":
        return True
    told = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return bool(_CREDENTIALS.unpack(told)[1] == os.geteuid())
