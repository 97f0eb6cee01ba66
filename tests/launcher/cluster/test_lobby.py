"""Who must give way at a port that strangers crowd."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from launcher.cluster.lobby import Lobby


def test_crowd_from_one_source() -> None:
    """Beyond its cap a source's newest connection puts out its oldest, nobody else's."""
    lobby = Lobby(strangers_max=10, per_source_max=2)
    assert [None, None, None, 1, 2] == [
        lobby.enter(number, source) for number, source in enumerate("baaaa")
    ]


def test_crowd_in_all() -> None:
    """Beyond the cap in all, the largest crowd loses its oldest (S-15)."""
    lobby = Lobby(strangers_max=3, per_source_max=2)
    assert [None, None, None, 0] == [
        lobby.enter(number, source) for number, source in enumerate("aabc")
    ]


def test_leaving() -> None:
    """Whoever has left cannot be put out; leaving twice is no matter."""
    lobby = Lobby(strangers_max=1, per_source_max=1)
    lobby.enter(1, "a")
    lobby.leave(1)
    lobby.leave(1)
    assert lobby.enter(2, "a") is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())))
def test_lobby_is_bounded(arrivals: list[tuple[str, bool]]) -> None:
    """Whoever comes and goes, the caps hold and the newest is always let in."""
    lobby = Lobby(strangers_max=4, per_source_max=2)
    inside: dict[int, str] = {}
    for number, (source, leaves) in enumerate(arrivals):
        inside[number] = source
        put_out = lobby.enter(number, source)
        assert put_out != number
        if put_out is not None:
            del inside[put_out]
        if leaves:
            lobby.leave(number)
            del inside[number]
        assert len(inside) <= 4
        assert all(list(inside.values()).count(other) <= 2 for other in "abc")
