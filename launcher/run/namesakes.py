"""Agents that go by one name, and lines of the peers file that lead to one agent; no I/O."""

from __future__ import annotations

from collections.abc import Sequence

from ..records import record


@record
class Agent:
    """An agent that has said welcome.

    Attributes:
        address: by which it was reached.
        name: in its certificate.
        process: a number that its process drew.
    """

    address: str
    name: str
    process: int


def namesakes(agents: Sequence[Agent]) -> list[str]:
    """A sentence for each two of them that can't both take part in a run.

    Example:
        >>> namesakes([Agent("h1:6969", "h1", 7), Agent("10.0.0.1:6969", "h1", 7)])
        ['h1:6969 and 10.0.0.1:6969 are the same agent: take one of them out of the peers file']
    """
    sentences = []
    for index, one in enumerate(agents):
        for other in agents[:index]:
            if one.name != other.name:
                continue
            both = f"{other.address} and {one.address}"
            if one.process == other.process:
                sentences.append(
                    f"{both} are the same agent: take one of them out of the peers file"
                )
            else:
                sentences.append(f"{both}: {two_of_a_name(one.name)}")
    return sentences


def two_of_a_name(name: str) -> str:
    """What is said where two agents bear one name."""
    return (
        f"two agents call themselves {name}, with the same credentials or with copies of them: "
        f"stop one, have its machine join by `distrcomp cluster invite` under a name of its own, "
        f"and if it is not yours, `distrcomp cluster remove {name}`"
    )
