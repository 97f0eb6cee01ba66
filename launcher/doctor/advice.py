"""What is wrong or odd, and what to do about it: facts in, sentences out; no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from .. import limits
from ..cluster.names import join_host_port
from ..run.plain import counted
from ..run.units import bandwidth_text, bytes_text, seconds_text
from .facts import Facts, PairReport, PeerReport, Report, Way

ERROR, WARNING, NOTE = "error", "warning", "note"
_LEVELS = (ERROR, WARNING, NOTE)

# Less is soon gone: a program with its data; a bundle of the largest size has 4 GiB.
_DISK_BYTES_LOW, _DISK_BYTES_LEAST = 2 * limits.GIB, 64 * limits.MIB
_MEMORY_BYTES_LOW = 512 * limits.MIB
# A node is a process with a thread that listens to the agent, and may start others; to this come
# the threads of BLAS, one for each core.
_NODE_THREADS = 4
# What Docker gives a container; libraries that share memory there (PyTorch) want more.
_SHARED_MEMORY_BYTES_LOW = 64 * limits.MIB
# A certificate of a run is valid from five minutes before it was made, by the launcher's clock.
_CLOCK_S_MAX, _CLOCK_S_ODD = 240.0, 1.0
# A pair so many times slower than most is odd, and so is one direction beside the other.
_TIMES_ODD = 4
# Where a machine is busy, which is told, nobody knows what a pair would do without that; but no
# load makes a network slower by this.
_TIMES_ODD_IF_BUSY = 50
_PAIRS_TO_COMPARE = 3
_LATENCY_S_ODD = 0.001
# Processes that want a core, for each core.
_LOAD_BUSY = 1.5
# Descriptors of a node beside its links.
_NODE_DESCRIPTORS = 32
# What distrcomp sends by, and what follows where it differs.
_LIBRARIES = {
    "numpy": (
        WARNING,
        "Arrays travel all the same, but results and pickles of a program may differ",
    ),
    "cloudpickle": (
        WARNING,
        "Functions and classes that a program sends may not be read by another one",
    ),
    "msgpack": (NOTE, "Its format is the same in all of them, but faults and speed may differ"),
}


@dataclass(frozen=True)
class Finding:
    """One sentence or two on what was found, and what to do.

    Attributes:
        level: "error" where runs fail, "warning" where they may, "note" for what is good to know.
        whom: the peers that it is about.
    """

    level: str
    whom: tuple[str, ...]
    text: str


def advise(report: Report) -> tuple[Finding, ...]:
    """All findings, the worst first."""
    found = [
        *_on_reaching(report),
        *_on_names(report),
        *_on_versions(report),
        *(finding for peer in report.peers if peer.facts for finding in _on_peer(report, peer)),
        *(finding for pair in report.pairs for finding in _on_pair(report, pair)),
        *_on_odd_pairs(report),
    ]
    return tuple(sorted(found, key=lambda finding: _LEVELS.index(finding.level)))


# --- peers ---------------------------------------------------------------------------------------


def _on_reaching(report: Report) -> Iterator[Finding]:
    for peer in report.peers:
        if peer.why:
            yield Finding(ERROR, (peer.label,), peer.why)


def _on_names(report: Report) -> Iterator[Finding]:
    for text in report.doubts:
        yield Finding(ERROR, (), text)


def _on_versions(report: Report) -> Iterator[Finding]:
    known = {peer.label: peer.facts for peer in report.peers if peer.facts}
    whom = tuple(known)
    if each := _differing({label: facts.python for label, facts in known.items()}):
        text = (
            f"Python differs: {each}. A run over them is refused: start the agents with the same "
            "x.y, or give --allow-skew if nothing that is sent holds code"
        )
        yield Finding(ERROR, whom, text)
    for name, (level, harm) in _LIBRARIES.items():
        if each := _differing({label: facts.libraries.get(name) for label, facts in known.items()}):
            text = f"{name} differs: {each}. {harm}: install the same version everywhere"
            yield Finding(level, whom, text)


def _differing(versions: dict[str, str | None]) -> str:
    """Who has which version, where not all have the same one; the third number doesn't count."""
    found: dict[str, list[str]] = {}
    for label, version in versions.items():
        found.setdefault(_series(version), []).append(label)
    if len(found) < 2:
        return ""
    return ", ".join(f"{version} on {', '.join(who)}" for version, who in found.items())


def _series(version: str | None) -> str:
    return "none" if version is None else ".".join(version.split(".")[:2])


def _on_peer(report: Report, peer: PeerReport) -> Iterator[Finding]:
    facts = peer.facts
    if facts is None:
        return
    for level, text in (
        *_on_descriptors(peer, facts, sum(each.slots for each in report.peers)),
        *_on_room(facts),
        *_on_processes(peer, facts),
        *_on_cores(peer, facts),
    ):
        yield Finding(level, (peer.label,), f"{peer.label} {text}")


def _on_descriptors(peer: PeerReport, facts: Facts, n_node: int) -> Iterator[tuple[str, str]]:
    needed = max(
        limits.SPARE_DESCRIPTORS + limits.NODE_START_DESCRIPTORS * peer.slots,
        _NODE_DESCRIPTORS + n_node,
    )
    if facts.open_files is not None and facts.open_files < needed:
        yield (
            WARNING,
            f"allows {counted(facts.open_files, 'open file')} to a process, and a run with "
            f"{counted(n_node, 'node')} needs {needed:,}: start its agent after `ulimit -n "
            f"{_rounded(needed)}`, or with LimitNOFILE={_rounded(needed)} in its service unit",
        )


def _rounded(needed: int) -> int:
    """The next usual number."""
    return max(1024, 1 << (needed - 1).bit_length())


def _on_room(facts: Facts) -> Iterator[tuple[str, str]]:
    disk, memory, shared = (
        facts.disk_free_bytes,
        facts.memory_free_bytes,
        facts.shared_memory_bytes,
    )
    if disk is not None and disk < _DISK_BYTES_LOW:
        level = ERROR if disk < _DISK_BYTES_LEAST else WARNING
        yield (
            level,
            f"has {bytes_text(disk)} left on the disk of its agent's store: make room there, or "
            "move it by DISTRCOMP_HOME",
        )
    if memory is not None and memory < _MEMORY_BYTES_LOW:
        yield (
            WARNING,
            f"has {bytes_text(memory)} of memory left: end other programs there, or give it fewer "
            "nodes by slots= in the peers file",
        )
    if shared is not None and shared < _SHARED_MEMORY_BYTES_LOW:
        yield (
            WARNING,
            f"has a /dev/shm of {bytes_text(shared)}: distrcomp needs none of it where it may use "
            "memfd, but libraries like PyTorch do; in a container set --shm-size=1g",
        )


def _on_processes(peer: PeerReport, facts: Facts) -> Iterator[tuple[str, str]]:
    needed = _NODE_THREADS * peer.slots + facts.cores
    if facts.processes_free is not None and facts.processes_free < needed:
        yield (
            WARNING,
            f"may start only {facts.processes_free:,} more processes and threads, and "
            f"{counted(peer.slots, 'node')} there may want {needed:,}: raise the limit of its "
            "control group, such as TasksMax= of a service unit or --pids-limit of a container",
        )


def _on_cores(peer: PeerReport, facts: Facts) -> Iterator[tuple[str, str]]:
    if peer.slots > facts.cores:
        yield (
            WARNING,
            f"gets {counted(peer.slots, 'node')} on {counted(facts.cores, 'core')}: nodes that "
            f"compute share them; slots={facts.cores} gives each a core",
        )
    if _is_busy(facts):
        yield (
            WARNING,
            f"is busy: {facts.load:.1f} processes want its {counted(facts.cores, 'core')}. What "
            "was measured there is worse than it could be",
        )


def _is_busy(facts: Facts | None) -> bool:
    return facts is not None and facts.load > _LOAD_BUSY * facts.cores


# --- pairs ---------------------------------------------------------------------------------------


def _on_pair(report: Report, pair: PairReport) -> Iterator[Finding]:
    one, other = report.label(pair.one), report.label(pair.other)
    for level, text in (*_on_links(pair, one, other), *_on_clocks(pair, one, other)):
        yield Finding(level, (one, other), text)


def _on_links(pair: PairReport, one: str, other: str) -> Iterator[tuple[str, str]]:
    if not pair.is_linked:
        yield ERROR, _no_link(pair, one, other)
    elif pair.why:
        yield ERROR, f"{one} and {other} reach each other, but messages fail: {pair.why}"
    elif pair.can_dial and pair.can_dial_back and not pair.reaches_back:
        why = _whys(pair.ways_back)
        yield (
            WARNING,
            f"{other} cannot reach {one} ({why}). Runs work, since {one}, which comes first in the "
            "peers file, dials; keep that order, or open the port of its agent",
        )
    for here, there, ways in ((one, other, pair.ways), (other, one, pair.ways_back)):
        failed = [way for way in ways if way.why]
        if failed and len(failed) < len(ways):
            yield NOTE, f"{here} reaches {there}, but not at {_whys(failed)}"
    figures = pair.figures
    if figures is None:
        return
    if figures.mtu and figures.mtu_back and figures.mtu != figures.mtu_back:
        yield (
            WARNING,
            f"packets from {one} to {other} may have {figures.mtu:,} bytes, and "
            f"{figures.mtu_back:,} the other way: large messages may stall; set the same MTU on "
            "both interfaces",
        )


def _no_link(pair: PairReport, one: str, other: str) -> str:
    if pair.can_dial and pair.reaches_back:
        return (
            f"{one} cannot reach {other} ({_whys(pair.ways)}), but {other} reaches {one}: write "
            f"{other} before {one} in the peers file, or open the port of the agent on {other}"
        )
    if not pair.can_dial and not pair.can_dial_back:
        return f"{one} and {other} can both not be dialled"
    whys = _whys(pair.ways if pair.can_dial else pair.ways_back)
    return (
        f"{one} and {other} cannot reach each other ({whys}): let their firewalls pass the port of "
        "the agent, or name by --net the network that they share"
    )


def _whys(ways: Sequence[Way]) -> str:
    """Why each failed; once, where all say the same."""
    reasons = {join_host_port(way.host, way.port): way.why for way in ways if way.why}
    if not reasons:
        return "nothing is known of a way"
    if len(set(reasons.values())) == 1:
        return f"{', '.join(reasons)}: {next(iter(reasons.values()))}"
    return "; ".join(f"{where}: {why}" for where, why in reasons.items())


def _on_clocks(pair: PairReport, one: str, other: str) -> Iterator[tuple[str, str]]:
    figures = pair.figures
    if figures is None:
        return
    sure_s = abs(figures.clock_offset_s) - figures.clock_uncertain_s
    if sure_s < _CLOCK_S_ODD:
        return
    ahead = (other, one) if figures.clock_offset_s > 0 else (one, other)
    text = (
        f"the clock of {ahead[0]} is {seconds_text(abs(figures.clock_offset_s))} ahead of that of "
        f"{ahead[1]}: have both set by NTP (`timedatectl set-ntp true`)"
    )
    if sure_s > _CLOCK_S_MAX:
        yield ERROR, f"{text}; certificates are refused from five minutes on"
    else:
        yield WARNING, text


def _on_odd_pairs(report: Report) -> Iterator[Finding]:
    """Pairs that are much slower than most, or in one direction."""
    measured = [(pair, pair.figures) for pair in report.pairs if pair.figures is not None]
    if not measured:
        return
    rates = [min(each.bytes_per_s, each.bytes_per_s_back) for _, each in measured]
    usual, usual_s = median(rates), median(each.latency_s for _, each in measured)
    for (pair, figures), rate in zip(measured, rates, strict=True):
        is_busy = any(_is_busy(report.peers[index].facts) for index in (pair.one, pair.other))
        times = _TIMES_ODD_IF_BUSY if is_busy else _TIMES_ODD
        one, other = report.label(pair.one), report.label(pair.other)
        text = ""
        best = max(figures.bytes_per_s, figures.bytes_per_s_back)
        if len(measured) >= _PAIRS_TO_COMPARE and rate * times < usual:
            text = (
                f"{one} and {other} move {bandwidth_text(rate)}, most pairs "
                f"{bandwidth_text(usual)}: look at cables, at the interfaces' speed (`ethtool`), "
                "and at whether --net names a faster network"
            )
        elif rate * times < best:
            slow = (one, other) if figures.bytes_per_s < figures.bytes_per_s_back else (other, one)
            text = (
                f"from {slow[0]} to {slow[1]} go {bandwidth_text(rate)}, and "
                f"{bandwidth_text(best)} the other way: look at cables and at the interfaces' "
                "duplex (`ethtool`)"
            )
        elif (
            not is_busy
            and len(measured) >= _PAIRS_TO_COMPARE
            and figures.latency_s > max(_TIMES_ODD * usual_s, _LATENCY_S_ODD)
        ):
            text = (
                f"a message from {one} to {other} takes {seconds_text(figures.latency_s)}, in most "
                f"pairs {seconds_text(usual_s)}: another network between them?"
            )
        if text:
            yield Finding(WARNING, (one, other), text)
