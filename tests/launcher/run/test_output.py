"""Lines, what is kept of them, and their tags."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.run.output import LineSplitter, NodeOutput, Tagger

lined_bytes = st.binary(max_size=80) | st.lists(
    st.sampled_from([b"\n", b"a", b"bc", b"\r", b"\xff\x00", "ü".encode()]), max_size=60
).map(b"".join)


def split(chunks: list[bytes], line_bytes_max: int = 8) -> list[bytes]:
    """All pieces of a stream that arrives in `chunks`."""
    splitter = LineSplitter(line_bytes_max)
    pieces = [piece for chunk in chunks for piece in splitter.feed(chunk)]
    last = splitter.finish()
    return [*pieces, last] if last else pieces


@given(data=lined_bytes, cuts=st.lists(st.integers(0, 80)))
def test_pieces_do_not_depend_on_how_the_bytes_arrive(data: bytes, cuts: list[int]) -> None:
    """Whole, in any chunks and byte by byte, a stream has the same pieces."""
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    whole = split([data])
    assert whole == split([data[a:b] for a, b in itertools.pairwise(edges)])
    assert whole == split([data[i : i + 1] for i in range(len(data))])


@given(data=lined_bytes, line_bytes_max=st.integers(1, 20))
def test_pieces_are_the_stream_and_bounded(data: bytes, line_bytes_max: int) -> None:
    """No byte is lost, no piece exceeds the bound, and a line feed only ends a piece."""
    pieces = split([data], line_bytes_max)
    assert data == b"".join(pieces)
    assert all(0 < len(piece) <= line_bytes_max for piece in pieces)
    assert all(b"\n" not in piece[:-1] for piece in pieces)
    unended = [piece for piece in pieces[:-1] if not piece.endswith(b"\n")]
    assert all(len(piece) == line_bytes_max for piece in unended)


def test_a_long_line_comes_in_pieces_without_line_feed() -> None:
    """F-26: a line without end is handed on in parts of the bound's size."""
    assert [b"12345678", b"9\n", b"x\n"] == split([b"123456789\nx\n"])
    assert [b"1234567\n", b"12345678", b"\n"] == split([b"1234567\n12345678\n"])


def test_the_partial_last_line_is_given_once() -> None:
    """`finish` gives what has no line feed, and then nothing more."""
    splitter = LineSplitter()
    assert [] == splitter.feed(b"no end")
    assert b"no end" == splitter.finish()
    assert b"" == splitter.finish()


def test_output_merges_streams_in_order_of_arrival() -> None:
    """Lines of stdout and stderr stand as they came."""
    output = NodeOutput()
    output.add(b"one\n")
    output.add(b"oh\n", stderr=True)
    output.add(b"two\n")
    assert "one\noh\ntwo\n" == output.text()


def test_an_open_line_is_ended_before_the_other_stream() -> None:
    """A partial line of one stream never runs into a line of the other."""
    output = NodeOutput()
    output.add(b"prompt> ")
    output.add(b"")
    output.add(b"oh\n", stderr=True)
    output.add(b"half, ")
    output.add(b"whole\n")
    assert "prompt> \noh\nhalf, whole\n" == output.text()


def test_output_takes_any_bytes() -> None:
    """F-26: what is not UTF-8 is shown escaped; characters split between pieces are whole."""
    output = NodeOutput()
    output.add(b"\xff\x00")
    output.add("ü".encode()[:1])
    output.add("ü".encode()[1:] + b"\n")
    assert "\\xff\x00ü\n" == output.text()


def test_too_much_output_keeps_head_and_tail() -> None:
    """F-26: the beginning and the end stay as whole lines, and the cut is marked with its size."""
    output = NodeOutput(head_bytes=10, tail_bytes=10)
    for i in range(5000):
        output.add(b"%04d\n" % i)
    assert (
        "0000\n0001\n[... 24,980 bytes cut; --output-dir DIR keeps all ...]\n4998\n4999\n"
        == output.text()
    )


def test_the_mark_gives_no_advice_where_there_is_none() -> None:
    """Then it says how much was cut, and no more."""
    output = NodeOutput(head_bytes=4, tail_bytes=4, advice="")
    output.add(b"abcdefghijkl")
    assert "[... 8 bytes cut ...]\nijkl" == output.text()


def test_a_flood_without_line_feed_is_cut_too() -> None:
    """F-26: a line larger than all bounds keeps its last bytes, and the mark has its own line."""
    output = NodeOutput(head_bytes=4, tail_bytes=4)
    for piece in (b"abcd", b"efgh", b"ijkl", b"mnop"):
        output.add(piece)
    assert "abcd\n[... 8 bytes cut; --output-dir DIR keeps all ...]\nmnop" == output.text()
    output.add(b"q" * 100 + b"\n")
    assert "abcd\n[... 109 bytes cut; --output-dir DIR keeps all ...]\nqqq\n" == output.text()


@given(
    pieces=st.lists(st.tuples(st.binary(min_size=1, max_size=12), st.just(False)), max_size=40),
    head_bytes=st.integers(0, 30),
    tail_bytes=st.integers(1, 30),
)
def test_kept_and_cut_bytes_are_all_bytes(
    pieces: list[tuple[bytes, bool]], head_bytes: int, tail_bytes: int
) -> None:
    """Nothing is cut that has room; what is shown begins and ends as the stream does."""
    output = NodeOutput(head_bytes, tail_bytes)
    for piece, stderr in pieces:
        output.add(piece.hex().encode() + b"\n", stderr=stderr)
        output.last_lines(1)
    stream = b"".join(piece.hex().encode() + b"\n" for piece, _ in pieces).decode()
    text = output.text()
    if "bytes cut;" not in text:
        assert stream == text
        return
    head, _, rest = text.partition("[... ")
    size, _, tail = rest.partition(" bytes cut; --output-dir DIR keeps all ...]\n")
    assert stream.startswith(head)
    assert stream.endswith(tail)
    assert len(stream) == len(head) + int(size.replace(",", "")) + len(tail)
    assert len(head) <= head_bytes
    assert len(tail) <= tail_bytes


def test_memory_stays_bounded_under_a_flood() -> None:
    """F-26: megabytes through a small keeper leave no more than its bounds."""
    output = NodeOutput(head_bytes=1000, tail_bytes=1000)
    for _ in range(1000):
        output.add(b"x" * 1023 + b"\n")
    assert len(output.text()) < 2100


@pytest.mark.parametrize(
    ("n", "expected"), [(0, []), (1, ["c"]), (2, ["", "c"]), (9, ["a", "b", "", "c"])]
)
def test_last_lines_come_without_their_ends(n: int, expected: list[str]) -> None:
    """As many lines as are asked for and kept, empty ones too, with or without a last line feed."""
    for end in (b"", b"\n"):
        output = NodeOutput(head_bytes=4, tail_bytes=100)
        for piece in (b"a\n", b"b\n", b"\n", b"c" + end):
            output.add(piece)
        assert expected == output.last_lines(n)


def test_nothing_printed_has_no_last_line() -> None:
    """An empty output gives no line and an empty text."""
    assert ([], "") == (NodeOutput().last_lines(3), NodeOutput().text())


def test_tags_are_as_wide_as_the_largest() -> None:
    """Every line carries its node, aligned."""
    tagger = Tagger(11)
    assert b"[2]  a\n" == tagger.tag(2, b"a\n")
    assert b"[10] b\n" == tagger.tag(10, b"b\n")
    assert b"[0] c\n" == Tagger(10).tag(0, b"c\n")


def test_pieces_of_one_line_are_joined_again() -> None:
    """A line that came in pieces has one tag."""
    tagger = Tagger(2)
    assert [b"[1] ab", b"cd", b"\n", b"[1] e\n"] == [
        tagger.tag(1, piece) for piece in (b"ab", b"cd", b"\n", b"e\n")
    ]


def test_another_node_in_an_open_line_starts_its_own() -> None:
    """Lines of two nodes are never mixed, not even when one has no end."""
    tagger = Tagger(2)
    text = tagger.tag(0, b"half") + tagger.tag(1, b"") + tagger.tag(1, b"whole\n")
    text += tagger.tag(0, b"rest")
    assert b"[0] half\n[1] whole\n[0] rest" == text
    assert [b"\n", b""] == [tagger.finish(), tagger.finish()]


@given(st.lists(lined_bytes, max_size=6))
def test_raw_output_of_one_node_is_its_bytes(chunks: list[bytes]) -> None:
    """Without tags, what one node prints passes unchanged."""
    tagger = Tagger(1, tagged=False)
    assert b"".join(chunks) == b"".join(tagger.tag(0, piece) for piece in split(chunks))


@given(st.lists(st.tuples(st.integers(0, 2), lined_bytes), max_size=12))
def test_raw_lines_are_never_mixed(prints: list[tuple[int, bytes]]) -> None:
    """Every line written, tagged or not, has the bytes of one node."""
    tagger = Tagger(3)
    text = b""
    for node, data in prints:
        letters = data.translate(bytes([b"abc"[node]]) * 10 + b"\n" + bytes([b"abc"[node]]) * 245)
        text += b"".join(tagger.tag(node, piece) for piece in split([letters]))
    for line in text.splitlines():
        tag, _, body = line.partition(b" ")
        assert set(body) <= {b"abc"[int(tag[1:-1])]}
