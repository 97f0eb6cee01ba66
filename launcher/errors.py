"""The exceptions of the launcher and the agent; the class says what the exit code will be.

What only modules of the agent say to each other stands with them (`agent.child`, `fork_client`).

LauncherError
├── BadUsage            2: the command or a file it names is wrong; nothing was started
├── CannotStart         3: a peer, a credential or the machine does not allow it
│   ├── PeerRefused        a peer answered and said no
│   ├── VersionsDiffer     a peer has another distrcomp or Python
│   └── UvFailed           uv could not lock or install what a program needs
├── BadManifest         3: a list of files, or a file's content, that may not be laid on a peer
│   └── DamagedContent     a content that is not what its hash says
├── RunFailed           1: a run did not end well, and `Result.check` was to say so
├── CannotWrite         1: the run is over, but its report could not be put where it was asked
├── NodesEnded           the living nodes of a notebook have ended
├── CellFailed           a cell raised on some of them
├── Interrupted       130: Ctrl-C before anything ran
└── ChannelClosed          the other end of a control channel is gone
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from distrcomp.errors import DistrcompError

if TYPE_CHECKING:
    from .calling import Result
    from .run.results import RunResult

# Exit codes that are no program's own: errors and failures of a run share them.
EXIT_BAD_USAGE, EXIT_CANNOT_START, EXIT_TIME_LIMIT, EXIT_INTERRUPTED = 2, 3, 124, 130


class LauncherError(DistrcompError):
    """Base of the launcher's errors: one sentence for a person, and an exit code."""

    exit_code = EXIT_CANNOT_START


class BadUsage(LauncherError):
    """What was asked for is wrong: shown as one line, exit code 2."""

    exit_code = EXIT_BAD_USAGE


class CannotStart(LauncherError):
    """The run could not be started: shown as one line, exit code 3."""


class RunFailed(LauncherError):
    """A run did not end well; `result` is all that is known of it."""

    exit_code = 1

    def __init__(self, result: Result) -> None:
        super().__init__(result.cause)
        self.result = result


class CannotWrite(LauncherError):
    """The run is over, but its report could not be put where it was asked for."""

    exit_code = 1


class NodesEnded(LauncherError):
    """The nodes have ended, and with them all that cells have made there; `result` says how."""

    exit_code = 1

    def __init__(self, story: str, result: RunResult | None = None) -> None:
        super().__init__(story)
        self.result = result


class CellFailed(LauncherError):
    """A cell raised on some nodes, whose tracebacks are shown with their output."""

    exit_code = 1


class PeerRefused(CannotStart):
    """A peer was reached and would not serve us."""


class VersionsDiffer(CannotStart):
    """A peer was reached and has another distrcomp, or another Python.

    Args:
        message: says so.
        name: of the agent.
        version, python: what it has.
    """

    def __init__(self, message: str, name: str, version: str, python: str) -> None:
        super().__init__(message)
        self.name = name
        self.version = version
        self.python = python


class UvFailed(CannotStart):
    """uv could not do what it was asked; its text is uv's own words."""


class BadManifest(LauncherError):
    """A bundle that is refused whole: a forbidden name, a cap passed, content that does not fit."""


class DamagedContent(BadManifest):
    """A content that is not what its hash says; sent once more it may be."""


class Interrupted(LauncherError):
    """Ctrl-C came before anything ran."""

    exit_code = EXIT_INTERRUPTED


class ChannelClosed(LauncherError):
    """The other end of a control channel has closed it, vanished or gone silent."""
