"""What outlives the agent for a moment: kills its nodes and removes its folders if it is killed.

`kill -9` leaves an agent (or the launcher that holds one) no time to clean up. So each starts one
small process that reads, from a pipe, which runs and process groups live and which folders exist.
When the pipe ends, the guardian ends those, removes the folders and exits. It runs
in a session of its own, so neither Ctrl-C nor a closed terminal reaches it.
An agent that is stopped (SIGSTOP) can't end its nodes either, and after STOPPED_LOOKS no launcher
waits for it any more: the guardian kills the nodes, and the agent finds them dead when it goes on.
This file is both ends: `Guardian` in the agent; started as a script, the process itself, which
imports nothing of ours and little else, for it starts beside everything else that a run starts.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# What cleans up after a program (Python's resource tracker) needs this long when it has died.
_LEADER_HEAD_START_S = 0.2
_ROUNDS_MAX = 20
# Who is seen stopped so many times in a row, at this interval, is as good as gone: 8 s, as for a
# silent peer (F-05). It counts looks, for whoever looks may have been stopped itself.
STOPPED_LOOK_INTERVAL_S = 2.0
STOPPED_LOOKS = 5
_READ_BYTES = 65536


class StopWatch:
    """Tells a process that stays stopped from one that goes on now and then; no I/O.

    Only a stop by a signal counts: a debugger's is another state. And only one without a break:
    who was continued between two looks and stopped again has been scheduled meanwhile.
    """

    def __init__(self) -> None:
        self._switches: list[str] = []
        self._looks = 0

    def look(self, status: str) -> bool:
        """Takes what /proc/PID/status says now; whether the process has been stopped for long.

        Example:
            >>> watch = StopWatch()
            >>> [watch.look("State:\\tT (stopped)") for _ in range(STOPPED_LOOKS)][-2:]
            [False, True]
        """
        lines = status.splitlines()
        switches = [line for line in lines if "ctxt_switches" in line]
        if not any(line.startswith("State:\tT") for line in lines):
            self._looks = 0
        elif switches == self._switches:
            self._looks += 1
        else:
            self._looks = 1
        self._switches = switches
        return self._looks >= STOPPED_LOOKS


def status_of(pid: int) -> str:
    """What /proc says of a process now; nothing where it is gone, or there is no /proc."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


class Guardian:
    """The agent's end.

    Args:
        is_agents: whether it also ends what a stopped agent holds. A launcher that holds its agent
            itself may be stopped by Ctrl-Z and go on later, for nobody waits for it.
    """

    def __init__(self, *, is_agents: bool = False) -> None:
        import subprocess

        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, *([str(os.getpid())] if is_agents else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            bufsize=0,
        )
        if self._process.stdin is not None:
            os.set_blocking(self._process.stdin.fileno(), False)

    def watch_group(self, group: int) -> None:
        """From now on the process group dies with this process."""
        self._say("group", group)

    def forget_group(self, group: int) -> None:
        """The group is gone, so its number may soon be somebody else's."""
        self._say("no group", group)

    def watch_helper(self, pid: int) -> None:
        """From now on this process, which serves the agent and no run, dies with this process."""
        self._say("helper", pid)

    def forget_helper(self, pid: int) -> None:
        """It is gone."""
        self._say("no helper", pid)

    def watch_run(self, mark: str) -> None:
        """From now on what bears this mark (`mark_of`) dies with this process."""
        self._say("run", mark)

    def forget_run(self, mark: str) -> None:
        """Nothing of the run is left."""
        self._say("no run", mark)

    def watch_folder(self, folder: str) -> None:
        """From now on the folder goes with this process."""
        self._say("folder", folder)

    def forget_folder(self, folder: str) -> None:
        """The folder is removed."""
        self._say("no folder", folder)

    def release(self) -> None:
        """Everything is cleaned up: the guardian has nothing to do and ends."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _say(self, word: str, what: int | str) -> None:
        if self._process.stdin is None:
            return
        text = str(what).encode("utf-8", "surrogateescape").hex()
        line = f"{word.replace(' ', '-')} {text}\n".encode()
        try:
            if self._process.stdin.write(line) != len(line):  # it does not listen
                self._process.kill()
        except OSError:
            return  # a guardian that was killed guards no more


def main(agent: int | None) -> None:
    """The guardian process; `agent` is whom to watch for being stopped."""
    watched: dict[str, set[str]] = {kind: set() for kind in ("group", "run", "folder", "helper")}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends when there is nothing to guard
    for line in _lines(sys.stdin.fileno(), agent, watched):
        word, text = line.decode().split()
        what = bytes.fromhex(text).decode("utf-8", "surrogateescape")
        kind = word.removeprefix("no-")
        (watched[kind].add if kind == word else watched[kind].discard)(what)
    _kill_all(watched)
    for helper in watched["helper"]:
        _kill(os.kill, int(helper))
    import shutil

    for folder in watched["folder"]:
        shutil.rmtree(folder, ignore_errors=True)


def _lines(descriptor: int, agent: int | None, watched: dict[str, set[str]]) -> Iterator[bytes]:
    """What the agent says, to its end; meanwhile an agent that stays stopped loses its nodes."""
    watch, rest = StopWatch(), b""
    while True:
        timeout = None if agent is None or not watched["group"] else STOPPED_LOOK_INTERVAL_S
        if select.select([descriptor], [], [], timeout)[0]:
            data = os.read(descriptor, _READ_BYTES)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            yield from lines
        elif agent is not None and watch.look(status_of(agent)):
            _kill_all(watched)


def _kill_all(watched: dict[str, set[str]]) -> None:
    for kill in (os.kill, os.killpg):  # the leaders, and a moment later what cleans up after them
        for group in watched["group"]:
            _kill(kill, int(group))
        time.sleep(_LEADER_HEAD_START_S)
    for mark in watched["run"]:
        kill_stragglers(mark)


def _kill(kill: Callable[[int, int], None], number: int) -> None:
    try:
        kill(number, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def mark_of(run_id: str, nodes: Iterable[int]) -> str:
    """By what a run's processes on one peer are known: the run's id and these nodes' ids.

    The id of the run alone would also mark those of another agent on the same machine.
    """
    return f"{run_id} {' '.join(map(str, nodes))}"


def kill_stragglers(mark: str) -> int:
    """Kills every process that bears the mark in its environment, and says how many.

    So does what a node started, unless it was given another environment; a process group of its own
    does not hide it.
    """
    run_id, *nodes = mark.split()
    run = f"DISTRCOMP_RUN_ID={run_id}".encode()
    marks = run, frozenset(f"DISTRCOMP_NODE_ID={node}".encode() for node in nodes)
    killed: set[int] = set()  # one that has been killed may still be there at the next look
    for _ in range(_ROUNDS_MAX):  # what is killed may have forked meanwhile
        found = [pid for pid in _processes() if _is_marked(pid, *marks)]
        killed.update(pid for pid in found if _kill_marked(pid, *marks))
        if not found:
            break
    return len(killed)


def _kill_marked(pid: int, run: bytes, nodes: frozenset[bytes]) -> bool:
    try:
        descriptor = os.pidfd_open(pid)  # from here on the number cannot be another's
    except OSError:
        return False
    try:
        if not _is_marked(pid, run, nodes):
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []  # no Linux: the groups are all we can reach


def _is_marked(pid: int, run: bytes, nodes: frozenset[bytes]) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
            environment = file.read()
    except OSError:
        return False  # another user's, or gone
    if run not in environment:
        return False
    variables = set(environment.split(b"\0"))
    return run in variables and not nodes.isdisjoint(variables)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else None)
