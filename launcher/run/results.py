"""How a run ended; no I/O."""

from __future__ import annotations

from ..records import record


@record
class PostMortem:
    """What is known of the end of a node that failed.

    Attributes:
        at_s: when, in seconds since the programs began; None if they had not.
        uncertain_s: by how much that may be wrong, clocks of machines being apart.
        memory: what speaks for its having been killed for lack of memory.
        crash: what Python wrote when it crashed.
        traceback: of the exception that ended it.
        blames: the node whose end it names as the reason.
    """

    at_s: float | None
    uncertain_s: float
    memory: str
    crash: str
    traceback: str
    blames: int | None


@record
class NodeResult:
    """How one node ended.

    Attributes:
        exit_code, signal: at most one is set; neither where the node's end is not known.
        outcome: "finished", "failed", "stopped" (by us or as a consequence), "lost" or
            "never started".
        reason: one sentence where there is more to say, else empty.
        seconds: how long it ran.
        stacks: where its threads were before the run was ended from outside, as Python writes it.
        no_stacks: why that is not known, where it was asked for.
        post_mortem: of a node that failed.
        program: what it ran, where the run has several programs.
    """

    node: int
    peer: str
    exit_code: int | None
    signal: int | None
    outcome: str
    reason: str
    seconds: float | None
    stacks: str = ""
    no_stacks: str = ""
    post_mortem: PostMortem | None = None
    program: str = ""


@record
class Cause:
    """Why a run failed: the first failure. `traceback` is empty where there is none."""

    headline: str
    traceback: str
    node: int | None
    peer: str | None


@record
class CollectedFile:
    """A file that was brought back; `path` is relative to the folder of its node."""

    node: int
    path: str
    bytes: int
    sha256: str


@record
class Phase:
    """A part of a run.

    Attributes:
        name: "connect", "ship", "environment", "start", "link", "run", "stop", "collect", "close".
        began_s: when it began, in seconds since the launch did.
        peers: each peer that said when it was done, and how long that took.
    """

    name: str
    began_s: float
    seconds: float
    peers: tuple[tuple[str, float], ...] = ()


@record
class Sample:
    """What a node had used at one moment, in seconds since the programs began."""

    at_s: float
    cpu_s: float
    memory_bytes: int


@record
class Exchange:
    """What a node and another one have told each other, as this node knows it.

    Attributes:
        bytes_in, bytes_out: that came and went by their link.
        messages_out: that the program has sent there; None where calls were not recorded.
    """

    node: int
    bytes_in: int
    bytes_out: int
    messages_out: int | None = None


@record
class NodeRecord:
    """What was recorded of a node; None, or nothing, where it did not come to that.

    Attributes:
        cpu_s: processor time of its process, by the kernel's account at its end.
        peak_bytes: the most memory that its process had.
        waited_s: how long its threads have waited for other nodes, all together.
        samples: what it had used, about once a second.
        exchanges: with whom it had a link.
        n_call: calls that were recorded; n_call_dropped: that there was no room for.
    """

    cpu_s: float | None = None
    peak_bytes: int | None = None
    waited_s: float | None = None
    samples: tuple[Sample, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    n_call: int = 0
    n_call_dropped: int = 0


@record
class RunResult:
    """How a run ended; `nodes` in node order, `cause` None for a run that did not fail.

    The first `n_notes_before` of the notes came before the programs began.

    Attributes:
        collected: the files that were brought back, by node and path.
        collected_in: the folder in which they lie; "" if there are none.
        phases: its parts, one after the other.
        records: of its nodes; none where nothing was recorded.
    """

    run_id: str
    program: str
    n_node: int
    exit_code: int
    seconds: float
    cause: Cause | None
    nodes: tuple[NodeResult, ...]
    notes: tuple[str, ...]
    n_notes_before: int = 0
    collected: tuple[CollectedFile, ...] = ()
    collected_in: str = ""
    phases: tuple[Phase, ...] = ()
    records: tuple[NodeRecord, ...] = ()
