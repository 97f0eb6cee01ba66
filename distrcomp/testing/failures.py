"""What `run` raises."""

from __future__ import annotations

from ..errors import DistrcompError


class NodeFailed(DistrcompError):
    """A node's program ended by an exception, which is the `__cause__`.

    Attributes:
        node: which one.
        seed: of the schedule; the same one repeats it.
    """

    def __init__(self, node: int, error: BaseException, seed: int) -> None:
        self.node = node
        self.seed = seed
        super().__init__(f"node {node} failed (seed {seed}): {type(error).__name__}: {error}")


class Deadlock(DistrcompError):
    """Every node waits, and nothing is under way.

    Attributes:
        waits: by node, what it waits for.
        seed: of the schedule.
    """

    def __init__(self, waits: dict[int, str], seed: int) -> None:
        self.waits = waits
        self.seed = seed
        super().__init__(f"the nodes wait for each other (seed {seed}):{_lines(waits)}")


class TimeLimitReached(DistrcompError):
    """The run took too long.

    Attributes:
        waits: by node, what it did at the time limit.
        seed: of the schedule.
    """

    def __init__(self, waits: dict[int, str], timeout_s: float, seed: int) -> None:
        self.waits = waits
        self.seed = seed
        super().__init__(f"not over in {timeout_s:g} s (seed {seed}):{_lines(waits)}")


def _lines(waits: dict[int, str]) -> str:
    return "".join(f"\n  node {node}: {what}" for node, what in sorted(waits.items()))
