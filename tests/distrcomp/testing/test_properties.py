"""Random programs of sends and receives, over seeds: all arrives, in order, whatever the delays."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from distrcomp import ANY, testing
from distrcomp.status import Status
from distrcomp.testing import Schedule, World


class Sent(NamedTuple):
    """One message of a random program."""

    source: int
    dest: int
    tag: int
    size: int
    how: str


def messages(n: int) -> st.SearchStrategy[list[Sent]]:
    """Messages among n nodes."""
    node = st.integers(0, n - 1)
    sizes = st.sampled_from([0, 1, 2_047, 2_048, 100_000])
    hows = st.sampled_from(["send", "isend", "issend"])
    return st.lists(st.builds(Sent, node, node, st.integers(0, 2), sizes, hows), max_size=25)


def exchange(world: World, program: list[Sent], source_known: bool, tag_known: bool) -> list[Any]:
    """Sends this node's messages, numbered, and receives all that are for it."""
    me = world.node_id
    requests = []
    for number, each in enumerate(program):
        if each.source == me:
            content = (number, bytes([number]) * each.size)
            if each.how == "send":
                world.send(each.dest, content, each.tag)
            else:
                requests.append(getattr(world, each.how)(each.dest, content, each.tag))
    got = []
    for each in program:
        if each.dest == me:
            source = each.source if source_known else ANY
            tag = each.tag if tag_known else ANY
            status = Status()
            number, content = world.recv(source, tag, status=status)
            assert content == bytes([number]) * program[number].size
            assert (status.source, status.tag) == (program[number].source, program[number].tag)
            got.append(number)
    for request in requests:
        request.wait()
    return got


def is_in_order(program: list[Sent], got: list[int], *, by_tag: bool) -> bool:
    """Whether messages of one source (and tag) came in the order in which they were sent."""
    last: dict[Any, int] = {}
    for number in got:
        each = program[number]
        kind = (each.source, each.tag if by_tag else None)
        if last.get(kind, -1) > number:
            return False
        last[kind] = number
    return True


@settings(max_examples=60)
@given(st.data(), st.integers(2, 4), st.integers(0, 2**32), st.integers(0, 30), st.booleans())
def test_all_arrives_in_order(
    data: st.DataObject, n: int, seed: int, delay_max: int, source_known: bool
) -> None:
    """Each message arrives once, and none overtakes another of its source and tag."""
    program = data.draw(messages(n))
    tag_known = source_known
    results = testing.run(
        lambda world: exchange(world, program, source_known, tag_known),
        n,
        seed=Schedule(seed, delay_max),
    )
    for node, got in enumerate(results):
        assert sorted(got) == [i for i, each in enumerate(program) if each.dest == node]
        assert is_in_order(program, got, by_tag=tag_known)


@settings(max_examples=30)
@given(st.data(), st.integers(2, 4), st.integers(0, 2**32))
def test_a_seed_decides_everything(data: st.DataObject, n: int, seed: int) -> None:
    """Two runs with one seed match every receive from any source alike."""
    program = data.draw(messages(n))

    def run() -> list[list[int]]:
        return testing.run(lambda world: exchange(world, program, False, False), n, seed=seed)

    assert run() == run()
