"""A finished run as one page that needs nothing else; strings in, one string out.

The page has no address in it: no script, style, font or picture from anywhere. Its
Content-Security-Policy forbids everything but its own style and script, by their hashes, so even
what slipped through the escapes of `markup` could do nothing. What nodes printed lies in it as JSON
and becomes elements when it is looked at, so a page of 64 nodes that printed a lot opens at once.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence

from .. import limits
from ..records import record
from .markup import data, printed, told
from .page_parts import (
    carried_bytes,
    heat_maps,
    how_measured,
    nodes_table,
    over_time,
    phases_table,
    plan_list,
)
from .plain import counted
from .report import cause_lines
from .results import RunResult
from .units import bytes_text, duration_text


@record
class Facts:
    """What a page says of a run beside its result.

    Attributes:
        began: the date and time of its beginning, for people.
        version: of distrcomp, and of Python.
        options: that were given, with their values.
        style, script: of the page.
    """

    began: str
    version: str
    options: tuple[tuple[str, str], ...]
    style: str
    script: str


Parts = Sequence[tuple[str, str]]
"""What a node printed, in parts: "out", "err" or "cut", and the text."""


def render_html(result: RunResult, outputs: Sequence[Parts], facts: Facts) -> str:
    """The page."""
    texts = ["".join(text for _, text in parts) for parts in outputs]
    sections = [
        *_failure(result, texts),
        _section("Nodes", nodes_table(result, outputs)),
        _section("Phases", phases_table(result)),
        _section("Over time", over_time(result)),
        _section("Who talked to whom", heat_maps(result)),
        _section("Output", "".join(_output(result, outputs, texts))),
        _section("Plan", plan_list(result, facts.options)),
        _section("", how_measured(result)),
    ]
    style, script = _hash(facts.style), _hash(facts.script)
    policy = (
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{told(result.program)}: {_verdict(result)}</title>\n"
        f"<style>{facts.style}</style>\n</head>\n<body>\n<main>\n"
        f"{_header(result, facts)}{''.join(sections)}\n</main>\n"
        f"<script>{facts.script}</script>\n</body>\n</html>\n"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _section(title: str, body: str, kind: str = "") -> str:
    if not body:
        return ""
    head = f"<h2>{told(title)}</h2>\n" if title else ""
    return f'\n<section class="{kind}">\n{head}{body}\n</section>\n'


def _verdict(result: RunResult) -> str:
    return "failed" if result.exit_code else "finished"


def _header(result: RunResult, facts: Facts) -> str:
    peers = list(dict.fromkeys(node.peer for node in result.nodes))
    carried = sum(carried_bytes(result).values())
    cpu = [record.cpu_s for record in result.records if record.cpu_s is not None]
    shown = [
        ("Nodes", f"{result.n_node:,}"),
        ("Peers", told(peers[0]) if len(peers) == 1 else f"{len(peers):,}"),
        ("Ran for", duration_text(result.seconds)),
        ("Exit code", str(result.exit_code)),
        ("Processor time", duration_text(sum(cpu)) if cpu else ""),
        ("Sent between nodes", bytes_text(carried) if result.records else ""),
    ]
    kind = "bad" if result.exit_code else "good"
    listed = "".join(f"<div><dt>{name}</dt><dd>{text}</dd></div>" for name, text in shown if text)
    return (
        f'<header>\n<div class="top"><h1 class="mono">{told(result.program)}</h1>'
        f'<span class="badge {kind}">{_verdict(result)}</span></div>\n'
        f'<p class="soft small">{told(facts.began)} · run <span class="mono">'
        f"{told(result.run_id[: limits.RUN_ID_SHOWN])}</span> · {told(facts.version)}</p>\n"
        f'<dl class="facts">{listed}</dl>\n</header>\n'
    )


def _failure(result: RunResult, texts: Sequence[str]) -> Iterator[str]:
    if result.cause is None:
        return
    headline, *lines = list(cause_lines(result, result.cause, texts))
    paragraphs = [lines[:1], lines[1:]] if result.cause.traceback else [lines]
    body = "".join(
        f"<pre>{told_lines(text)}</pre>\n"
        for text in ("\n".join(each).strip("\n") for each in paragraphs)
        if text
    )
    yield f'\n<section class="failure">\n<h2>{told(headline)}</h2>\n{body}</section>\n'


def told_lines(text: str) -> str:
    """Several lines, each made plain and escaped."""
    return "\n".join(told(line) for line in text.split("\n"))


def _output(result: RunResult, outputs: Sequence[Parts], texts: Sequence[str]) -> Iterator[str]:
    yield (
        '<div class="tools"><input id="search" type="search" placeholder="Search all output" '
        'aria-label="Search all output"><span id="found" class="soft small"></span>'
        '<button id="open" type="button">Unfold all</button>'
        '<button id="close" type="button">Fold all</button>'
        '<span class="small"><span class="out">stdout</span> · <span class="err">stderr</span>'
        "</span></div>\n"
        "<noscript><p>This part needs the page's own script; "
        "the output lies in the page as JSON.</p></noscript>\n"
    )
    culprit = None if result.cause is None else result.cause.node
    n_line = sum(text.count("\n") for text in texts)
    for node, parts, text in zip(result.nodes, outputs, texts, strict=True):
        is_open = node.node == culprit or (0 < n_line <= limits.PAGE_OPENED_LINES_MAX and text)
        shown = [(origin, printed(part)) for origin, part in parts]
        last_line = text.rstrip().rpartition("\n")[2]
        last = printed(last_line[-limits.PAGE_LAST_LINE_CHARACTERS_MAX :]) or "nothing"
        size = counted(text.count("\n") + (not text.endswith("\n") and bool(text)), "line")
        yield (
            f'<details class="node"{" open" if is_open else ""}><summary>'
            f'<span class="tag mono">node {node.node}</span>'
            f'<span class="soft small">{told(node.peer)}</span>'
            f'<span class="last mono">{told(last)}</span>'
            f'<span class="soft small">{size}</span></summary>\n<pre></pre>'
            f'<script type="application/json">{data(shown)}</script></details>\n'
        )
