"""The soak's judge lets no wrong verdict pass, and no lost message."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.soak.judge import Case, Killed, faults, nodes_named, seconds_to_verdict, verdict_of
from tests.soak.plan import PATIENT, STUCK, TRAFFIC, Plan
from tests.soak.tally import Tally

DEADLOCK = "Deadlock: nodes 0 and 1 wait for each other, and no message is on its way."
NODE_KILLED = "node 1 on h2 was killed by SIGKILL (9)"
AGENT_GONE = "the agent on h2 is gone: it closed the connection"
STRAYS = (
    "2 messages were sent and never received (--debug says where they were sent):\n"
    "  node 1: 2 from node 0 with tag 77 (50 bytes in all)"
)


def line(begun: Mapping[int, int], received: Mapping[int, int], **more: Any) -> str:
    """What a node says of itself."""
    return "SOAK " + json.dumps(
        {"done": True, "begun": begun, "received": received, "nbytes": 9, **more}
    )


WELL = (line({1: 3}, {1: 1}), line({0: 1}, {0: 3}))


def case(
    kind: str = TRAFFIC,
    headline: str | None = None,
    code: int = 0,
    outputs: Sequence[str] = WELL,
    notes: Sequence[str] = (),
    killed: Sequence[Killed] = (),
    **more: Any,
) -> Case:
    """A run of two nodes, by default one that went well."""
    report = {
        "cause": None if headline is None else {"headline": headline},
        "nodes": [
            {"node": node, "outcome": "finished", "output": f"noise\n{output}\n"}
            for node, output in enumerate(outputs)
        ],
        "notes": list(notes),
    }
    known = {
        "report": report,
        "expected": {(0, 1): 3, (1, 0): 1},
        "n_stray": 0,
        "stuck": (0, 1) if kind == STUCK else (),
        **more,
    }
    return Case(Plan(0, kind, "-", 1, 2, "tls", ()), code, killed=killed, **known)


RIGHT = {
    "well": case(),
    "strays are named": case(n_stray=2, notes=[STRAYS]),
    "node killed": case(headline=NODE_KILLED, code=137, killed=[Killed("node", "1")]),
    "killed too late": case(killed=[Killed("node", "1")]),
    "agent killed": case(headline=AGENT_GONE, code=1, killed=[Killed("agent", "h2")]),
    "agent killed early": case(report=None, code=3, killed=[Killed("agent", "h2")]),
    "launcher killed": case(report=None, code=-9, killed=[Killed("launcher", "operator")]),
    "two killed": case(
        headline=NODE_KILLED, code=137, killed=[Killed("node", "0"), Killed("node", "1")]
    ),
    "deadlock": case(STUCK, headline=DEADLOCK, code=1),
}
WRONG = {
    "a message lost": (
        case(outputs=(line({1: 3}, {1: 1}), line({0: 1}, {0: 2}))),
        "received by node 1: 2 messages of 3, with node 0",
    ),
    "a message from nowhere": (
        case(outputs=(line({1: 2}, {1: 1}), line({0: 1}, {0: 3}))),
        "node 1 received 3 messages from 0, which sent fewer",
    ),
    "a changed byte": (
        case(outputs=(WELL[0], line({}, {}, by="Wrong")), headline="x", code=1),
        "node 1 ended by Wrong",
    ),
    "a node without an end": (case(outputs=(WELL[0], "")), "node 1 finished in a run that is well"),
    "strays untold": (case(n_stray=2), "2 messages were never received, and the report says: []"),
    "strays made up": (case(notes=[STRAYS]), "0 messages were never received"),
    "requests made up": (case(notes=["1 request was never waited for"]), "0 messages were never"),
    "exit code": (case(code=1), "exit code 1 without a cause"),
    "failed by itself": (case(headline="boom", code=1), "killed: []; the run says (code 1): boom"),
    "wrong culprit": (
        case(headline=NODE_KILLED, code=137, killed=[Killed("node", "0")]),
        "killed: [('node', '0')]",
    ),
    "wrong code": (
        case(headline=NODE_KILLED, code=1, killed=[Killed("node", "1")]),
        "the run says (code 1)",
    ),
    "no report": (case(report=None, code=1), "there is no report"),
    "false verdict": (case(PATIENT, headline=DEADLOCK, code=1), "false verdict"),
    "false verdict of traffic": (case(headline=DEADLOCK, code=1), "false verdict"),
    "missed": (case(STUCK, headline="the time limit ...", code=124), "missed deadlock of nodes"),
    "well though stuck": (case(STUCK), "missed deadlock of nodes [0, 1]: finished"),
    "others named": (
        case(STUCK, headline=DEADLOCK, code=1, stuck=(0, 1, 2)),
        "nodes [0, 1, 2] are stuck, and the verdict is",
    ),
    "too many named": (
        case(STUCK, headline=DEADLOCK.replace("0 and 1", "0 to 2"), code=1),
        "nodes [0, 1] are stuck, and the verdict is",
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right(name: str) -> None:
    """A run that tells the truth has no faults."""
    assert [] == faults(RIGHT[name])


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong(name: str) -> None:
    """Each kind of fault is found; the canary of the soak."""
    wrong, why = WRONG[name]
    assert any(why in fault for fault in faults(wrong)), faults(wrong)


def test_verdicts_in_a_word() -> None:
    """For the counts at the end."""
    words = {name: verdict_of(right) for name, right in RIGHT.items()}
    assert {
        "well": "finished",
        "strays are named": "finished",
        "node killed": "failed",
        "killed too late": "finished",
        "agent killed": "failed",
        "agent killed early": "not begun",
        "launcher killed": "cut off",
        "two killed": "failed",
        "deadlock": "deadlock",
    } == words
    assert "no word" == verdict_of(case(report=None, code=1))


def test_nodes_of_a_verdict() -> None:
    """As the headline names them."""
    tail = "for each other, and no message is on its way."
    assert [0, 1] == nodes_named(DEADLOCK)
    assert [0, 1, 2, 5] == nodes_named(f"Deadlock: nodes 0 to 2 and 5 wait {tail}")
    assert [1, 3, 4, 5, 9] == nodes_named(f"Deadlock: nodes 1, 3 to 5 and 9 wait {tail}")
    assert [3] == nodes_named("Deadlock: node 3 waits for itself, and no message is on its way.")
    assert [] == nodes_named("boom")


def test_time_to_the_verdict() -> None:
    """From the last wait's begin to the first node that hears of it."""
    told = [line({}, {}, waits=at, ended=at + 5, by="Deadlock") for at in (100.0, 102.0)]
    stuck = case(STUCK, headline=DEADLOCK, code=1, outputs=told)
    assert 3.0 == seconds_to_verdict(stuck)
    assert seconds_to_verdict(case()) is None


def test_counts() -> None:
    """Runs by kind and verdict, who was killed, messages, and how many faults there were."""
    tally = Tally()
    for right in RIGHT.values():
        assert [] == tally.add(right, [])
    assert 2 == len(tally.add(WRONG["exit code"][0], ["left after 20 s: processes [17]"]))
    told = tally.report()
    assert told.startswith(f"{len(RIGHT) + 1} runs\n")
    assert "  traffic  finished        4\n" in told
    assert "killed: 2 x agent, 1 x launcher, 4 x node\n" in told
    assert "strays: 2 sent on purpose" in told
    assert told.endswith("faults: 2")
