"""distrcomp.links.greetings: who has a link, and who has left; nobody sleeps on a first word."""

from __future__ import annotations

from typing import Any

import pytest

from distrcomp.links import greetings as greetings_module
from distrcomp.links import ring as ring_module
from distrcomp.links.bells import Bells
from distrcomp.links.greetings import GREETED, LEFT, Greetings
from distrcomp.links.ring import RingReader, RingWriter
from tests.distrcomp.links import interleavings
from tests.distrcomp.links.interleavings import PARTIAL, STUCK, TOTAL, Model, Process, Words
from tests.distrcomp.links.test_bells import SIZE, SLEEPER, model_bells, on_model

__all__ = ["on_model"]


def of_nodes(n_local: int) -> list[Greetings]:
    """The greetings of so many nodes, as each of them sees them."""
    memory = memoryview(bytearray(n_local**2))
    return [Greetings(memory, n_local, here) for here in range(n_local)]


def test_nobody_says_anything() -> None:
    """There is no news then, and all others are silent."""
    nodes = of_nodes(3)
    assert [False] * 3 == [node.has_news for node in nodes]
    assert [[], [0, 2]] == [nodes[1].news(), list(nodes[1].silent())]


def test_each_word_is_told_once() -> None:
    """To the node that it is for, and to no other one; a second word is not written."""
    one, other, third = of_nodes(3)
    assert (True, False) == (one.write(1, GREETED), one.write(1, LEFT))
    assert (True, False) == (other.has_news, third.has_news)
    assert [[(0, GREETED)], []] == [other.news(), other.news()]
    assert [2] == list(other.silent())


def test_all_have_spoken() -> None:
    """Once every other node has written its byte there can be no news."""
    one, *others = of_nodes(3)
    for other in others:
        other.write(0, LEFT)
    assert [(1, LEFT), (2, LEFT)] == one.news()
    assert (False, []) == (one.has_news, list(one.silent()))


def test_alone() -> None:
    """Nobody is silent where nobody else is."""
    (one,) = of_nodes(1)
    assert (False, []) == (one.has_news, list(one.silent()))


def test_a_scribbler() -> None:
    """What is no greeting is told as it stands; a byte that is taken back is told, too."""
    memory = memoryview(bytearray(4))
    one = Greetings(memory, 2, 0)
    memory[1] = 77
    assert [(1, 77)] == one.news()
    memory[1] = 0
    assert [(1, 0)] == one.news()


def test_ones_own_byte_is_nobodys() -> None:
    """Whatever stands there, it is no news, and who is silent is still waited for."""
    memory = memoryview(bytearray(9))
    one = Greetings(memory, 3, 0)
    memory[0] = GREETED
    memory[1] = GREETED
    assert [(1, GREETED)] == one.news()
    assert (1, [2]) == (one.n_silent, list(one.silent()))
    memory[2] = LEFT
    assert one.has_news
    assert [(2, LEFT)] == one.news()


# --- on the model --------------------------------------------------------------------------------


class _Row(Words):
    """A row of two bytes in the model's memory, of which node 1 writes the second one."""

    def __bytes__(self) -> bytes:
        return bytes((0, self[1]))


def model_greetings(here: int) -> Greetings:
    """What the sleeper and one other node see of each other."""
    made: Any = Greetings(memoryview(bytearray(4)), 2, here)
    made._memory = made._row = _Row("row")
    return made


def speaking() -> Process:
    """Node 1 makes its end of a link, puts its first record, and wakes the sleeper."""

    def make() -> tuple[Greetings, RingWriter, Bells]:
        writer: Any = interleavings.ring_writer(SIZE)
        writer.words = Words("ring 1")
        return model_greetings(1), writer, model_bells(1)

    def act(made: tuple[Greetings, RingWriter, Bells]) -> str:
        greetings, writer, bells = made
        greetings.write(SLEEPER, GREETED)
        writer.put(1, b"", 1)
        bells.wake(SLEEPER)
        return "done"

    return Process(make, act)


def leaving() -> Process:
    """Node 1 leaves and has never made a link."""

    def act(made: tuple[Greetings, Bells]) -> str:
        greetings, bells = made
        greetings.write(SLEEPER, LEFT)
        bells.wake(SLEEPER)
        return "done"

    return Process(lambda: (model_greetings(1), model_bells(1)), act)


def sleeping(second_look: bool = True) -> Process:
    """The sleeper waits for one record of a node that it has no link to, or for its leaving."""

    def make() -> tuple[Greetings, RingReader, Bells]:
        reader: Any = interleavings.ring_reader(SIZE)
        reader.words = Words("ring 1")
        return model_greetings(SLEEPER), reader, model_bells(SLEEPER)

    def act(made: tuple[Greetings, RingReader, Bells]) -> str:
        greetings, reader, bells = made
        heard: list[int] = []

        def look() -> str:
            if greetings.has_news:
                heard.extend(said for _, said in greetings.news())
            if LEFT in heard:
                return "it has left"
            return "read" if heard and reader.header() else ""

        while not (found := look()):
            bells.lie_down()
            if not (found := look()):
                interleavings.doze(("bell", SLEEPER))
                if not (second_look and (found := look())):
                    interleavings.wait(("bell", SLEEPER))
            bells.get_up()
            bells.silence()
            if found:
                return found
        return found

    return Process(make, act)


@pytest.mark.parametrize("order", [TOTAL, PARTIAL])
@pytest.mark.parametrize(("other", "found"), [(speaking, "read"), (leaving, "it has left")])
def test_no_first_word_is_slept_on(
    on_model: pytest.MonkeyPatch, order: str, other: Any, found: str
) -> None:
    """However the two interleave, the sleeper learns of the link, reads what came first on it, and
    learns who has left."""
    on_model.setattr(greetings_module, "fence", interleavings.fence)
    for module in (ring_module, greetings_module):
        on_model.setattr(module, "STORES_ARE_ORDERED", order == TOTAL)
    model = Model([sleeping(), other()], order)
    assert {(found, "done")} == model.outcomes()
    assert model.n_states > 20


@pytest.mark.usefixtures("on_model")
@pytest.mark.parametrize("other", [speaking, leaving])
def test_the_model_can_fail(other: Any) -> None:
    """Without the second look it sleeps on it: the model shows it."""
    assert (STUCK, "done") in Model([sleeping(second_look=False), other()]).outcomes()
