"""Whether a command line will want a fork server: guessed from its words, before click is loaded.

A wrong guess costs time only: a server that nobody asks for, or one that is started late.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

# With these options a run needs no server here, or another one than would be started early.
NOT_HERE = frozenset(
    [
        "--peers",
        "--hostfile",
        "--machinefile",
        "-H",
        "--host",
        "--engine",
        "--cold",
        "--dry-run",
        "--with",
        "--requirements",
        "-h",
        "--help",
        "--version",
    ]
)
# Those after which no value comes, of the others.
FLAGS = frozenset(
    [
        "--oversubscribe",
        "--strict",
        "--strict-sends",
        "--allow-skew",
        "--mpi4py",
        "--debug",
        "-q",
        "--quiet",
        "-v",
        "--verbose",
    ]
)
# The words of one letter, or nearly, after which one does come, if it does not stand in them.
SHORT = ("-n", "-np", "-x")
PYTHON = ("-m", "-c")
VARIABLES = ("PEERS", "HOST", "ENGINE", "COLD", "DRY_RUN", "WITH", "REQUIREMENTS")
_RUNS_PYTHON = re.compile(r".*\.py|(?:.*/)?python[0-9.]*")


def wants_server(words: Sequence[str]) -> bool:
    """Whether these words, most likely, run a Python program on this machine.

    Example:
        >>> wants_server(["run", "-n", "4", "prog.py", "--peers"])
        True
        >>> wants_server(["run", "--peers=all.txt", "prog.py"])
        False
        >>> wants_server(["run", "--include", "data.py", "sh", "all.sh"])
        False
    """
    if not words or words[0] != "run":
        return False
    rest = iter(words[1:])
    for word in rest:
        option, _, value = word.partition("=")
        if option in NOT_HERE:
            return False
        if word.startswith(PYTHON):
            return not _is_set_otherwise()
        if word == "--" or not word.startswith("-"):
            program = next(rest, "") if word == "--" else word
            return bool(_RUNS_PYTHON.fullmatch(program)) and not _is_set_otherwise()
        if not value and option not in FLAGS and (word.startswith("--") or word in SHORT):
            next(rest, None)
    return False


def _is_set_otherwise() -> bool:
    """Whether the environment speaks of other machines, or of what we would not start."""
    names = ("DISTRCOMP_PEERS", *(f"DISTRCOMP_RUN_{name}" for name in VARIABLES))
    return any(map(os.environ.get, names))
