"""A deadlock in words."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from distrcomp.collectives.kinds import BARRIER, BCAST, tag_of
from distrcomp.notices import Envelope, Unread, Waiting
from launcher import limits
from launcher.run.deadlock import LongWait, Stalled, Verdict
from launcher.run.verdict import details, headline, stalled


def wait(
    operation: str,
    sources: tuple[int, ...],
    wanted: Envelope | None,
    members: tuple[int, ...] = (),
) -> tuple[LongWait, ...]:
    """One wait, of 1.25 s."""
    told = Waiting(1, operation, "ring.py:12", 1.0, False, sources, wanted, members)
    return (LongWait(told, 1.25),)


RECV = wait("recv(source=1, tag=7)", (1,), Envelope(0, 1, 7))
IN_BARRIER = wait("barrier #3", (0,), Envelope(1, -1, tag_of(BARRIER, 0, 3)))


def verdict(
    waits: Mapping[int, tuple[LongWait, ...]],
    unread: Mapping[int, tuple[Unread, ...]] | None = None,
    elsewhere: Mapping[int, tuple[LongWait, ...]] | None = None,
    ended: frozenset[int] = frozenset(),
) -> Verdict:
    return Verdict(waits, unread or {}, elsewhere or {}, ended)


def test_as_people_see_it() -> None:
    """The headline names the nodes; each line a call, its place, its age, and who is missing."""
    told = verdict(
        {0: RECV, 1: IN_BARRIER, 2: IN_BARRIER},
        {0: (Unread(0, 1, 8, 1, 10),)},
    )
    assert (
        headline(told)
        == "Deadlock: nodes 0 to 2 wait for each other, and no message is on its way."
    )
    assert details(told, 3) == (
        "  node 0 waits in recv(source=1, tag=7) at ring.py:12 for 1.2 s\n"
        "  node 1 waits in barrier #3 at ring.py:12 for 1.2 s; missing there: node 0\n"
        "  node 2 waits in barrier #3 at ring.py:12 for 1.2 s; missing there: node 0\n"
        "Near misses: node 0 has an unread message from node 1 with tag 8 (it waits for tag 7)."
    )


def test_the_circle_comes_first() -> None:
    """Each before the one that it waits for, and then those who wait for the circle."""
    waits = {
        0: wait("recv(source=3)", (3,), Envelope(0, 3, -1)),
        1: wait("recv(source=2)", (2,), Envelope(0, 2, -1)),
        2: wait("recv(source=3)", (3,), Envelope(0, 3, -1)),
        3: wait("ssend", (1,), None),
    }
    lines = details(verdict(waits), 4).splitlines()
    assert ["1", "2", "3", "0"] == [line.split()[1] for line in lines]
    assert lines[2].endswith("ssend at ring.py:12 for 1.2 s, for node 1")


def test_who_has_ended() -> None:
    """One that is missing or awaited and has ended is told as such."""
    told = verdict(
        {0: IN_BARRIER, 1: wait("recv()", (), Envelope(0, -1, -1))}, ended=frozenset({2})
    )
    text = details(told, 3)
    assert "missing there: nodes 1 and 2 (node 2 has ended)" in text
    assert "Near misses: node 2 has already ended." in text


def test_who_meets_elsewhere_is_not_missing() -> None:
    """Not those of other nodes who are there, though they are not in the verdict."""
    told = verdict({0: RECV, 1: IN_BARRIER}, elsewhere={2: IN_BARRIER})
    assert "node 1 waits in barrier #3 at ring.py:12 for 1.2 s; missing there: node 0" in details(
        told, 3
    )


def test_a_bcast_names_whom_it_waits_for() -> None:
    """Others may have left it already, so nobody is said to be missing."""
    bcast = wait("bcast #3 with root 0", (0,), Envelope(1, 0, tag_of(BCAST, 0, 3)))
    assert details(verdict({1: bcast}), 3).endswith("for 1.2 s, for node 0")


def test_a_part_is_named() -> None:
    """Ids in the call are those of the part, all others the world's."""
    part = wait("recv(source=0)", (4,), Envelope(8, 4, -1), (4, 5))
    text = details(verdict({5: part}), 6)
    assert text.endswith("for 1.2 s, on the communicator of nodes 4 and 5, for node 4")


UNREAD = {
    (0, 1, 8): "(it waits for tag 7)",
    (0, 2, 7): "(it waits for node 1)",
    (4, 1, 7): "(it waits on another communicator)",
    (0, 2, 8): "",
    (4, 1, 8): "",
    (1, 1, 7): "",
}


@pytest.mark.parametrize("kind", UNREAD)
def test_near_misses(kind: tuple[int, int, int]) -> None:
    """What differs by tag, by source or by communicator, and by one of them only."""
    text = details(verdict({0: RECV}, {0: (Unread(*kind, 2, 10),)}), 3)
    told = f"node 0 has 2 unread messages from node {kind[1]} with tag {kind[2]} {UNREAD[kind]}."
    assert (told in text) is bool(UNREAD[kind])
    assert ("Near misses" in text) is bool(UNREAD[kind])


def test_itself() -> None:
    """A node that waits for itself needs no other."""
    told = verdict({2: wait("recv(source=2)", (2,), Envelope(0, 2, -1))})
    assert "Deadlock: node 2 waits for itself, and no message is on its way." == headline(told)


def test_lines_have_a_bound() -> None:
    """Of a thousand nodes the first are named, and the others counted."""
    waits = {node: wait("recv()", (), Envelope(0, -1, -1)) for node in range(1000)}
    lines = details(verdict(waits), 1000).splitlines()
    assert limits.DEADLOCK_LINES_MAX + 1 == len(lines)
    assert f"  and {1000 - limits.DEADLOCK_LINES_MAX} more waits" == lines[-1]


def test_what_no_node_says_is_told_all_the_same() -> None:
    """Numbers that no node of ours sends lead to a line, not to an error."""
    strange = wait("x", (2**40, -7), Envelope(2**60 + 1, 2**50, 2**62), (2**33,))
    assert "node 0 waits in x" in details(verdict({0: strange}), 1)


def test_a_stall_is_no_verdict() -> None:
    """Who waits is told as in a deadlock, with the reason why it is none."""
    told = stalled(Stalled({0: RECV, 1: IN_BARRIER}, frozenset({1})), 2)
    assert told.startswith(
        "nodes 0 and 1 have waited for each other for 10 s; this is no verdict, for node 1 has "
        "threads that may still act (`distrcomp stacks` shows where they are):\n"
        "  node 0 waits in recv(source=1, tag=7) at ring.py:12 for 1.2 s\n"
    )
    told = stalled(Stalled({0: RECV}, frozenset()), 2)
    assert told.startswith("node 0 has waited for itself for 10 s; ")
    assert "for something is on its way between them" in told
