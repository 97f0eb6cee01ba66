"""Which send belongs to which receive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from launcher.run.matching import Arrow, Call, match, meetings, unpack
from tests.launcher.run.record_kit import call, packed


def arrows(*calls: list[Call]) -> set[tuple[tuple[int, int], tuple[int, int]]]:
    """The messages found, as pairs of (node, index)."""
    return {(each.send, each.receive) for each in match(calls)}


def test_messages_of_one_kind_keep_their_order() -> None:
    """The first send belongs to the first receive, and so on."""
    sends = [call("send", at, 1, 5) for at in (10, 20, 30)]
    receives = [call("recv", at, 0, 5) for at in (15, 25, 35)]
    assert {((0, n), (1, n)) for n in range(3)} == arrows(sends, receives)


def test_tags_and_spaces_are_told_apart() -> None:
    """A receive of one tag passes over the others; any tag takes the oldest left."""
    sends = [call("send", 10, 1, 5), call("send", 20, 1, 6), call("send", 30, 1, 6, space=2)]
    receives = [call("recv", 40, 0, 6), call("recv", 50, 0), call("recv", 60, 0, space=2)]
    assert {((0, 1), (1, 0)), ((0, 0), (1, 1)), ((0, 2), (1, 2))} == arrows(sends, receives)


def test_requests_have_their_message_by_the_wait() -> None:
    """Posted first is served first, whoever is waited for first; an id may come again."""
    sends = [call("isend", 10, 1, 0), call("send", 20, 1, 0), call("ssend", 60, 1, 0)]
    receives = [
        call("irecv", 1, -1, -1, what=77),
        call("irecv", 2, -1, -1, what=78),
        call("wait", 30, 0, 0, what=78),
        call("test", 40, 0, 0, what=77),
        call("wait", 45, 0, 0, what=77),
        call("irecv", 50, 0, -1, what=77),
        call("wait", 70, 0, 0, what=77),
    ]
    expected = {((0, 0), (1, 3)), ((0, 1), (1, 2)), ((0, 2), (1, 6))}
    assert expected == arrows(sends, receives)


def test_both_at_once() -> None:
    """A sendrecv sends by its call and receives by its part."""
    one = [call("sendrecv", 10, 1, 3), call("sendrecv", 10, 1, -1, flags=2)]
    other = [call("sendrecv", 12, 0, 3), call("sendrecv", 12, 0, -1, flags=2)]
    assert {((0, 0), (1, 1)), ((1, 0), (0, 1))} == arrows(one, other)


def awaited(*calls: list[Call]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Who came last and who waited, as pairs of (node, index)."""
    return [(each.send, each.receive) for each in meetings(calls)]


def test_who_came_last_was_waited_for() -> None:
    """In collectives that nobody leaves before all have come; others keep their place, too."""
    one = [call("barrier", 10), call("send", 12, 1, 0), call("bcast", 20), call("allreduce", 30)]
    other = [call("bcast", 21), call("barrier", 15), call("allreduce", 25)]
    third = [
        call("barrier", 5),
        call("iallreduce", 6, space=4),
        call("bcast", 7),
        call("allreduce", 9),
    ]
    assert [
        *(((1, 1), (0, 0)), ((1, 1), (2, 0))),
        *(((0, 3), (1, 2)), ((0, 3), (2, 3))),
    ] == awaited(one, other, third)


def test_where_nodes_part_nothing_is_told() -> None:
    """From a failed collective on, or another one at some node, or one that was not recorded."""
    good, parted = call("barrier", 10), call("allreduce", 20)
    assert [((1, 0), (0, 0))] == awaited(
        [good, parted, call("barrier", 30)], [call("barrier", 12), good._replace(began=22)]
    )
    assert [] == awaited([good._replace(flags=1), parted], [good, parted])
    assert [] == awaited([good], [])
    assert [] == awaited([good])
    assert [] == awaited()


def test_what_failed_or_comes_too_late_has_no_arrow() -> None:
    """A call that raised has moved nothing; a receive is not the end of what was sent after it."""
    sends = [call("send", 10, 1, 0, flags=1), call("send", 100, 1, 0)]
    receives = [call("recv", 20, 0, 0), call("recv", 110, 0, 0, flags=1), call("mprobe", 120, 0, 0)]
    assert {((0, 1), (1, 2))} == arrows(sends, receives)


def test_clocks_may_disagree() -> None:
    """What is received a little before it was sent came from another machine."""
    sends, receives = [call("send", 100, 1, 0)], [call("recv", 50, 0, 0)]
    assert [] == match([sends, receives])
    assert 1 == len(match([sends, receives], slack=100))


def test_any_source_without_a_word_takes_the_oldest() -> None:
    """Only a sendrecv does not say whom it heard: the one that sent first is believed."""
    late, early = [call("send", 20, 2, 0)], [call("send", 10, 2, 0)]
    part = [call("sendrecv", 5, -1, -1, flags=2, ended=50)]
    assert {((1, 0), (2, 0))} == arrows(late, early, part)


@given(st.binary(max_size=400))
def test_any_bytes_are_calls_or_left_out(data: bytes) -> None:
    """S-29: whatever a node tells, what comes of it are calls that ended after they began."""
    whole = data[: len(data) // 48 * 48]
    found = unpack(whole)
    assert all(each.began <= each.ended and each.name for each in found)
    assert [Arrow] * len(match([found])) == [type(each) for each in match([found])]


def test_records_that_were_not_written_are_left_out() -> None:
    """A thread may have taken a place and not written it when the node ended."""
    good = call("send", 10, 1, 0)
    assert [good] == unpack(packed(good) + bytes(48))
