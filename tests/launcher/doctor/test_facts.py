"""What the nodes of the examination print, read."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from launcher.doctor.facts import Told
from tests.launcher.doctor.kit import FACTS, FIGURES, way


def line(**told: object) -> bytes:
    """A line as a node prints it."""
    return json.dumps({"node": 1, **told}).encode()


def test_lines() -> None:
    """Facts, ways and figures are told each by its node."""
    told = Told()
    told.take(
        [
            line(facts=asdict(FACTS)),
            line(way=asdict(way(0))),
            line(way=asdict(way(0, "no"))),
            line(done=True),
            line(pair={"nodes": [1, 2], "why": "", **asdict(FIGURES)}),
            line(pair={"nodes": [1, 3], "why": "broken off"}),
        ]
    )
    assert {1: FACTS} == told.facts
    assert {(1, 0): [way(0), way(0, "no")]} == told.ways
    assert {(1, 2): FIGURES, (1, 3): "broken off"} == told.pairs
    assert {1} == told.done


def test_who_is_done() -> None:
    """A node is done when its line says so, once; words in other output don't count."""
    told = Told()
    told.take([line(facts=asdict(FACTS)), b'it printed "done": true', b'"done": true'])
    assert set() == told.done
    for _ in range(2):
        told.take([line(done=True)])
        assert {1} == told.done


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"hello",
        b"[]",
        b"3",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        line(facts={}),
        line(facts={**asdict(FACTS), "cores": "many"}),
        line(facts={**asdict(FACTS), "more": 1}),
        line(facts={**asdict(FACTS), "libraries": ["numpy"]}),
        line(facts={**asdict(FACTS), "libraries": {"numpy": 2}}),
        line(facts={**asdict(FACTS), "load": float("nan")}),
        line(way=[3]),
        line(way=7),
        line(pair={"nodes": [1], "why": ""}),
        line(pair={"nodes": [1, 2], "why": "", "latency_s": 1}),
    ],
)
def test_other_lines(bad: bytes) -> None:
    """Whatever else stands in a node's output, as a library's greeting, takes nothing away."""
    told = Told()
    told.take([bad, line(facts=asdict(FACTS))])
    assert {1: FACTS} == told.facts
    assert {} == told.pairs
