"""Starts the process of a fork server, and knows what is settled then; `fork_client` talks to it.

A run on one machine needs one at once, and both the server and the launcher first load what they
need. So `distrcomp run` has it started before it loads anything else, and they load side by side.
This module is therefore light.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys

# What a node's environment has beside its agent's, and its command line beside the server's own.
_ROOM_BYTES = 4096
_ROOM_FOR_ARGUMENTS_BYTES = 128
# Variables by which MPI launchers and batch systems tell a process what it is.
_OF_JOBS = ("OMPI_", "PMI", "MV2_", "JSM_", "FLUX_", "SLURM_")
# What an interpreter, the C library or numpy reads once, when it starts.
_READ_AT_START = ("PYTHON", "LC_", "LD_", "MALLOC_", "OPENBLAS_", "NPY_", "NUMPY_")
_READ_AT_START_TOO = frozenset(("HOME", "LANG", "LANGUAGE", "TZ", "GLIBC_TUNABLES"))


class Spawned:
    """A server that was started.

    Attributes:
        environment: with which.
        connection: our end of its socket.
    """

    def __init__(self) -> None:
        self.environment = server_environment()
        self.connection, theirs = socket.socketpair()
        room = " " * _ROOM_FOR_ARGUMENTS_BYTES
        number = theirs.fileno()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "distrcomp.fork_server", str(number), room],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self.environment,
                cwd="/",
                pass_fds=[number],
                start_new_session=True,
            )
        except BaseException:
            self.connection.close()
            raise
        finally:
            theirs.close()

    def end(self) -> None:
        """Kills it."""
        self.connection.close()
        self.process.kill()
        self.process.wait()


def server_environment() -> dict[str, str]:
    """The agent's, and as a node has it what counts at a start."""
    ours = {"PYTHONUNBUFFERED": "1", "_ROOM": " " * _ROOM_BYTES}
    if any(name.startswith(_OF_JOBS) for name in os.environ):  # the server is no part of that job
        ours["DISTRCOMP_NODE_ID"] = os.environ.get("DISTRCOMP_NODE_ID", "0")
    return {**os.environ, **ours}


def read_at_start(environment: dict[str, str]) -> dict[str, str]:
    """The variables that count only when a process starts: where they differ, a fork is no use.

    Example:
        >>> read_at_start({"PYTHONPATH": "lib", "USER": "me", "TZ": "UTC"})
        {'PYTHONPATH': 'lib', 'TZ': 'UTC'}
    """
    return {
        name: value
        for name, value in environment.items()
        if (name.startswith(_READ_AT_START) and not name.endswith("_NUM_THREADS"))
        or name in _READ_AT_START_TOO
    }


_early: list[Spawned] = []


def spawn_early() -> None:
    """Starts a server for whoever asks first; where that can't be, whoever asks is told why."""
    try:
        _early.append(Spawned())
    except OSError:
        return


def take_spawned() -> Spawned:
    """The server that was started early, or a new one; raises OSError."""
    return _early.pop() if _early else Spawned()


def end_early() -> None:
    """Ends a server for which nobody has asked."""
    while _early:
        _early.pop().end()
