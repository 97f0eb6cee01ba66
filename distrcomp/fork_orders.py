"""What an agent and its fork server tell each other (see fork_server); no I/O.

`Share` and `Fork` travel with the descriptors of which they tell the numbers (SCM_RIGHTS). Both
records and descriptors keep their order, so each record owns the next ones.
"""

from __future__ import annotations

from typing import NamedTuple

from .schema import Schema

DESCRIPTORS_MAX = 250
"""How many travel with one record; the kernel takes 253 (SCM_MAX_FD)."""


class Load(NamedTuple):
    """Load numpy, too, if that can be done; to be said once.

    Attributes:
        links_machines: and what links between machines need.
    """

    links_machines: bool


class Share(NamedTuple):
    """What is forked from now on holds these descriptors, too, under these numbers."""

    numbers: tuple[int, ...]


class Unshare(NamedTuple):
    """That is over."""


class Fork(NamedTuple):
    """Start a node.

    Attributes:
        number: to be told in the answer.
        arguments: as a plain interpreter would be started: PYTHON -P -m distrcomp.node PROGRAM ...
        environment: all of it, each as NAME=VALUE; who it is at first, lest that be cut off.
        folder: where it starts.
        numbers: of the descriptors that come along.
    """

    number: int
    arguments: tuple[bytes, ...]
    environment: tuple[bytes, ...]
    folder: bytes
    numbers: tuple[int, ...]


class Reap(NamedTuple):
    """The process has ended and all is done for which its number was needed."""

    pid: int


class Forked(NamedTuple):
    """The answer to Fork: a process, or 0 and the number of an error."""

    number: int
    pid: int
    error: int


class Reaped(NamedTuple):
    """The answer to Reap: the exit code, negative for a signal, and the memory used at most."""

    pid: int
    code: int
    peak_kib: int


TO_SERVER = Schema(Load, Share, Unshare, Fork, Reap)
TO_AGENT = Schema(Forked, Reaped)
