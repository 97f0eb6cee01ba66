"""Figures as a picture."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from launcher.bench.figures import Figures, PairFigures
from launcher.bench.plot import render_svg
from tests.launcher.bench.kit import KIB, across, figures, inside, row

SVG = "{http://www.w3.org/2000/svg}"


def drawn(told: Figures) -> ElementTree.Element:
    """The picture, parsed."""
    return ElementTree.fromstring(render_svg(told))


def texts(picture: ElementTree.Element) -> list[str]:
    """All that is written in it."""
    return [element.text or "" for element in picture.iter(f"{SVG}text")]


def paths(picture: ElementTree.Element, kind: str) -> list[list[tuple[float, float]]]:
    """The points of each line of this kind, without those of the legend."""
    found = [
        element.get("d", "")
        for element in picture.iter(f"{SVG}path")
        if kind in element.get("class", "").split()
    ]
    points = [re.findall(r"([\d.]+) ([\d.]+)", path) for path in found if "h" not in path]
    return [[(float(x), float(y)) for x, y in path] for path in points]


def test_two_panels_with_messages_and_ceiling() -> None:
    """Time and bandwidth, each with its line and its ceiling, for each pair."""
    assert [2, 2] == [
        len(paths(drawn(figures(inside())), kind)) for kind in ("messages", "ceiling")
    ]
    picture = drawn(figures(inside(), across()))
    assert [4, 4] == [len(paths(picture, kind)) for kind in ("messages", "ceiling")]
    said = texts(picture)
    assert {"Half round trip", "Bandwidth", "size of the array"} <= set(said)
    assert "Inside h1 (nodes 0 and 1)" in said
    assert "From h1 to h2 (nodes 0 and 2), data plane tls" in said
    assert "ceiling: bare TCP connection" in said


def test_axes_have_units() -> None:
    """Powers of ten on the upright axes, sizes below."""
    said = texts(drawn(figures(inside())))
    assert {"1 µs", "100 µs", "1 ms", "100 MB/s", "1 GB/s", "64 B", "1 KiB"} <= set(said)


def test_sizes_go_to_the_right_and_bandwidth_up() -> None:
    """Both axes are logarithmic: equal ratios are equal distances. 0 B has no place there."""
    rows = tuple(row("arrays", size, size / 1e9, None) for size in (0, KIB, 16 * KIB, 256 * KIB))
    time, bandwidth = paths(drawn(figures(inside(rows))), "messages")
    assert [3, 3] == [len(time), len(bandwidth)]
    assert pytest.approx(time[1][0] - time[0][0], abs=0.2) == time[2][0] - time[1][0] > 0
    assert pytest.approx(time[0][1] - time[1][1], abs=0.2) == time[1][1] - time[2][1] > 0
    assert 1 == len({y for _, y in bandwidth})


def test_everything_lies_inside() -> None:
    """No point leaves the picture, whatever the figures."""
    rows = tuple(
        row("arrays", size, seconds, seconds) for size in (64, 2**30) for seconds in (1e-9, 90)
    )
    picture = drawn(figures(inside(rows)))
    _, _, width, height = map(float, picture.get("viewBox", "").split())
    for line in (*paths(picture, "messages"), *paths(picture, "ceiling")):
        assert all(0 < x < width and 0 < y < height for x, y in line)


@pytest.mark.parametrize(
    "pair",
    [
        inside((row("arrays", 64, 1e-6, None),), missing="no memfd"),
        inside((row("objects", 5, 1e-6, None, "int"),), missing="no memfd"),
        inside((), missing="no memfd"),
    ],
)
def test_few_figures_make_a_picture_too(pair: PairFigures) -> None:
    """One size, or none, and no ceiling: no line of it, and no word of it in the legend."""
    picture = drawn(figures(pair))
    assert [] == paths(picture, "ceiling")
    assert not any("ceiling" in said for said in texts(picture))


def test_many_pairs_have_a_legend_each() -> None:
    """The picture grows with them."""
    few, many = drawn(figures(inside())), drawn(figures(*[across()] * 6))
    assert int(many.get("height", "")) > int(few.get("height", ""))
    assert 6 == sum(said.startswith("From h1 to h2") for said in texts(many))


def test_names_are_escaped() -> None:
    """A peer's name is text, not markup, and has no control characters."""
    pair = PairFigures((0, 1), ("<h&1>\x1b", "h2"), 2, "TCP", "", (), (row(),))
    assert r"From <h&1>\x1b to h2 (nodes 0 and 1), data plane tls" in texts(drawn(figures(pair)))


def test_it_can_be_read_on_light_and_dark() -> None:
    """It has a ground of its own, and colours for both."""
    text = render_svg(figures(inside()))
    assert '<rect class="ground"' in text
    assert "prefers-color-scheme: dark" in text
