"""Pictures of a run."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from launcher.run.charts import heat_map, loads, nice, phase_bar, split_bar, steps
from launcher.run.results import Phase, Sample

NUMBER = re.compile(r' (?:x|y|width|height|fill-opacity)="([^"]*)"')


def numbers(picture: str) -> list[float]:
    """Every place and size in a picture; an exception for what is none."""
    return [float(each) for each in NUMBER.findall(picture)]


def test_a_bar_is_never_longer_than_it_is() -> None:
    """Parts that are more than the whole end where it ends."""
    assert [0, 0, 1000, 10, 0, 0, 750, 10, 750, 0, 250, 10] == numbers(
        split_bar([("a", 3.0), ("b", 9.0)], 4.0, "x")
    )
    assert [0, 0, 1000, 10] == numbers(split_bar([("a", 1.0)], 0.0, "x"))


def test_a_phase_lies_where_it_was() -> None:
    """Its bar, and a mark for each moment at which a peer was done; a name that is no class is
    another one's."""
    picture = phase_bar(Phase("<x>", 1.0, 2.0, (("a", 1.0), ("b", 2.0))), 4.0)
    assert [0, 0, 1000, 10, 250, 0, 500, 10] == numbers(picture)
    assert ['x1="500.0"', 'x1="750.0"'] == re.findall(r'x1="[^"]*"', picture)
    assert 'class="p-other"' in picture


def test_load_is_what_was_used_between_two_looks() -> None:
    """Looks that are too close to say anything are put together; a clock that goes back says
    nothing."""
    samples = [Sample(0.0, 0.0, 1), Sample(1.0, 0.5, 1), Sample(1.01, 0.51, 1)]
    assert [(0.0, 2.0, 0.75)] == [
        (begin, end, round(load, 6)) for begin, end, load in loads(samples[:1], Sample(2.0, 1.5, 1))
    ]
    assert [(0.0, 1.01)] == [(begin, end) for begin, end, _ in loads(samples, None)]
    assert [] == loads([Sample(1.0, 0.0, 1), Sample(0.0, 1.0, 1)], None)


@given(st.lists(st.tuples(st.floats(-5, 9), st.floats(-5, 9), st.floats(0, 1e6)), max_size=20))
def test_steps_stay_in_their_picture(values: list[tuple[float, float, float]]) -> None:
    """Whatever is drawn lies between its edges."""
    picture = steps("cpu", values, 5.0, 2.0, "x")
    for x, y in re.findall(r"L([\d.-]+),([\d.-]+)", picture):
        assert 0 <= float(y) <= 40
        assert float(x) >= 0
    assert "nan" not in picture


def test_scales_are_nice() -> None:
    """The next number that people like, whole ones for many processors."""
    assert [0.1, 0.25, 1.0, 2.0, 16.0, 18.0] == [nice(n) for n in (0, 0.2, 0.6, 1.01, 16, 17.2)]


def test_heat_is_told_in_words() -> None:
    """A field for each pair that talked, darkest where most went, its amount on hovering."""
    picture = heat_map({(0, 1): 10, (1, 0): 1000, (2, 2): 0}, 3, "bytes", str)
    assert 2 == picture.count('class="bytes"')
    assert "<title>node 0 to node 1: 10</title>" in picture
    assert 1.0 == max(map(float, re.findall(r'fill-opacity="([^"]*)"', picture)))


def test_many_nodes_share_fields() -> None:
    """Of more nodes than fields, several are one; nothing is lost."""
    picture = heat_map({(0, 1): 1, (1, 0): 2, (199, 199): 4}, 200, "bytes", str)
    assert "<title>nodes 0 to 3 to nodes 0 to 3: 3</title>" in picture
    assert "<title>nodes 196 to 199 to nodes 196 to 199: 4</title>" in picture
