"""What outlives the agent for a moment: kills its nodes and removes its folders if it is killed.

`kill -9` leaves an agent (or the launcher that holds one) no time to clean up. So each starts one
small process that reads, from a pipe, which runs and process groups live and which folders exist.
When the pipe ends without "bye", the guardian ends those, removes the folders and exits. It runs
in a session of its own, so neither Ctrl-C nor a closed terminal reaches it.
This file is both ends: `Guardian` in the agent; started as a script, the process itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# What cleans up after a program (Python's resource tracker) needs this long when it has died.
_LEADER_HEAD_START_S = 0.2
_ROUNDS_MAX = 20
_END_TIMEOUT_S = 2.0


class Guardian:
    """The agent's end."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def watch_group(self, group: int) -> None:
        """From now on the process group dies with this process."""
        self._say("group", group)

    def forget_group(self, group: int) -> None:
        """The group is gone, so its number may soon be somebody else's."""
        self._say("no group", group)

    def watch_run(self, run_id: str) -> None:
        """From now on what bears the run's id dies with this process."""
        self._say("run", run_id)

    def forget_run(self, run_id: str) -> None:
        """Nothing of the run is left."""
        self._say("no run", run_id)

    def watch_folder(self, folder: str) -> None:
        """From now on the folder goes with this process."""
        self._say("folder", folder)

    def forget_folder(self, folder: str) -> None:
        """The folder is removed."""
        self._say("no folder", folder)

    def release(self) -> None:
        """Everything is cleaned up: the guardian has nothing to do and ends."""
        self._say("bye", 0)
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:  # somebody has stopped it
            self._process.kill()
            self._process.wait()

    def _say(self, word: str, what: int | str) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # a guardian that was killed guards no more
                self._process.stdin.write(json.dumps([word, what]).encode() + b"\n")
                self._process.stdin.flush()


def main() -> None:
    """The guardian process."""
    watched: dict[str, set[Any]] = {"group": set(), "run": set(), "folder": set()}
    for line in sys.stdin.buffer:
        word, what = json.loads(line)
        if word == "bye":
            return
        kind = word.removeprefix("no ")
        (watched[kind].add if kind == word else watched[kind].discard)(what)
    for kill in (os.kill, os.killpg):  # the leaders, and a moment later what cleans up after them
        for group in watched["group"]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(group, signal.SIGKILL)
        time.sleep(_LEADER_HEAD_START_S)
    for run_id in watched["run"]:
        kill_stragglers(run_id)
    for folder in watched["folder"]:
        shutil.rmtree(folder, ignore_errors=True)


def kill_stragglers(run_id: str) -> int:
    """Kills every process that bears the run's id in its environment, and says how many.

    So does what a node started, unless it was given another environment; a process group of its own
    does not hide it.
    """
    mark = f"DISTRCOMP_RUN_ID={run_id}".encode()
    killed = 0
    for _ in range(_ROUNDS_MAX):  # what is killed may have forked meanwhile
        found = [pid for pid in _processes() if _is_marked(pid, mark)]
        for pid in found:
            with contextlib.suppress(OSError):
                descriptor = os.pidfd_open(pid)  # from here on the number cannot be another's
                try:
                    if _is_marked(pid, mark):
                        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                        killed += 1
                finally:
                    os.close(descriptor)
        if not found:
            break
    return killed


def _processes() -> list[int]:
    try:
        return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    except OSError:
        return []  # no Linux: the groups are all we can reach


def _is_marked(pid: int, mark: bytes) -> bool:
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False  # another user's, or gone


if __name__ == "__main__":
    main()
