"""What is known of peers and of pairs of them; from the lines that `distrcomp.examination` prints;
no I/O."""

from __future__ import annotations

import json
import math
import types
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_Record = TypeVar("_Record")


@dataclass(frozen=True)
class Facts:
    """What a machine says of itself; None where it doesn't know.

    Attributes:
        libraries: the versions of those that distrcomp sends by.
        load: processes that want a core, on average over a minute.
        memory_bytes, memory_free_bytes: of the machine, or what its cgroup leaves of that.
        disk_free_bytes: where the agent keeps what was shipped and the nodes' folders.
        open_files: how many descriptors a node may have; None: as many as it likes.
        processes_free: how many more its cgroup allows, threads too; None where it has no say.
        shared_memory_bytes: the size of /dev/shm; None where there is none.
    """

    distrcomp: str
    python: str
    libraries: dict[str, str | None]
    system: str
    cores: int
    load: float
    memory_bytes: int | None
    memory_free_bytes: int | None
    disk_free_bytes: int | None
    open_files: int | None
    processes_free: int | None
    shared_memory_bytes: int | None


@dataclass(frozen=True)
class Way:
    """One node's attempt to reach another one at one place, and why it failed; "" if it did not."""

    to: int
    host: str
    port: int
    address: str
    seconds: float
    why: str


@dataclass(frozen=True)
class Figures:
    """What a pair of nodes has measured; `back` is from the second to the first.

    Attributes:
        latency_s: half a round trip of a small message.
        clock_offset_s: by how much the second one's clock is ahead, to `clock_uncertain_s`.
        address: where the link goes; empty inside a machine.
        mtu: the largest packet on the way, by either end.
    """

    latency_s: float
    clock_offset_s: float
    clock_uncertain_s: float
    bytes_per_s: float
    bytes_per_s_back: float
    address: str
    mtu: int | None
    mtu_back: int | None


@dataclass(frozen=True)
class PeerReport:
    """A peer, and what is known of it.

    Attributes:
        address: as in the peers file.
        why: why it can't be used; empty if it can.
        reached_at: the address at which its agent has proven to be the right one.
        failures: the other addresses of it, and why they failed.
        slots: nodes that a run puts there.
        name: what the agent's certificate calls it; process: a number that its process drew, 0
            where it is not known.
        facts: None of a peer that can't be used.
    """

    label: str
    address: str
    why: str = ""
    reached_at: str = ""
    failures: tuple[tuple[str, str], ...] = ()
    slots: int = 0
    name: str = ""
    process: int = 0
    version: str = ""
    python: str = ""
    facts: Facts | None = None


@dataclass(frozen=True)
class PairReport:
    """Two peers, by their indices, and what is between them.

    Attributes:
        ways: by which the first tried to reach the second; `ways_back` the other direction.
        can_dial, can_dial_back: whether the second, and the first, has a port to be dialled at.
        figures: None where they have measured nothing; `why` then says why, if they have tried.
    """

    one: int
    other: int
    ways: tuple[Way, ...]
    ways_back: tuple[Way, ...]
    can_dial: bool
    can_dial_back: bool
    figures: Figures | None = None
    why: str = ""

    @property
    def reaches(self) -> bool:
        """Whether the first reaches the second."""
        return any(not way.why for way in self.ways)

    @property
    def reaches_back(self) -> bool:
        """Whether the second reaches the first."""
        return any(not way.why for way in self.ways_back)

    @property
    def is_linked(self) -> bool:
        """Whether a run can link them: the first dials, or, if the second can't be dialled, it."""
        return self.reaches if self.can_dial else self.reaches_back


@dataclass(frozen=True)
class Report:
    """All that `distrcomp doctor` has found out.

    Attributes:
        doubts: what is wrong with an agent that was reached: another one bears its name.
    """

    peers: tuple[PeerReport, ...]
    pairs: tuple[PairReport, ...] = ()
    doubts: tuple[str, ...] = ()

    def label(self, index: int) -> str:
        """What a peer is called."""
        return self.peers[index].label


@dataclass
class Told:
    """What the nodes of one run have printed, by node; what is no such line is dropped.

    Attributes:
        done: the nodes that have told what their machine is like, and all their ways.
    """

    facts: dict[int, Facts] = field(default_factory=dict)
    ways: dict[tuple[int, int], list[Way]] = field(default_factory=dict)
    pairs: dict[tuple[int, int], Figures | str] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)

    def take(self, lines: Iterable[bytes]) -> None:
        """Takes what they have printed."""
        for line in lines:
            try:
                self._take(json.loads(line))
            except (ValueError, LookupError, TypeError, RecursionError):
                continue

    def _take(self, told: dict[str, Any]) -> None:
        node = int(told["node"])
        if "facts" in told:
            self.facts[node] = _made(Facts, told["facts"])
        if "way" in told:
            way = _made(Way, told["way"])
            self.ways.setdefault((node, way.to), []).append(way)
        if "done" in told:
            self.done.add(node)
        if "pair" in told:
            pair = dict(told["pair"])
            (one, other), why = pair.pop("nodes"), pair.pop("why")
            self.pairs[int(one), int(other)] = str(why) if why else _made(Figures, pair)


def _made(kind: type[_Record], told: Any) -> _Record:
    """A record of these fields; raises ValueError where one is missing or of another type."""
    hints = get_type_hints(kind)
    if not isinstance(told, dict) or told.keys() != hints.keys():
        raise ValueError(f"this is no {kind.__name__}")
    return kind(**{name: _checked(told[name], hint) for name, hint in hints.items()})


def _checked(value: Any, hint: Any) -> Any:
    if get_origin(hint) is dict and isinstance(value, dict):
        return {name: _checked(each, get_args(hint)[1]) for name, each in value.items()}
    allowed = get_args(hint) if get_origin(hint) is types.UnionType else (hint,)
    if float in allowed and type(value) is int:
        value = float(value)
    if type(value) not in allowed:
        raise ValueError(f"{value!r} is of the wrong type")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value!r} is no figure")
    return value
