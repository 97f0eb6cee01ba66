"""What outlives the agent for a moment: kills its nodes and removes its folders if it is killed.

`kill -9` leaves an agent (or the launcher that holds one) no time to clean up. So each starts one
small process that reads, from a pipe, which process groups live and which folders exist. When the
pipe ends without "bye", the guardian kills those groups, removes those folders and exits. It runs
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
        self._process.wait()

    def _say(self, word: str, what: int | str) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # a guardian that was killed guards no more
                self._process.stdin.write(json.dumps([word, what]).encode() + b"\n")
                self._process.stdin.flush()


def main() -> None:
    """The guardian process."""
    groups: set[int] = set()
    folders: set[str] = set()
    for line in sys.stdin.buffer:
        word, what = json.loads(line)
        if word == "bye":
            return
        collection = groups if word.endswith("group") else folders
        (collection.discard if word.startswith("no ") else collection.add)(what)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
