"""The page of a run: whole, self-contained, and safe whatever stands in it (S-31, S-32)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import pytest

from launcher.run.html import Facts, render_html
from launcher.run.results import Cause, CollectedFile, Exchange, NodeRecord, Phase, Sample
from tests.launcher.run.record_kit import CANARIES, result

STYLE = files("launcher.run").joinpath("page.css").read_text("utf-8")
SCRIPT = files("launcher.run").joinpath("page.js").read_text("utf-8")
FACTS = Facts("2026-01-02 03:04:05 UTC", "distrcomp 1", (("-n", "2"),), STYLE, SCRIPT)
RECORD = NodeRecord(
    cpu_s=1.0,
    peak_bytes=2**25,
    waited_s=0.5,
    samples=(Sample(0.0, 0.1, 2**24), Sample(1.0, 0.6, 2**25)),
    exchanges=(Exchange(1, 100, 2**20, 12),),
    n_call=12,
)


class Page(HTMLParser):
    """What a browser would find: the elements with their attributes, texts, scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.contents: list[tuple[str, dict[str, str | None], str]] = []
        self.text = ""
        self.is_inside = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.is_inside = True

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data!r}")

    def handle_data(self, data: str) -> None:
        tag, attributes = self.elements[-1] if self.elements else ("", {})
        if tag in ("script", "style") and self.is_inside:
            self.contents.append((tag, attributes, data))
        else:
            self.text += data

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  so it is called
        self.is_inside = False

    def data(self) -> list[list[list[str]]]:
        """What nodes printed."""
        return [
            json.loads(text)
            for tag, attributes, text in self.contents
            if tag == "script" and attributes.get("type") == "application/json"
        ]


def page(made: Any, *outputs: Any, facts: Facts = FACTS) -> Page:
    """The page, in which nothing but its own script can run and nothing is fetched."""
    text = render_html(made, outputs, facts)
    parsed = Page(text)
    scripts = [
        content
        for tag, attributes, content in parsed.contents
        if tag == "script" and not attributes
    ]
    assert [SCRIPT] == scripts
    assert [STYLE] == [content for tag, _, content in parsed.contents if tag == "style"]
    for tag, attributes in parsed.elements:
        assert tag not in ("img", "iframe", "object", "embed", "link", "base", "form", "a")
        forbidden = {"style", "src", "href", "srcset", "action", "data", "xlink:href"}
        assert not forbidden & set(attributes), tag
        assert not [name for name in attributes if name.startswith("on")]
    return parsed


def test_a_good_run() -> None:
    """Every section is there; output is data until it is looked at."""
    phases = (Phase("connect", 0.0, 0.1), Phase("run", 0.1, 2.0, (("h1", 1.5), ("h2", 2.0))))
    made = result({}, {"peer": "h2"}, phases=phases, records=(RECORD, NodeRecord()))
    parsed = page(made, [("out", "one\n"), ("err", "two\n")], [])
    for title in ("Nodes", "Phases", "Over time", "Who talked to whom", "Output", "Plan"):
        assert title in parsed.text
    assert [[["out", "one\n"], ["err", "two\n"]], []] == parsed.data()
    assert "h2 was last, 500 ms after the first" in parsed.text
    assert "Messages, 12 in all" in parsed.text
    assert "What went wrong" not in parsed.text


def test_a_failed_run_begins_with_why() -> None:
    """The cause before everything else, with its traceback and consequences; its node unfolded."""
    cause = Cause("node 1 on h1 failed: ValueError: x", "Traceback:\n  x\n", 1, "h1")
    made = result({"outcome": "stopped"}, {"outcome": "failed"}, exit_code=1, cause=cause)
    parsed = page(made, [("out", "a\n" * 100)], [("err", "boom\n")])
    assert parsed.text.index("ValueError: x") < parsed.text.index("Outcome")
    assert "node 0 was stopped because of it" in parsed.text
    assert [False, True] == [
        "open" in attributes
        for tag, attributes in parsed.elements
        if "node" == attributes.get("class") and tag == "details"
    ]


def test_nothing_recorded_is_nothing_claimed() -> None:
    """A run that never began has a page, too, without pictures."""
    cause = Cause("h1: refused", "", None, "h1")
    made = result({"outcome": "never started", "seconds": None}, exit_code=3, cause=cause)
    parsed = page(made, [])
    assert "Over time" not in parsed.text
    assert "Waited" not in parsed.text


@pytest.mark.parametrize("canary", CANARIES)
def test_canaries_are_text(canary: str) -> None:
    """S-31, S-32: in every name, sentence and output, markup and control characters are text."""
    cause = Cause(canary, canary, 0, canary)
    made = result(
        {"peer": canary, "outcome": "failed", "reason": canary, "stacks": canary},
        {"outcome": canary, "no_stacks": canary},
        program=canary,
        run_id=canary,
        exit_code=1,
        cause=cause,
        notes=(canary,),
        collected=(CollectedFile(0, canary, 6, "00"),),
        collected_in=canary,
        phases=(Phase(canary, 0.0, 1.0, ((canary, 0.5), ("h2", 0.7))),),
        records=(RECORD, RECORD),
    )
    facts = Facts(canary, canary, ((canary, canary),), STYLE, SCRIPT)
    parsed = page(made, [("out", canary + "\n"), ("err", canary)], [("cut", canary)], facts=facts)
    plain = page(result({}, {}), [], [])
    assert {tag for tag, _ in parsed.elements} - {tag for tag, _ in plain.elements} <= {
        "br",
        "pre",
        "svg",
        "rect",
        "path",
        "line",
        "text",
        "title",
        "h3",
        "h2",
    }
    assert not set("\x1b\0\u202e\u2066\x9b\x07") & set(parsed.text)


def test_the_policy_names_the_hashes() -> None:
    """Only this style and this script, by content; nothing may be fetched, framed or sent."""
    (policy,) = (
        attributes["content"] or ""
        for tag, attributes in page(result({}), []).elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    hashes = {
        name: f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for name, text in (("style-src", STYLE), ("script-src", SCRIPT))
    }
    nothing = dict.fromkeys(("default-src", "base-uri", "form-action"), "'none'")
    assert nothing | hashes == rules


def test_style_and_script_need_nothing() -> None:
    """No address in either, and no way to make markup of text."""
    assert not re.search(r"url\(|@import|https?:", STYLE)
    makers = r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\("
    assert not re.search(rf"https?:|fetch\(|XMLHttp|{makers}", SCRIPT)


def test_many_nodes() -> None:
    """A thousand nodes have a page that holds them all, with maps that can be read."""
    made = result(*({} for _ in range(1000)), records=(RECORD,) * 1000)
    parsed = page(made, *([] for _ in range(1000)))
    fields = [each for _, each in parsed.elements if each.get("class") == "bytes"]
    assert 0 < len(fields) <= 64 * 64
