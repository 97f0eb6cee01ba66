"""Where the output of the nodes goes: the report's memory, the terminal, files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from ..errors import BadUsage
from .output import LineSplitter, NodeOutput, Tagger

STDOUT, STDERR = 1, 2


class Sinks:
    """Takes every node's bytes, in order.

    Args:
        n_node: how many nodes.
        show: "report" or "none" print nothing on the way; "live" tags whole lines, "raw" does not.
        folder: where the raw bytes of each node go, if anywhere.
        write: writes bytes to our own stdout (1) or stderr (2).

    Attributes:
        failure: what the first write to our own stdout or stderr that failed said; nothing is
            printed after it.
        folder_failure: why the files in the folder are not whole; nothing is written there then.
    """

    def __init__(
        self, n_node: int, show: str, folder: Path | None, write: Callable[[int, bytes], None]
    ) -> None:
        self.kept = [NodeOutput() for _ in range(n_node)]
        self._splitters = {
            (node, stream): LineSplitter() for node in range(n_node) for stream in (STDOUT, STDERR)
        }
        self._write = write
        self.failure: OSError | None = None
        self._taggers: dict[int, Tagger] = {}
        if show in ("live", "raw"):
            self._taggers = {
                stream: Tagger(n_node, tagged=show == "live") for stream in (STDOUT, STDERR)
            }
        self.may_block = bool(self._taggers)
        self.folder_failure = ""
        self._folder = folder
        self._files: dict[tuple[int, int], IO[bytes]] = {}
        if folder is not None:
            self._open_files(folder, n_node)

    def take(self, node: int, stream: int, data: bytes) -> None:
        """The next bytes of one stream of one node."""
        with self._noting_failure():
            if (node, stream) in self._files:
                self._files[node, stream].write(data)
        self._pass_on(node, stream, b"".join(self._splitters[node, stream].feed(data)))

    def end_node(self, node: int) -> None:
        """No more comes from this node: its last lines go out even if they have no end."""
        for stream in (STDOUT, STDERR):
            self._pass_on(node, stream, self._splitters[node, stream].finish())
            with self._noting_failure():
                if (node, stream) in self._files:
                    self._files[node, stream].flush()

    def close(self) -> None:
        """The run is over."""
        for node in range(len(self.kept)):
            self.end_node(node)
        self._close_files()

    @contextlib.contextmanager
    def _noting_failure(self) -> Iterator[None]:
        """For what is done to the files: a full disk is noted, and they are let go."""
        try:
            yield
        except OSError as error:
            why = f"--output-dir {self._folder} cannot be written: {error.strerror}"
            self.folder_failure = self.folder_failure or why
            self._close_files()

    def _close_files(self) -> None:
        files, self._files = self._files, {}
        for file in files.values():
            with contextlib.suppress(OSError):
                file.close()

    def _pass_on(self, node: int, stream: int, lines: bytes) -> None:
        if lines:
            self.kept[node].add(lines, stderr=stream == STDERR)
            if self._taggers:
                tagger = self._taggers[stream]
                text = b"".join(tagger.tag(node, line) for line in lines.splitlines(keepends=True))
                try:
                    self._write(stream, text)
                except OSError as error:
                    self.failure, self._taggers = error, {}

    def _open_files(self, folder: Path, n_node: int) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for node in range(n_node):
                for stream, ending in ((STDOUT, "out"), (STDERR, "err")):
                    path = folder / f"{node}.{ending}"
                    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                    self._files[node, stream] = os.fdopen(os.open(path, flags, 0o666), "wb")
        except OSError as error:
            raise BadUsage(f"--output-dir {folder} cannot be used: {error.strerror}") from error
