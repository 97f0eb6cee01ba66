"""The ways between a master and its workers: messages of MPI, or sockets to spawned workers.

What goes to a worker is (kind, content): SETUP with options, INIT with a packed initializer, TASK
with a packed task, STOP. To all but STOP the worker answers once, and gets nothing more before.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from . import MPI
from .futures_queue import Backoff, TaskQueue

SETUP, INIT, TASK, STOP = "setup", "init", "task", "stop"


class Channel(Protocol):
    """To the workers, numbered from 0."""

    size: int

    def send(self, worker: int, kind: str, content: object) -> None:
        """Sends to one of them."""

    def poll(self) -> tuple[int, Any] | None:
        """An answer that has arrived, and whose it is; None if there is none."""

    def pause(self, queue: TaskQueue, backoff: Backoff) -> None:
        """Waits for an answer, or for a task to come; may return early."""


class CommChannel:
    """Messages with a tag of one's own over an intercommunicator to the workers."""

    def __init__(self, comm: MPI.Intercomm, tag: int = 0) -> None:
        self.size: int = comm.Get_remote_size()
        self._comm = comm
        self._tag = tag
        self._status = MPI.Status()

    def send(self, worker: int, kind: str, content: object) -> None:
        self._comm.send((kind, content), dest=worker, tag=self._tag)

    def poll(self) -> tuple[int, Any] | None:
        if not self._comm.iprobe(MPI.ANY_SOURCE, self._tag, self._status):
            return None
        worker = self._status.Get_source()
        return worker, self._comm.recv(source=worker, tag=self._tag)

    def pause(self, queue: TaskQueue, backoff: Backoff) -> None:
        if queue:  # it waits for a worker
            backoff.sleep()
        else:
            queue.wait(backoff.next())


class SocketChannel:
    """One connection to each worker, and a pipe by which a new task ends a pause."""

    def __init__(self, connections: Sequence[Connection], queue: TaskQueue) -> None:
        self.size = len(connections)
        self._connections = list(connections)
        self._workers = {id(each): worker for worker, each in enumerate(connections)}
        self._woken, self._wake_up = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake_up, False)
        queue.on_put = self._wake

    def send(self, worker: int, kind: str, content: object) -> None:
        self._connections[worker].send((kind, content))

    def poll(self) -> tuple[int, Any] | None:
        for connection in wait(self._connections, 0):
            worker = self._workers[id(connection)]
            try:
                return worker, self._connections[worker].recv()
            except EOFError:
                raise RuntimeError(f"worker {worker} has ended") from None
        return None

    def pause(self, queue: TaskQueue, backoff: Backoff) -> None:
        del queue, backoff
        try:
            os.read(self._woken, 4096)
        except BlockingIOError:  # no task has come since the last pause
            wait([*self._connections, self._woken])

    def close(self) -> None:
        """Lets go of the connections."""
        for connection in self._connections:
            connection.close()

    def __del__(self) -> None:
        os.close(self._woken)  # not before: another thread may be about to wake us
        os.close(self._wake_up)

    def _wake(self) -> None:
        try:
            os.write(self._wake_up, b"x")
        except BlockingIOError:
            return  # it is full: the manager is woken anyway
