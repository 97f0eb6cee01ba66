"""The user's side of a test that is marked with `nodes`: starts its nodes and judges the test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from .verdict import INTERRUPTED, NodeEnd, Outcome, judge

_CODE = "from distrcomp.pytest_nodes.in_node import main; main()"
# Beyond the time limit of the run: for its start, and for ending it.
_START_AND_END_S = 60.0
_STOP_S = 10.0
# They choose among tests, stop between tests, keep books of sessions, or spread them.
_OF_THE_SESSION = frozenset(
    """
    basetemp cacheclear cacheshow collectonly debug deselect dist distload durations failedfirst
    file_or_dir help ignore ignore_glob inifilename junitprefix keyword last_failed_no_failures lf
    log_file looponfail markers markexpr maxfail maxprocesses maxworkerrestart newfirst
    numprocesses pastebin px pyargs rootdir rsyncdir rsyncignore runxfail setuponly setupplan
    showfixtures show_fixtures_per_test stepwise stepwise_reset stepwise_skip testrunuid trace tx
    usepdb version xmlpath
    """.split()  # noqa: SIM905
)


def run_on_nodes(item: pytest.Function, n: int, timeout: float) -> None:
    """Runs one test on `n` nodes; raises what its outcome is if that is not "passed"."""
    temporary: Any = item.funcargs["tmp_path_factory"]
    folder: Path = temporary.mktemp("nodes")
    (folder / "order.json").write_text(json.dumps(_order(item)))
    said = _run(folder, n, timeout, is_live=item.config.option.capture == "no")
    ends = _ends(item.config, folder, n)
    for end in ends:
        for name, content in end.reports[-1].sections if end.reports else ():
            key, _, when = name.removeprefix("Captured ").rpartition(" ")
            item.add_report_section(when, f"{key} of node {end.node}", content)
    outcome, text = judge(ends, said)
    if outcome is Outcome.SKIPPED:
        _skip(text)
    if outcome is Outcome.FAILED:
        pytest.fail(text, pytrace=False)


def _skip(reason: str) -> NoReturn:
    skipped = pytest.skip.Exception(reason)
    skipped._use_item_location = True  # else the summary names this line here
    raise skipped


def _order(item: pytest.Function) -> dict[str, Any]:
    """What the nodes need to know of this session."""
    config = item.config
    options: dict[str, Any] = {"rootdir": str(config.rootpath)}
    if config.inipath is not None:
        options["inifilename"] = str(config.inipath)
    for name, value in vars(config.option).items():
        is_ours = name in _OF_THE_SESSION or name.startswith("cov")  # pytest-cov keeps books, too
        if not is_ours and _is_plain(value):
            options[name] = value
    # Every node has imported distrcomp before pytest could rewrite its assertions.
    ignored = "ignore::pytest.PytestAssertRewriteWarning"
    options["pythonwarnings"] = [*(options.get("pythonwarnings") or []), ignored]
    return {
        "folder": str(config.invocation_params.dir),
        "path": [each or os.getcwd() for each in sys.path],
        "options": options,
        "test": "::".join([str(item.path), *item.nodeid.split("::", 1)[1:]]),
    }


def _is_plain(value: Any) -> bool:
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False


def _run(folder: Path, n: int, timeout: float, *, is_live: bool) -> str:
    """Starts the nodes and waits for their end; what the launcher says when it cannot."""
    output = "live" if is_live else "none"
    command = [
        *(sys.executable, "-P", "-m", "launcher", "run", "-q", "-n", str(n), "--stdin", "none"),
        *("--timeout", str(timeout), "--output", output, "--report", str(folder / "run.json")),
        *("-c", _CODE, str(folder / "order.json")),
    ]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not _is_of_the_tool(name)},
        stdin=subprocess.DEVNULL,
        stdout=None if is_live else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _, said = process.communicate(timeout=timeout + _START_AND_END_S)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    return said.decode(errors="replace")


def _is_of_the_tool(name: str) -> bool:
    """Whether a variable would change what `distrcomp run` does."""
    return name == "DISTRCOMP_PEERS" or name.startswith("DISTRCOMP_RUN_")


def _ends(config: pytest.Config, folder: Path, n: int) -> list[NodeEnd]:
    """How each node ended, by its reports and by what the launcher saw."""
    run: dict[str, Any] = {}
    if (folder / "run.json").exists():
        run = json.loads((folder / "run.json").read_text())
    nodes = run.get("nodes") or [{}] * n
    return [_end(config, folder / f"{node}.jsonl", node, nodes[node]) for node in range(n)]


def _end(config: pytest.Config, path: Path, node: int, seen: dict[str, Any]) -> NodeEnd:
    text = path.read_text() if path.exists() else ""
    said = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    reports = [
        config.hook.pytest_report_from_serializable(config=config, data=data)
        for data in said
        if INTERRUPTED not in data
    ]
    interrupted = [str(data[INTERRUPTED]) for data in said if INTERRUPTED in data]
    return NodeEnd(node, reports, "".join(interrupted), seen)
