"""What somebody who looks at live runs may ask, and is told. Parts of `messages`.

Asked over a channel to an agent by an operator, the run's own launcher or another command; over a
Unix socket by a viewer, who is the user whose process it is.
"""

from __future__ import annotations

from ..records import record


@record
class AskRuns:
    """Answered by Runs: this run, if it is here; no id: all that are here."""

    run_id: bytes


@record
class TakeStacks:
    """Answered by StacksTaken: where these nodes of a run are; none named: all that are here."""

    run_id: bytes
    nodes: tuple[int, ...]


@record
class NodeStatus:
    """How a node fares; None, or "", where that is not known.

    Attributes:
        peer: the machine it runs on.
        state: a word for people.
        waits_for: what it waits for, in words; since_s: how long it has.
        cpu_s: processor time used so far; memory_bytes: what it has in memory now.
        bytes_in, bytes_out: of its messages, so far.
        program: which of the run's programs it is.
    """

    node: int
    peer: str
    state: str
    pid: int | None = None
    waits_for: str = ""
    since_s: float | None = None
    cpu_s: float | None = None
    memory_bytes: int | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None
    program: int = 0


@record
class RunStatus:
    """A run, and those of its nodes that whoever tells it knows of.

    Attributes:
        n_node: how many it has in all.
        seconds: since its programs were started; None before.
        is_whole: whether this is told by its launcher, who knows all nodes.
        programs: each, where there are several; `program` then is all of them.
    """

    run_id: bytes
    program: str
    n_node: int
    seconds: float | None
    is_whole: bool
    nodes: tuple[NodeStatus, ...]
    programs: tuple[str, ...] = ()


@record
class Runs:
    """The answer to AskRuns."""

    runs: tuple[RunStatus, ...]


@record
class NodeStacks:
    """Where the threads of a node were, as Python's faulthandler writes it.

    Attributes:
        text: with paths in the sandbox made relative; empty if it is not known.
        why: why it is not.
    """

    node: int
    text: str
    why: str


@record
class StacksTaken:
    """The answer to TakeStacks; a run that is not here has no nodes."""

    run_id: bytes
    nodes: tuple[NodeStacks, ...]


QUESTIONS = (AskRuns, TakeStacks)
ANSWERS = (Runs, StacksTaken)
