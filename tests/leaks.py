"""What a test may have left behind on the machine, and waiting until it is gone.

The end of a run leaves nothing, so every test that starts processes runs inside `watched`, whose
checker looks for:

- processes. One is the test's when its environment carries the test's tag, when its working folder
  or a word of its command line lies in the test's folder, or when it descends from the test process
  and did not at the start. The tag alone would not do: a node's environment is made afresh.
- listening sockets, those of such processes and those opened inside the test process itself;
- descriptors of processes that live on from one run to the next, where the test says which;
- new names in /dev/shm;
- anything in the folders that the test gave as TMPDIR;
- the network namespaces that the test made.

Ends take a moment, so the checker waits for them; what is still there at the bound is the failure.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil

TAG = "DISTRCOMP_TEST_TAG"
GONE_TIMEOUT_S = 10.0
LOOK_INTERVAL_S = 0.02
NAMESPACES = Path("/run/netns")

_SHARED_MEMORY = Path("/dev/shm")
# A real MPI's, in tests that may run beside this one; what an aborted job leaves is removed there.
_OF_MPI = ("mpich_shm_", "sm_segment.")
_LISTEN = "0A"  # the state's number in /proc/net/tcp


def wait_until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Returns once `condition()` is true; raises AssertionError naming `what` at the bound.

    For ends that nobody announces: a foreign process's death, a name that leaves a folder. The
    pause between two looks is no synchronisation by sleeping: it only spares the processor, and no
    outcome depends on its length, since what lets the test go on is the condition itself.
    """
    deadline = time.monotonic() + timeout_s
    never = threading.Event()
    while not condition():
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        never.wait(LOOK_INTERVAL_S)


class LeakChecker:
    """Knows what one test has started, by its tag and its folder; made before the test acts.

    Args:
        folder: the test's own folder.

    Attributes:
        tag: to be set as DISTRCOMP_TEST_TAG in all that the test starts.
        temp_dirs: the folders that must be empty at the end.
        namespaces: the names of network namespaces that must not exist at the end.
    """

    def __init__(self, folder: Path) -> None:
        self.tag = secrets.token_hex(8)
        self.temp_dirs: list[Path] = []
        self.namespaces: list[str] = []
        self._folder = str(folder)
        self._shared_memory = _names_in(_SHARED_MEMORY)
        self._children = _descendants()
        self._listeners = set(listening_ports(psutil.Process()))
        self._descriptors: dict[int, list[str]] = {}

    def processes(self) -> list[psutil.Process]:
        """The test's processes that are still there, zombies of its own included."""
        descendants = _descendants() - self._children
        foreign = [each for each in psutil.process_iter() if self._is_marked(each)]
        return sorted(descendants | set(foreign), key=lambda process: process.pid)

    def left(self) -> list[str]:
        """One line for each thing that is still there."""
        own_ports = set(listening_ports(psutil.Process())) - self._listeners
        return [
            *(description(process) for process in self.processes()),
            *(f"the test process itself listens on port {port}" for port in sorted(own_ports)),
            *(f"/dev/shm/{name}" for name in _names_in(_SHARED_MEMORY) - self._shared_memory),
            *(path for folder in self.temp_dirs for path in sorted(_paths_below(folder))),
            *(f"namespace {name}" for name in self.namespaces if (NAMESPACES / name).exists()),
        ]

    def check_nothing_left(self, timeout_s: float = GONE_TIMEOUT_S) -> None:
        """Waits until nothing is left; at the bound raises AssertionError with the list."""
        _wait_until_empty(self.left, timeout_s)

    def watch_descriptors(self, pid: int) -> None:
        """From now on this process, when it is at rest, may hold no more descriptors than now."""
        self._descriptors[pid] = _descriptors(pid)

    def check_descriptors(self, timeout_s: float = GONE_TIMEOUT_S) -> None:
        """Waits until the processes of `watch_descriptors` that still live hold no more."""
        _wait_until_empty(self._grown, timeout_s)

    def kill_all(self) -> None:
        """Kills what is left of the test's processes."""
        kill(self.processes())

    def _grown(self) -> list[str]:
        """One line for each watched process that holds more descriptors than it did."""
        now = {pid: _descriptors(pid) for pid in self._descriptors}
        return [
            f"process {pid} held {before} and holds {now[pid]}"
            for pid, before in self._descriptors.items()
            if len(now[pid]) > len(before)
        ]

    def _is_marked(self, process: psutil.Process) -> bool:
        if process.pid == os.getpid():
            return False
        try:
            if process.environ().get(TAG) == self.tag:
                return True
            places = [process.cwd(), *process.cmdline()]
        except psutil.Error:  # it has just ended, or is another user's
            return False
        return any(f"{self._folder}/" in f"{place}/" for place in places)


@contextlib.contextmanager
def watched(folder: Path, timeout_s: float = GONE_TIMEOUT_S) -> Iterator[LeakChecker]:
    """A checker for the test in `folder`: at the end nothing may be left, and nothing survives."""
    checker = LeakChecker(folder)
    try:
        yield checker
        checker.check_nothing_left(timeout_s)
    finally:
        checker.kill_all()


def _wait_until_empty(list_left: Callable[[], list[str]], timeout_s: float) -> None:
    left: list[str] = []

    def is_clean() -> bool:
        left[:] = list_left()
        return not left

    try:
        wait_until(is_clean, timeout_s, "nothing left")
    except AssertionError as error:
        raise AssertionError("\n  ".join([f"left after {timeout_s:g} s:", *left])) from error


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kills these processes and waits until they are dead."""
    processes = list(processes)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    what = f"the end of killed processes {[process.pid for process in processes]}"
    wait_until(lambda: not any(map(_lives, processes)), GONE_TIMEOUT_S, what)


def listening_ports(process: psutil.Process) -> list[int]:
    """The TCP ports on which `process` listens, in whatever network namespace it lives."""
    inodes = _socket_inodes(process.pid)
    ports: list[int] = []
    for table in ("tcp", "tcp6") if inodes else ():
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{process.pid}/net/{table}").read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == _LISTEN and words[9] in inodes:
                    ports.append(int(words[1].rpartition(":")[2], 16))
    return ports


def _paths_below(folder: Path) -> Iterator[str]:
    """What lies below `folder`; os.walk passes over what vanishes meanwhile."""
    for here, folders, files in os.walk(folder):
        yield from (f"{here}/{name}" for name in (*folders, *files))


def description(process: psutil.Process) -> str:
    """One line on what `process` is, and where it listens."""
    try:
        words = " ".join(process.cmdline()) or f"({process.name()})"
        line = f"process {process.pid}, {process.status()}: {words[:200]}"
    except psutil.Error:
        return f"process {process.pid}"
    ports = listening_ports(process)
    return f"{line}; listens on {ports}" if ports else line


def _descriptors(pid: int) -> list[str]:
    """What each open descriptor of a process is; none if it has ended."""
    found = []
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(f"{descriptor.name} {descriptor.readlink()}")
    return sorted(found)


def _socket_inodes(pid: int) -> set[str]:
    inodes: set[str] = set()
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    return inodes


def _lives(process: psutil.Process) -> bool:
    """Whether it has not ended; reaps a child, and takes what init has yet to reap for dead."""
    try:
        process.wait(timeout=0)
    except psutil.TimeoutExpired:
        with contextlib.suppress(psutil.NoSuchProcess):
            # It may have become a zombie just now; a child of ours is reaped by the next look.
            return process.status() != psutil.STATUS_ZOMBIE or process.ppid() == os.getpid()
    return False


def _descendants() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def _names_in(folder: Path) -> set[str]:
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return {name for name in names if not name.startswith(_OF_MPI)}
