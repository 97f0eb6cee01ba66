"""The parts of a run's page; see `html`."""

from __future__ import annotations

from collections.abc import Sequence

from .. import limits
from .charts import heat_map, loads, nice, phase_bar, split_bar, steps
from .markup import told
from .plain import counted, node_list
from .report import collected_lines, describe_end
from .results import NodeRecord, NodeResult, RunResult, Sample
from .units import bytes_text, duration_text

# Pictures are lower for so many nodes, and lists of so many are scrolled.
_MANY_NODES, _LONG_NODES = 10, 24

_PHASES = {
    "connect": "every peer is reached and has welcomed us",
    "ship": "the program and its files arrive where they are missing",
    "environment": "what the program needs is installed",
    "start": "interpreters start and wait",
    "link": "one connection between each pair of machines is proven",
    "run": "the programs run",
    "stop": "nodes are told to end, and made to",
    "collect": "files come back",
    "close": "agents remove what is left",
}


def nodes_table(result: RunResult, outputs: Sequence[Sequence[tuple[str, str]]]) -> str:
    """How each node fared."""
    is_recorded = bool(result.records)
    span_s = max((node.seconds or 0.0 for node in result.nodes), default=0.0)
    head = '<th>Node<th>Peer<th>Outcome<th class="r">Ran'
    if is_recorded:
        head += '<th class="fill">Computed and waited<th class="r">Waited<th class="r">CPU'
        head += '<th class="r">Peak memory'
    rows = []
    for node, parts in zip(result.nodes, outputs, strict=True):
        record = result.records[node.node] if is_recorded else None
        rows.append(_node_row(node, record, span_s, sum(len(text) for _, text in parts)))
    key = ""
    if is_recorded:
        key = (
            '<p class="small soft"><span class="key of-computed">computed, or waited for something '
            'else</span><span class="key of-waited">waited for other nodes</span></p>'
        )
    return (
        f'<div class="wide{" long" if len(rows) > _LONG_NODES else ""}"><table><thead>'
        f'<tr>{head}<th class="r">Printed</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{key}"
    )


def _node_row(node: NodeResult, record: NodeRecord | None, span_s: float, n_printed: int) -> str:
    kind = node.outcome.split()[0] if node.outcome.split() else ""
    how = ""
    if node.outcome not in ("finished", "stopped"):  # how a stopped node went is our doing
        why = node.reason or describe_end(node.exit_code, node.signal)
        how = f'<div class="why soft small">{told(why[: limits.REASON_SHOWN_CHARACTERS_MAX])}</div>'
    cells = [
        f'<td class="name mono">{node.node}',
        f'<td class="name">{told(node.peer)}',
        f'<td><span class="state {told(kind)}">{told(node.outcome)}</span>{how}',
        f'<td class="r">{duration_text(node.seconds)}',
    ]
    if record is not None:
        cells += [
            f'<td class="fill">{_use(node, record, span_s)}',
            f'<td class="r">{duration_text(record.waited_s)}',
            f'<td class="r">{duration_text(record.cpu_s)}',
            f'<td class="r">{bytes_text(record.peak_bytes)}',
        ]
    return f'<tr>{"".join(cells)}<td class="r">{bytes_text(n_printed)}</tr>'


def _use(node: NodeResult, record: NodeRecord, span_s: float) -> str:
    ran = node.seconds or 0.0
    if record.waited_s is None:
        return '<span class="soft small">not told: the node ended at once</span>'
    waited = min(ran, record.waited_s)
    share = waited / ran if ran > 0 else 0.0
    title = f"node {node.node} waited for {duration_text(record.waited_s)}, {share:.0%} of its time"
    return split_bar([("computed", ran - waited), ("waited", waited)], span_s, title)


def phases_table(result: RunResult) -> str:
    """How long each phase took."""
    if not result.phases:
        return ""
    whole_s = max(phase.began_s + phase.seconds for phase in result.phases)
    rows = []
    for phase in result.phases:
        slowest = max(phase.peers, key=lambda each: each[1], default=None)
        note = ""
        if slowest is not None and len(phase.peers) > 1:
            first = min(seconds for _, seconds in phase.peers)
            late = duration_text(slowest[1] - first)
            note = f"{told(slowest[0])} was last, {late} after the first"
        rows.append(
            f'<tr><td class="name">{told(phase.name)}<td class="soft small">'
            f'{told(_PHASES.get(phase.name, ""))}<td class="fill">{phase_bar(phase, whole_s)}'
            f'<td class="r">{duration_text(phase.seconds)}<td class="soft small">{note}</tr>'
        )
    return (
        '<div class="wide"><table><thead><tr><th>Phase<th><th class="fill">'
        f'0 to {duration_text(whole_s)}<th class="r">Took<th></tr></thead><tbody>'
        f"{''.join(rows)}</tbody></table></div>"
    )


def over_time(result: RunResult) -> str:
    """What each node used while it ran."""
    drawn = [(node, record) for node, record in zip(result.nodes, result.records, strict=False)]
    if not any(record.samples for _, record in drawn):
        return ""
    used = [loads(record.samples, _end(node, record)) for node, record in drawn]
    top_cpu = nice(max((load for each in used for _, _, load in each), default=0.0))
    top_memory = max([1, *(each.memory_bytes for _, record in drawn for each in record.samples)])
    span = max(node.seconds or 0.0 for node, _ in drawn)
    marks = ("0", duration_text(span / 2), duration_text(span))
    scale = "".join(f"<span>{mark}</span>" for mark in marks)
    rows = [
        '<div></div><h3><span class="key of-cpu">Processors, '
        f'0 to {top_cpu:.3g}</span></h3><h3><span class="key of-memory">Memory, '
        f"0 to {bytes_text(top_memory)}</span></h3>"
    ]
    for (node, record), steps_used in zip(drawn, used, strict=True):
        most = f"at most {max((load for _, _, load in steps_used), default=0.0):.2f} processors"
        memory = _memory_steps(node, record)
        peak = max((value for _, _, value in memory), default=0.0)
        rows.append(
            f'<div class="tag mono">node {node.node}</div>'
            f"<div>{steps('cpu', steps_used, span, top_cpu, most)}</div>"
            f"<div>{steps('memory', memory, span, top_memory, f'at most {bytes_text(peak)}')}</div>"
        )
    rows.append(f'<div></div><div class="scale">{scale}</div>')
    rows.append(f'<div class="scale">{scale}</div>')
    kind = "over" + " many" * (len(drawn) > _MANY_NODES) + " long" * (len(drawn) > _LONG_NODES)
    return f'<div class="{kind}">{"".join(rows)}</div>'


def _end(node: NodeResult, record: NodeRecord) -> Sample | None:
    if record.cpu_s is None or node.seconds is None:
        return None
    return Sample(node.seconds, record.cpu_s, 0)


def _memory_steps(node: NodeResult, record: NodeRecord) -> list[tuple[float, float, float]]:
    ends = [each.at_s for each in record.samples[1:]] + [node.seconds or 0.0]
    return (
        [
            (sample.at_s, end, float(sample.memory_bytes))
            for sample, end in zip(record.samples, ends, strict=True)
            if end > max(0.0, sample.at_s)
        ]
        if record.samples
        else []
    )


def carried_bytes(result: RunResult) -> dict[tuple[int, int], int]:
    """What went from each node to each other one, as the one of them says that knows more."""
    carried: dict[tuple[int, int], int] = {}
    for source, record in enumerate(result.records):
        for each in record.exchanges:
            there, back = (source, each.node), (each.node, source)
            carried[there] = max(carried.get(there, 0), each.bytes_out)
            carried[back] = max(carried.get(back, 0), each.bytes_in)
    return carried


def heat_maps(result: RunResult) -> str:
    """Bytes, and messages where they were counted, from each node to each other one."""
    carried = carried_bytes(result)
    are_counted = any(record.n_call for record in result.records)
    counts = {
        (source, each.node): each.messages_out or 0
        for source, record in enumerate(result.records)
        for each in record.exchanges
    }
    if not any(carried.values()) and not any(counts.values()):
        return '<p class="soft">No bytes went between nodes.</p>' if result.records else ""
    total = sum(carried.values())
    maps = [
        f"<div><h3>Bytes, {bytes_text(total)} in all</h3>"
        f"{heat_map(carried, result.n_node, 'bytes', bytes_text)}</div>"
    ]
    if are_counted:
        n_message = sum(counts.values())
        drawn = heat_map(counts, result.n_node, "count", lambda n: counted(n, "message"))
        maps.append(f"<div><h3>Messages, {n_message:,} in all</h3>{drawn}</div>")
    busiest = sorted(carried.items(), key=lambda each: -each[1])[: limits.PAGE_PAIRS_SHOWN_MAX]
    rows = "".join(
        f'<tr><td class="mono name">{source} → {dest}<td class="r">{bytes_text(value)}'
        + (f'<td class="r">{counts.get((source, dest), 0):,}' if are_counted else "")
        + "</tr>"
        for (source, dest), value in busiest
        if value
    )
    third = '<th class="r">Messages' if are_counted else ""
    maps.append(
        "<div><h3>Busiest</h3><table><thead><tr><th>Nodes"
        f'<th class="r">Bytes{third}</tr></thead><tbody>{rows}</tbody></table></div>'
    )
    hint = "Rows send, columns receive; the colour is logarithmic."
    if not are_counted:
        hint += " Messages are counted only with --trace, for counting them costs each of them."
    return f'<div class="maps">{"".join(maps)}</div><p class="small soft">{hint}</p>'


def plan_list(result: RunResult, options: Sequence[tuple[str, str]]) -> str:
    """Where the nodes ran, what was asked for, and what is to be said besides."""
    placed: dict[str, list[int]] = {}
    for node in result.nodes:
        placed.setdefault(node.peer, []).append(node.node)
    entries = [(told(peer), told(node_list(nodes))) for peer, nodes in placed.items()]
    entries += [(f"<code>{told(name)}</code>", told(value)) for name, value in options]
    entries += [("File", told(line.strip())) for line in collected_lines(result)]
    entries += [("Note", told(note)) for note in result.notes]
    listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in entries)
    return f'<dl class="plan">{listed}</dl>'


def how_measured(result: RunResult) -> str:
    """What the numbers of the page are, and are not."""
    lines = [
        "Phases are told apart by the launcher's clock, each from its beginning to that of the "
        "next; marks show when each peer said that it was done."
    ]
    if result.records:
        lines += [
            "Waited: the time that a node's threads spent inside calls of distrcomp waiting for "
            "other nodes, timed by the node, from the first look that finds nothing on. The rest "
            "of its time is called computed, be it spent on a processor, on a disk or asleep.",
            "CPU and peak memory are the kernel's account of the node's process at its end. The "
            "pictures are looks at it from outside, about once a second; of long runs fewer "
            "looks are kept.",
            "Bytes are read off each link at its end: with headers, with what collectives send, "
            "and between machines with what TLS adds. Where two nodes disagree (one was killed) "
            "the higher number counts.",
        ]
    dropped = sum(record.n_call_dropped for record in result.records)
    if any(record.n_call for record in result.records):
        lines.append(
            "Messages are the program's own sends, recorded by the node (--trace), without those "
            "inside collectives."
            + (f" There was no room for the last {dropped:,} calls." if dropped else "")
        )
    items = "".join(f"<li>{told(line)}</li>" for line in lines)
    return (
        '<details class="how"><summary class="soft">How this was measured</summary>'
        f'<ul class="small">{items}</ul></details>'
    )
