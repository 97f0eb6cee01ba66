"""`testing.run`: n nodes in one process, decided by a seed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from distrcomp import testing
from distrcomp.errors import CallError, NodeLost, RecvTimeout, WorldClosed
from distrcomp.testing import DIED, Deadlock, NodeFailed, Schedule, TimeLimitReached, World
from tests.leaks import wait_until


def other(world: World) -> int:
    """The other one of two nodes."""
    return 1 - world.node_id


@pytest.mark.parametrize("n", [1, 2, 7])
def test_results_are_in_node_order(n: int) -> None:
    """What each node returned, in node order."""

    def ring(world: World) -> int:
        world.send((world.node_id + 1) % n, world.node_id)
        received: int = world.recv()
        return received

    assert [(node - 1) % n for node in range(n)] == testing.run(ring, n)


def test_every_call_works() -> None:
    """The world has the whole interface of a communicator."""

    def program(world: World) -> list[Any]:
        dest = other(world)
        request = world.irecv(dest, tag=1)
        world.isend(dest, "one", tag=1).wait()
        got = [request.wait()]
        if world.node_id:
            world.ssend(0, "two")
            got.append(world.recv(0, timeout=10.0))
        else:
            got += [world.probe(1).source, world.mprobe(1).recv()]
            world.issend(1, "three").wait()
        got.append(world.sendrecv(dest, world.node_id, dest))
        status = world.iprobe()
        return [*got, status, world.improbe()]

    assert [
        ["one", 1, "two", 1, None, None],
        ["one", "three", 0, None, None],
    ] == testing.run(program, n=2, seed=3)


def race(world: World) -> list[int]:
    """Node 0 receives from whoever is first."""
    if world.node_id:
        world.send(0, world.node_id)
        return []
    return [world.recv() for _ in range(world.n_node - 1)]


def test_a_seed_repeats_the_run() -> None:
    """The same seed gives the same order of arrivals, and seeds differ in it."""
    orders = {seed: testing.run(race, n=4, seed=seed)[0] for seed in range(40)}
    assert orders == {seed: testing.run(race, n=4, seed=seed)[0] for seed in range(40)}
    assert {tuple(order) for order in orders.values()} == {
        (1, 2, 3),
        (1, 3, 2),
        (2, 1, 3),
        (2, 3, 1),
        (3, 1, 2),
        (3, 2, 1),
    }


def test_a_race_is_found() -> None:
    """A program that relies on the order of arrivals fails for some seed, which repeats it."""

    def racy(world: World) -> None:
        assert race(world) == sorted(race(world))

    def fails(seed: int) -> bool:
        try:
            testing.run(racy, n=3, seed=seed)
        except NodeFailed as failure:
            return f"seed {failure.seed}" in str(failure) and failure.seed == seed
        return False

    failing = [seed for seed in range(30) if fails(seed)]
    assert 0 < len(failing) < 30
    assert failing == [seed for seed in failing if fails(seed)]


def test_without_delays() -> None:
    """With no delay a message is there as soon as the receiver looks."""

    def program(world: World) -> Any:
        if world.node_id == 0:
            world.send(1, "here")
            world.send(2, "look now")
            return None
        if world.node_id == 2:
            world.recv(0)
            world.send(1, "look now")
            return None
        world.recv(2)
        return world.iprobe(0) is not None

    for seed in range(30):
        schedule = Schedule(seed, delay_max=0)
        assert [None, True, None] == testing.run(program, n=3, seed=schedule)
    with pytest.raises(CallError, match="0 or more"):
        Schedule(delay_max=-1)


def test_what_arrives_is_the_receivers_own() -> None:
    """A received object shares nothing with the sent one."""

    def program(world: World) -> bytearray:
        sent = bytearray(b"a" * 100_000)
        world.send(other(world), sent)
        sent[:] = b"b" * len(sent)
        received: bytearray = world.recv()
        received[:1] = b"c"
        return received

    assert [b"c" + b"a" * 99_999] * 2 == testing.run(program, n=2)


def test_an_exception_ends_the_run() -> None:
    """The others' calls raise NodeLost; what is raised names the node, and the exception."""
    seen: list[str] = []

    def program(world: World) -> None:
        if world.node_id == 1:
            raise ValueError("boom")
        try:
            world.recv(2 - world.node_id)
        except NodeLost as lost:
            seen.append(f"{lost.node}: {lost.why}")
            raise

    with pytest.raises(NodeFailed, match=r"node 1 failed \(seed 5\): ValueError: boom") as caught:
        testing.run(program, n=3, seed=5)
    assert (caught.value.node, caught.value.seed) == (1, 5)
    assert repr(caught.value.__cause__) == "ValueError('boom')"
    assert ["1: ValueError: boom"] * 2 == seen


def test_waiting_for_who_has_finished() -> None:
    """A node that waits for one that has finished gets NodeLost, after all that one has sent."""

    def program(world: World) -> list[Any]:
        if world.node_id:
            world.send(0, "last")
            return []
        with pytest.raises(NodeLost, match="finished") as caught:
            return [world.recv(1), world.recv(1)]
        return [caught.value.node]

    assert [[1], []] == testing.run(program, n=2)

    with pytest.raises(NodeFailed, match=r"node 0 failed.*NodeLost") as caught:
        testing.run(lambda world: None if world.node_id else world.recv(), n=2)
    assert isinstance(caught.value.__cause__, NodeLost)


def test_deadlock() -> None:
    """Nodes that wait for each other are found at once, with what each waits for, and where."""

    def program(world: World) -> Any:
        if world.node_id == 0:
            world.send(1, "x", tag=8)
            return world.recv(1, tag=7)
        return world.ssend(0, "y", tag=6)

    with pytest.raises(Deadlock, match="wait for each other") as caught:
        testing.run(program, n=2, seed=4)
    waits, here = caught.value.waits, r"at \S*test_simulation.py:\d+"
    assert list(waits) == [0, 1]
    assert "recv from node 1 with tag 7 at " in waits[0]
    assert "unread: 1 from node 1 with tag 6" in waits[0]
    assert waits[1].startswith("ssend at ")
    with pytest.raises(Deadlock, match=rf"(?s)seed 4.*node 0: recv.*{here}.*node 1: ssend {here}"):
        testing.run(program, n=2, seed=4)


def test_a_deadlock_lets_finally_run() -> None:
    """The waiting calls raise, so that each node cleans up."""
    ended: list[int] = []

    def program(world: World) -> Any:
        try:
            return world.recv(other(world))
        finally:
            ended.append(world.node_id)

    with pytest.raises(Deadlock):
        testing.run(program, n=2)
    assert [0, 1] == sorted(ended)


def test_time_limit() -> None:
    """A run that is not over in time is stopped, and says what each node does."""
    threads = threading.active_count()

    def program(world: World) -> Any:
        if world.node_id == 0:
            return world.recv(1, tag=7)
        world.send(0, "not this")
        while world.iprobe() is None:
            pass
        return None

    with pytest.raises(TimeLimitReached, match=r"not over in 0\.2 s") as caught:
        testing.run(program, n=2, timeout=0.2)
    assert [0, 1] == list(caught.value.waits)
    wait_until(lambda: threading.active_count() == threads, 10.0, "the nodes' threads ended")


def test_who_heeds_nothing_is_stopped() -> None:
    """A node that computes for ever outlives its run by no more than a moment."""
    threads = threading.active_count()

    def program(world: World) -> None:
        while world.node_id >= 0:
            pass

    with pytest.raises(TimeLimitReached, match=r"node 0: computes, at .*test_simulation.py"):
        testing.run(program, n=1, timeout=0.1)
    wait_until(lambda: threading.active_count() == threads, 10.0, "the node's thread ended")


def test_a_timeout_of_a_call_runs_out() -> None:
    """`recv(timeout=)` raises when nothing comes, while the other one waits without."""

    def program(world: World) -> Any:
        if world.node_id:
            return world.recv(0)
        with pytest.raises(RecvTimeout):
            world.recv(1, timeout=0.05)
        world.send(1, "now")
        return None

    assert [None, "now"] == testing.run(program, n=2)


def count(world: World) -> list[Any]:
    """Node 1 sends ten numbers; node 0 returns those that came, and the error after them."""
    if world.node_id == 1:
        for number in range(10):
            world.send(0, number)
        return ["alive"]
    got: list[Any] = []
    try:
        while True:
            got.append(world.recv(1))
    except NodeLost as lost:
        got.append((lost.node, lost.why))
    return got


@pytest.mark.parametrize("sent", [0, 1, 5, 10])
def test_death_on_cue(sent: int) -> None:
    """After so many messages nothing of a node arrives, and the others get NodeLost."""
    expected = [[*range(sent), (1, "it died on cue")], DIED]
    for seed in range(10):
        run = testing.run(count, n=2, seed=seed, dies_after={1: sent}, on_failure="continue")
        assert expected == run


def test_death_ends_the_run() -> None:
    """By default every later call of the others raises NodeLost, whoever it is about."""

    def program(world: World) -> Any:
        if world.node_id == 2:
            world.die()
        with pytest.raises(NodeLost) as caught:
            world.recv(other(world))
        return caught.value.node

    assert [2, 2, DIED] == testing.run(program, n=3)


def test_the_dead_say_nothing() -> None:
    """What a node does on its way out is not heard any more."""

    def program(world: World) -> Any:
        if world.node_id:
            try:
                world.die()
            finally:
                with pytest.raises(WorldClosed):
                    world.send(0, "from the grave")
        with pytest.raises(NodeLost, match="died on cue"):
            return world.recv()
        return "quiet"

    assert ["quiet", DIED] == testing.run(program, n=2, on_failure="continue")


def test_a_death_that_others_do_not_survive() -> None:
    """A node that doesn't handle the death of another fails by NodeLost."""
    with pytest.raises(NodeFailed, match=r"node 0 failed.*node 1 .*died on cue"):
        testing.run(lambda world: world.recv(), n=2, dies_after={1: 0})


def test_calls_of_other_threads_are_refused() -> None:
    """Only the thread that runs the program calls; others would make the run undecided."""

    def program(world: World) -> list[str]:
        said: list[str] = []

        def call() -> None:
            try:
                world.recv()
            except CallError as error:
                said.append(str(error))

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        return said

    ((said,),) = testing.run(program, n=1)
    assert "pytest.mark.nodes" in said


@pytest.mark.parametrize(
    "how", [{"n": 0}, {"n": 2, "dies_after": {2: 1}}, {"n": 2, "on_failure": "stop"}]
)
def test_bad_arguments(how: dict[str, Any]) -> None:
    """What makes no sense is a CallError, before anything runs."""
    with pytest.raises(CallError):
        testing.run(race, **how)


def test_no_descriptor_is_left() -> None:
    """Runs that end well, fail or die keep nothing open."""

    def fail(world: World) -> None:
        raise ValueError

    before = len(list(Path("/proc/self/fd").iterdir()))
    testing.run(race, n=5)
    testing.run(count, n=2, dies_after={1: 3})
    with pytest.raises(NodeFailed):
        testing.run(fail, n=3)
    with pytest.raises(Deadlock):
        testing.run(lambda world: world.recv(other(world)), n=2)
    assert before == len(list(Path("/proc/self/fd").iterdir()))
