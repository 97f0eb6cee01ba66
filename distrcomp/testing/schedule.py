"""Who is next, and how long a message travels: all from one seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ..errors import CallError


class Schedule:
    """Decides a run; the same seed and program give the same decisions.

    Args:
        seed: any integer.
        delay_max: how many steps a message travels at most. A step is one choice of the next node.
            With 0 a message is there as soon as it was sent.

    Example:
        >>> Schedule(7).delay() == Schedule(7).delay()
        True
    """

    def __init__(self, seed: int = 0, delay_max: int = 10) -> None:
        if delay_max < 0:
            raise CallError(f"a delay of at most {delay_max} steps: it is 0 or more")
        self.seed = seed
        self._delay_max = delay_max
        self._chance = random.Random(seed)  # noqa: S311  no secret

    def choose(self, nodes: Sequence[int]) -> int:
        """Which of these nodes goes on."""
        return self._chance.choice(nodes)

    def delay(self) -> int:
        """How many steps the next message travels."""
        return self._chance.randint(0, self._delay_max)
