"""What is wrong and what to do: facts in, sentences out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from launcher.doctor.advice import ERROR, NOTE, WARNING, advise
from launcher.doctor.facts import Report
from tests.launcher.doctor.kit import GIB, pair, peer, peer_with, report, way

REFUSED = "connection refused: no agent listens there"


def one_finding(found: Report) -> tuple[str, str]:
    """The level and the text of the only finding."""
    (finding,) = advise(found)
    return finding.level, finding.text


def test_good_health() -> None:
    """Where nothing is wrong nothing is said."""
    assert () == advise(report())


@pytest.mark.parametrize(
    ("changed", "level", "said", "advised"),
    [
        ({"open_files": 20}, WARNING, "allows 20 open files to a process", "`ulimit -n 1024`"),
        ({"open_files": 1}, WARNING, "needs 52", "LimitNOFILE=1024"),
        ({"disk_free_bytes": GIB}, WARNING, "has 1.00 GiB left on the disk", "DISTRCOMP_HOME"),
        ({"disk_free_bytes": 2**20}, ERROR, "has 1.00 MiB left on the disk", "make room there"),
        ({"memory_free_bytes": 2**20}, WARNING, "has 1.00 MiB of memory left", "slots="),
        ({"processes_free": 9}, WARNING, "only 9 more processes and threads, and 4", "TasksMax="),
        ({"shared_memory_bytes": 2**20}, WARNING, "a /dev/shm of 1.00 MiB", "--shm-size=1g"),
        ({"cores": 2}, WARNING, "gets 4 nodes on 2 cores", "slots=2 gives each a core"),
        ({"load": 20.0}, WARNING, "is busy: 20.0 processes want its 8 cores", "worse than"),
    ],
)
def test_a_machine(changed: dict[str, Any], level: str, said: str, advised: str) -> None:
    """Each odd fact of a machine is told, whose it is, and with what to do."""
    found_level, text = one_finding(report(peer(0), peer(1, **changed)))
    assert (level, True) == (found_level, text.startswith("h1 "))
    assert said in text
    assert advised in text


@pytest.mark.parametrize(
    "changed",
    [
        {"open_files": None},
        {"disk_free_bytes": None},
        {"memory_free_bytes": None},
        {"processes_free": None},
        {"shared_memory_bytes": None},
    ],
)
def test_what_is_not_known(changed: dict[str, Any]) -> None:
    """What a machine can't tell is no fault."""
    assert () == advise(report(peer(0), peer(1, **changed)))


def test_many_nodes_want_many_descriptors() -> None:
    """The limit on open files is judged by the nodes of all peers together."""
    peers = [replace(peer(number), slots=300) for number in range(4)]
    texts = [each.text for each in advise(report(*peers, pairs=())) if "open files" in each.text]
    assert 4 == len(texts)
    assert "a run with 1,200 nodes needs 1,532" in texts[0]
    assert "ulimit -n 2048" in texts[0]


def test_numpy_differs() -> None:
    """Another numpy on some machine is worth a warning, or none at all; a third number is not."""
    level, text = one_finding(report(peer(0), peer_with(1, "numpy", "1.26.4")))
    assert (WARNING, True) == (level, text.startswith("numpy differs: 2.1 on h0, 1.26 on h1."))
    assert "none on h1" in one_finding(report(peer(0), peer_with(1, "numpy", None)))[1]
    assert () == advise(report(peer(0), peer_with(1, "numpy", "2.1.3")))


@pytest.mark.parametrize(
    ("name", "version", "level", "said"),
    [
        ("cloudpickle", "3.0.0", WARNING, "3.1 on h0, 3.0 on h1. Functions and classes that"),
        ("msgpack", "1.0.8", NOTE, "1.1 on h0, 1.0 on h1. Its format is the same"),
    ],
)
def test_other_libraries_differ(name: str, version: str, level: str, said: str) -> None:
    """What functions travel by is worth a warning, what has one format a note."""
    found_level, text = one_finding(report(peer(0), peer_with(1, name, version)))
    assert (level, True) == (found_level, text.startswith(f"{name} differs: {said}"))
    assert text.endswith(": install the same version everywhere")


def test_python_differs() -> None:
    """Another x.y of Python is an error, for runs are then refused (F-30); a third number isn't."""
    level, text = one_finding(report(peer(0), peer(1, python="3.12.1")))
    assert (ERROR, True) == (level, text.startswith("Python differs: 3.11 on h0, 3.12 on h1."))
    assert () == advise(report(peer(0), peer(1, python="3.11.2")))


def test_a_peer_that_cannot_be_used() -> None:
    """Its own sentence is the finding, and comes before all warnings."""
    lost = replace(peer(1), why="h1:6969 refuses the connection", facts=None)
    first, second = advise(report(peer(0, load=99.0), lost, pairs=()))
    assert (ERROR, "h1:6969 refuses the connection") == (first.level, first.text)
    assert WARNING == second.level


def test_no_way_at_all() -> None:
    """Two that don't reach each other are an error that names every address tried."""
    ways = (way(1, REFUSED), way(1, "no answer in 10 s", "172.17.0.1"))
    broken = replace(pair(0, 1), ways=ways, ways_back=(way(0, REFUSED),), figures=None)
    level, text = one_finding(report(pairs=(broken,)))
    assert ERROR == level
    assert text.startswith(
        "h0 and h1 cannot reach each other (h1:6969: connection refused: no agent listens there; "
        "172.17.0.1:6969: no answer in 10 s): "
    )


def test_the_wrong_direction() -> None:
    """Where only the second reaches the first, their order in the peers file is what mends it."""
    broken = replace(pair(0, 1), ways=(way(1, REFUSED),), figures=None)
    level, text = one_finding(report(pairs=(broken,)))
    assert (ERROR, True) == (level, "write h1 before h0 in the peers file" in text)


def test_the_other_direction() -> None:
    """Where only the first reaches the second runs work; it is worth a warning."""
    level, text = one_finding(report(pairs=(replace(pair(0, 1), ways_back=(way(0, REFUSED),)),)))
    assert (WARNING, True) == (level, text.startswith("h1 cannot reach h0 (h0:6969: "))


def test_the_launchers_machine() -> None:
    """A machine without a port is dialled by nobody, and that is fine."""
    here = replace(pair(0, 1), ways_back=(), can_dial_back=False)
    assert () == advise(report(pairs=(here,)))
    last = replace(pair(0, 1), ways=(), can_dial=False)
    assert () == advise(report(pairs=(last,)))
    nobody = replace(pair(0, 1), can_dial=False, can_dial_back=False, ways=(), ways_back=())
    assert "can both not be dialled" in one_finding(report(pairs=(nobody,)))[1]


def test_an_address_that_leads_elsewhere() -> None:
    """Which of several addresses failed, beside one that didn't, is good to know."""
    ways = (way(1), way(1, "it closed the connection", "172.17.0.1"))
    expected = "h0 reaches h1, but not at 172.17.0.1:6969: it closed the connection"
    assert (NOTE, expected) == one_finding(report(pairs=(replace(pair(0, 1), ways=ways),)))


def test_messages_fail() -> None:
    """Reached and yet not measured is an error with its reason."""
    broken = replace(pair(0, 1), figures=None, why="no message within 30 s")
    level, text = one_finding(report(pairs=(broken,)))
    assert (ERROR, True) == (level, text.endswith("but messages fail: no message within 30 s"))


@pytest.mark.parametrize(
    ("offset_s", "level", "said"),
    [
        (5.0, WARNING, "the clock of h1 is 5.00 s ahead of that of h0"),
        (-5.0, WARNING, "the clock of h0 is 5.00 s ahead of that of h1"),
        (600.0, ERROR, "certificates are refused from five minutes on"),
    ],
)
def test_clocks(offset_s: float, level: str, said: str) -> None:
    """A clock that is off is told, with whose it is (F-32)."""
    found = one_finding(report(pairs=(pair(0, 1, clock_offset_s=offset_s),)))
    assert (level, True) == (found[0], said in found[1])


def test_an_uncertain_clock() -> None:
    """What may be the way's fault is no clock's."""
    assert () == advise(report(pairs=(pair(0, 1, clock_offset_s=1.5, clock_uncertain_s=1.0),)))


def test_packets() -> None:
    """Ends that allow different packets stall large messages."""
    level, text = one_finding(report(pairs=(pair(0, 1, mtu=9000),)))
    assert (WARNING, True) == (level, "9,000 bytes, and 1,500 the other way" in text)


def test_one_direction_is_slow() -> None:
    """A direction that is much slower than the other one is told with its name."""
    level, text = one_finding(report(pairs=(pair(0, 1, bytes_per_s_back=1e7),)))
    assert (WARNING, True) == (level, text.startswith("from h1 to h0 go 10.0 MB/s, and 1.00 GB/s"))


def test_slow_for_a_reason() -> None:
    """What was measured on a busy machine is not told, unless no load explains it."""
    peers = [peer(0, load=99.0), peer(1), peer(2)]
    for slow in ({"bytes_per_s": 5e7}, {"latency_s": 0.3}):
        good = (pair(0, 2), pair(1, 2))
        (finding,) = advise(report(*peers, pairs=(pair(0, 1, **slow), *good)))
        assert "is busy" in finding.text
    busy, slow_too = advise(report(*peers[:2], pairs=(pair(0, 1, bytes_per_s=1e6),)))
    assert "is busy" in busy.text
    assert slow_too.text.startswith("from h0 to h1 go 1.00 MB/s, and 1.00 GB/s the other way")


def test_one_pair_is_slow() -> None:
    """A pair that is much slower than most is told, by rate or by time."""
    peers = [peer(number) for number in range(3)]
    good = (pair(0, 1), pair(0, 2))
    slow = pair(1, 2, bytes_per_s=1e7, bytes_per_s_back=1e7)
    _, text = one_finding(report(*peers, pairs=(*good, slow)))
    assert text.startswith("h1 and h2 move 10.0 MB/s, most pairs 1.00 GB/s: ")
    _, text = one_finding(report(*peers, pairs=(*good, pair(1, 2, latency_s=0.03))))
    assert text.startswith("a message from h1 to h2 takes 30.0 ms, in most pairs 100 µs: ")


def test_doubts() -> None:
    """What is wrong with an agent that was reached is an error."""
    doubted = replace(report(), doubts=("two agents call themselves h1",))
    assert (ERROR, "two agents call themselves h1") == one_finding(doubted)
