"""What is told of waits: when, with which words, and which of them may go on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from distrcomp import limits
from distrcomp.collectives.kinds import BCAST, tag_of
from distrcomp.errors import NodeLost
from distrcomp.frames import Message
from distrcomp.mailbox import ANY, Receive
from distrcomp.notices import Envelope
from distrcomp.spaces import COLLECTIVE, SERVICE
from distrcomp.waits import Wait, Waits

THREAD, OTHER = 1, 2


def heard(told: list[Any] | None = None) -> Waits:
    """A register that somebody listens to."""
    waits = Waits()
    waits.tell = ([] if told is None else told).append
    return waits


def test_each_has_a_serial() -> None:
    """It is given when the wait is told of, and never again."""
    waits = heard()
    serials = []
    for _ in range(3):
        wait = Wait(100.0, None, tell_at=101.0)
        assert 0 == wait.serial
        waits.register(wait, THREAD)
        assert wait.tell_at is None
        serials.append(wait.serial)
        waits.end(wait)
    assert [1, 2, 3] == serials
    assert {} == waits.told


WORDS: list[tuple[Receive | None, tuple[int, ...], str]] = [
    (Receive(0, 1, 7), (), "outer(source=1, tag=7)"),
    (Receive(0, ANY, 7), (), "outer(tag=7)"),
    (Receive(0, ANY, ANY), (), "outer()"),
    (Receive(8, 5, ANY), (3, 5), "outer(source=1)"),
    (Receive(COLLECTIVE, 1, tag_of(BCAST, 2, 17)), (), "bcast #17 with root 2"),
    (Receive(COLLECTIVE, 1, ANY), (), "outer"),
    (Receive(COLLECTIVE, 1, 2**31 - 2**26 - 1), (), "outer"),  # of no kind
    (Receive(SERVICE, 1, 0), (), "outer"),
    (Receive(-1, 1, 0), (), "outer"),
    (None, (), "outer"),
]


@pytest.mark.parametrize(("wanted", "members", "words"), WORDS)
def test_in_words(wanted: Receive | None, members: tuple[int, ...], words: str) -> None:
    """The call by its name, with what it asks for as the program has written it."""
    waits = heard()
    wait = Wait(100.0, lambda: [4, 2], wanted)
    waits.register(wait, THREAD)
    waiting = waits.describe(wait, members, ours("outer", sys._getframe), 101.5)
    assert words == waiting.operation
    assert (1, 1.5, False, (2, 4)) == (
        waiting.serial,
        waiting.waited_s,
        waiting.has_deadline,
        waiting.sources,
    )
    assert members == waiting.members
    if wanted is not None:
        assert Envelope(wanted.communicator, wanted.source, wanted.tag) == waiting.wanted


def ours(name: str, act: Callable[[], Any]) -> Any:
    """What `act` gives when it is called from a function `name` of the package."""
    space: dict[str, Any] = {"act": act}
    path = sys.modules["distrcomp.waits"].__file__ or ""
    exec(compile(f"def {name}():\n return act()\n", path, "exec"), space)
    return space[name]()


def test_the_sources_of_a_receive() -> None:
    """Its own; any is all nodes of a part, and told by none where that is the world."""
    waits = heard()
    told = [
        waits.describe(Wait(0.0, None, Receive(8, source, 0)), members, None, 1.0).sources
        for source, members in ((1, (1, 2)), (ANY, (1, 2)), (ANY, ()))
    ]
    assert [(1,), (1, 2), ()] == told


def test_the_place_is_the_programs() -> None:
    """The first frame that isn't ours, by its path in the program's folder; our call's own name."""
    waits = heard()
    waits.folder = __file__.removesuffix("test_waits.py")
    told = waits.describe(Wait(0.0, None, None), (), ours("wait_for", sys._getframe), 1.0)
    assert "wait" == told.operation
    assert told.place.startswith("test_waits.py:")


def test_long_words_are_cut() -> None:
    """A path keeps its end."""
    space: dict[str, Any] = {"get": sys._getframe}
    source = sys.modules["distrcomp.waits"].__file__ or ""
    exec(compile("def recv():\n return get()\n", source, "exec"), space)
    path = f"{'x' * 500}/a.py"
    exec(compile("def program():\n return recv()\n", path, "exec"), space)
    place = heard().describe(Wait(0.0, None, None), (), space["program"](), 1.0).place
    assert len(place) == limits.PLACE_CHARS_MAX
    assert place.endswith("x/a.py:2")


def waiting(waits: Waits, thread: int = THREAD, **how: Any) -> Wait:
    """A wait that was told of and in which nothing has happened."""
    wait = Wait(100.0, None, **how)
    waits.register(wait, thread)
    wait.is_waiting = True
    wait.tests = (lambda: False, lambda: None)
    return wait


def check_source(wanted: Receive) -> None:
    """Nothing is known against any source but one."""
    if wanted.source == 7:
        raise NodeLost(7, "h1", "it has finished")


def test_all_wait() -> None:
    """Each thread of the program has to be in a wait that was told of."""
    waits = heard()
    assert not waits.all_wait([], check_source)
    waiting(waits)
    assert waits.all_wait([THREAD], check_source)
    assert not waits.all_wait([THREAD, OTHER], check_source)
    waiting(waits, OTHER)
    assert waits.all_wait([THREAD, OTHER], check_source)


def test_who_may_go_on() -> None:
    """A deadline, an end that its thread hasn't seen yet, and something else to do."""
    for change in (
        lambda wait: setattr(wait, "has_deadline", True),
        lambda wait: setattr(wait, "is_waiting", False),
        lambda wait: setattr(wait, "tests", None),
        lambda wait: setattr(wait, "tests", (lambda: True, lambda: None)),
    ):
        waits = heard()
        waiting(waits)
        wait = waiting(waits)
        assert waits.all_wait([THREAD], check_source)
        change(wait)
        assert not waits.all_wait([THREAD], check_source)


def test_a_receive_tests_itself() -> None:
    """It goes on once it is matched, and when nothing can come any more."""
    waits = heard()
    wanted = Receive(0, 1, 5)
    waiting(waits, wanted=wanted).tests = None
    assert waits.all_wait([THREAD], check_source)
    wanted.message = Message(1, 5, 0, 1, b"", [])
    assert not waits.all_wait([THREAD], check_source)
    waits = heard()
    waiting(waits, wanted=Receive(0, 7, 5)).tests = None
    with pytest.raises(NodeLost):
        waits.all_wait([THREAD], check_source)


def test_who_has_moved_on() -> None:
    """Other nodes than were told can end it now; fewer of them are no news."""
    sources = [1, 2]
    wait = Wait(0.0, lambda: sources)
    heard().describe(wait, (), None, 1.0)
    sources.remove(1)
    assert not wait.has_moved_on()
    sources.append(3)
    assert wait.has_moved_on()


def test_who_is_about_to_raise() -> None:
    """What its thread will raise is raised, so that nobody takes it for waiting."""

    def check() -> None:
        raise NodeLost(1, "h1", "it has finished")

    waits = heard()
    waiting(waits).tests = (lambda: False, check)
    with pytest.raises(NodeLost):
        waits.all_wait([THREAD], check_source)
