"""Agents of one name."""

from __future__ import annotations

from launcher.run.namesakes import Agent, namesakes

H1 = Agent("h1:6969", "h1", 7)


def test_all_differ() -> None:
    """Agents of different names are what a run wants."""
    assert [] == namesakes([H1, Agent("h2:6969", "h2", 8)])


def test_two_agents_under_one_name() -> None:
    """Two that bear one name are told apart by their processes, and both are named (F-35)."""
    (sentence,) = namesakes([H1, Agent("h2:6969", "h2", 8), Agent("10.0.0.9:6969", "h1", 9)])
    assert sentence.startswith("h1:6969 and 10.0.0.9:6969: two agents call themselves h1")
    assert "distrcomp cluster remove h1" in sentence


def test_one_agent_by_two_lines() -> None:
    """One agent that is named twice is no two machines."""
    (sentence,) = namesakes([H1, Agent("10.0.0.1:6969", "h1", 7)])
    assert sentence.startswith("h1:6969 and 10.0.0.1:6969 are the same agent")
