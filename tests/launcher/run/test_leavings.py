"""What nodes leave behind, as the report says it."""

from __future__ import annotations

import pytest

from distrcomp.notices import Account, SentFrom, Undelivered, Unreceived, Unwaited
from launcher import limits
from launcher.control import messages as m
from launcher.run.leavings import Leavings
from launcher.run.life import State
from tests.launcher.run.course_kit import Driver, at, make_course

NOTHING = Account(0, (), (), 0, (), ())
ONE = NOTHING._replace(n_message=1, unreceived=(Unreceived(1, 0, 8, 1, 812, ""),))
ONE_HEAD = "1 message was sent and never received (--debug says where it was sent):"
ONE_KIND = "  node 0: 1 from node 1 with tag 8 (812 bytes"


def told(*accounts: Account) -> str:
    """What is told of these, from node 0 on."""
    leavings = Leavings()
    for node, account in enumerate(accounts):
        leavings.take(node, account)
    return leavings.told()


def test_nothing() -> None:
    """Nothing left, nothing said."""
    assert "" == told() == told(NOTHING, NOTHING)


def test_messages() -> None:
    """How many in all, and each kind with source, tag, bytes, and communicator if not the world."""
    other = Unreceived(2, 4, 0, 3, 1, "")
    account = ONE._replace(n_message=4, unreceived=(*ONE.unreceived, other))
    assert (
        "4 messages were sent and never received (--debug says where they were sent):\n"
        f"{ONE_KIND})\n"
        "  node 0: 3 from node 2 with tag 0 on communicator 4 (1 byte in all)"
    ) == told(account)
    assert f"{ONE_HEAD}\n{ONE_KIND})" == told(ONE)


def test_places() -> None:
    """The unreceived messages of a kind are its latest, so these are the places that are told."""
    account = ONE._replace(unreceived=(Unreceived(1, 0, 8, 2, 812, ""),))
    sender = NOTHING._replace(sent=(SentFrom(0, 0, 8, ("a.py:1", "a.py:2", "a.py:3")),))
    assert "(812 bytes in all, sent at a.py:2, a.py:3)" in told(account, sender)
    head = "1 message was sent and never received:"
    assert f"{head}\n{ONE_KIND}, sent at a.py:3)" == told(ONE, sender)
    nowhere = NOTHING._replace(sent=(SentFrom(0, 0, 8, ("",)),))
    assert f"{head}\n{ONE_KIND})" == told(ONE, nowhere)


def test_collectives_requests_and_bytes_that_were_left() -> None:
    """A collective names who was in it; a request what it is, how often, and where."""
    bcast = "bcast #1 with root 0"
    missed = tuple(Unreceived(source, 1, 9, 1, 5, bcast) for source in (1, 2))
    account = NOTHING._replace(
        unreceived=missed,
        undelivered=(Undelivered(2, 1000),),
        n_request=3,
        unwaited=(Unwaited("isend to node 1 with tag 5", 2, "a.py:4"), Unwaited("irecv", 1, "")),
    )
    assert (
        "node 0 still had 1,000 bytes for node 2 when that had finished\n"
        f"node 0 was not in {bcast}, unlike nodes 1 and 2\n"
        "3 requests were never waited for:\n"
        "  node 0: isend to node 1 with tag 5 at a.py:4 (2 times)\n"
        "  node 0: irecv"
    ) == told(account)


def test_many_kinds() -> None:
    """The list has a bound; what is left out is counted."""
    kinds = tuple(Unreceived(1, 0, tag, 2, 8, "") for tag in range(limits.LEAVINGS_MAX + 1))
    text = told(NOTHING._replace(n_message=50, unreceived=kinds))
    assert limits.LEAVINGS_MAX == text.count("node 0: ")
    assert text.endswith(f"\n  ... {50 - 2 * limits.LEAVINGS_MAX} more messages")
    all_known = told(NOTHING._replace(n_message=2 * len(kinds), unreceived=kinds))
    assert all_known.endswith("\n  ... 2 more messages of 1 kind")


def test_hostile_words_are_made_plain() -> None:
    """S-37: a node's words can't drive the terminal."""
    account = NOTHING._replace(n_request=1, unwaited=(Unwaited("\x1b[2J", 1, "\r"),))
    assert "\x1b" not in told(account)
    assert "\r" not in told(account)


# --- in the life of a run ---


@pytest.mark.parametrize("is_strict", [False, True])
def test_it_is_noted_or_fails_the_run(is_strict: bool) -> None:
    """Lines in the report; with --strict it is what the run has failed by."""
    driver = Driver(make_course((0, 0), proofs=(), is_strict=is_strict))
    driver.run()
    driver.say(0, m.NodeLeaves(0, ONE))
    driver.exit(0)
    driver.exit(1)
    driver.close()
    cause = driver.machine.ledger.cause()
    assert int(is_strict) == driver.exit_code
    if is_strict:
        told_by = None if cause is None else (cause.headline, cause.traceback)
        assert (f"failed by --strict: {ONE_HEAD}", f"{ONE_KIND})") == told_by
        assert [] == driver.machine.notes
    else:
        assert (None, [f"{ONE_HEAD}\n{ONE_KIND})"]) == (cause, driver.machine.notes)
    assert ["finished"] * 2 == driver.outcomes


def test_after_a_failure_it_would_explain_nothing() -> None:
    """A run that failed for another reason says only that."""
    driver = Driver(make_course((0, 0), proofs=(), is_strict=True))
    driver.run()
    driver.say(0, m.NodeLeaves(0, ONE))
    driver.exit(0)
    driver.exit(1, 3)
    driver.close()
    assert (3, []) == (driver.exit_code, driver.machine.notes)


def test_twice_is_once_too_often() -> None:
    """S-12: an agent that sends it twice for a node is lost."""
    driver = at(State.RUNNING)
    driver.say(0, m.NodeLeaves(0, ONE), m.NodeLeaves(0, ONE))
    assert "NodeLeaves twice" in (driver.headline or "")
