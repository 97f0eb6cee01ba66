"""What a run is to be, decided before its first message; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from ..control import messages as m
from ..records import record


@record
class Course:
    """What a run is to be.

    Attributes:
        labels: the name of each peer that takes part.
        placement: the index in `labels` of each node's peer.
        opening: the OpenRun for all; orders: the StartNodes of each peer.
        proofs: the (source, dest) of the links to prove before the program starts.
        continue_on_failure: whether the other nodes run on when one fails.
        program: what runs, for people.
        programs: each of them, where there are several; program_of: each node's index in it.
        timeout_s: the time limit, counted from the start of the programs.
        on_deadlock: what is done about nodes that wait for each other: "abort", "report", "ignore".
        is_strict: whether messages that nobody received, and requests that nobody waited for, are a
            failure.
        sizes: the bytes of each content of the bundle, by its hash.
        can_give: for each peer, whether the others can reach it; empty: none.
        collect: patterns of the files to bring back; collect_into: the folder for those of all
            runs.
        tells_links: whether it is said at which address each proven link was dialled.
        record: what is recorded, as `control.recordings` has it; "" for nothing.
    """

    labels: tuple[str, ...]
    placement: tuple[int, ...]
    opening: m.OpenRun
    orders: tuple[m.StartNodes, ...]
    proofs: tuple[tuple[int, int], ...]
    continue_on_failure: bool = False
    timeout_s: float | None = None
    program: str = ""
    on_deadlock: str = "abort"
    is_strict: bool = False
    sizes: Mapping[bytes, int] = field(default_factory=dict)
    can_give: tuple[bool, ...] = ()
    collect: tuple[str, ...] = ()
    collect_into: str = "distrcomp-out"
    programs: tuple[str, ...] = ()
    program_of: tuple[int, ...] = ()
    tells_links: bool = False
    record: str = ""

    def program_index(self, node: int) -> int:
        """Which of the programs a node runs."""
        return self.program_of[node] if self.program_of else 0

    @property
    def sends_synchronously(self) -> bool:
        """Whether every send waits until it is received (`--strict-sends`)."""
        programs = (program for order in self.orders for program in order.programs)
        settings = (setting for program in programs for setting in program.environment)
        return any(setting.name == "DISTRCOMP_STRICT_SENDS" for setting in settings)
