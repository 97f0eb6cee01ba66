"""A node's part of a test that is marked with `nodes`: pytest, for this one test.

Started by `distrcomp run -c`, with the path of an order that `on_nodes` wrote. Each report goes to
a file at once, so that what a killed node had to say is not lost.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Sequence
from typing import Any

import pytest

from .. import node_id
from ..errors import NodeLost
from .plugin import IN_NODE
from .verdict import INTERRUPTED, LOST

# Compiled code names its files as they were called where it was compiled.
_PACKAGE = (os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep, "distrcomp/")
_OUTER_PLUGINS = ("lfplugin", "nfplugin", "stepwiseplugin")  # they keep books of whole sessions


class _InNode:
    """The plugin of a node's session.

    Args:
        path: the file that gets the reports, one a line.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Leaves the books of the session to the user's own."""
        manager = session.config.pluginmanager
        for name in _OUTER_PLUGINS:
            if manager.has_plugin(name):
                manager.unregister(name=name)

    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Leaves `xfail` to the user's session, which judges all nodes together."""
        for item in items:
            for each in item.listchain():
                each.own_markers[:] = [mark for mark in each.own_markers if mark.name != "xfail"]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Notes when the failure was another node's end."""
        report = yield
        if report.failed and call.excinfo and isinstance(call.excinfo.value, NodeLost):
            setattr(report, LOST, f"{_place(call.excinfo)}: {call.excinfo.value}")
        return report

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Says where the time limit, or Ctrl-C, has met this node."""
        notes = getattr(excinfo.value, "__notes__", ())
        self._write({INTERRUPTED: ", ".join([_place(excinfo), *notes])})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hands the report over."""
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._write(data)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Takes the configuration, with which reports are packed."""
        self._config = config

    def _write(self, data: dict[str, Any] | None) -> None:
        with open(self._path, "a") as file:
            file.write(json.dumps(data) + "\n")


def _place(error: pytest.ExceptionInfo[BaseException]) -> str:
    """Where in the test, or in what it calls, an exception of ours came out."""
    outside = [
        each for each in error.traceback if not each.frame.code.raw.co_filename.startswith(_PACKAGE)
    ]
    return f"at {os.path.relpath(outside[-1].path)}:{outside[-1].lineno + 1}" if outside else ""


def main() -> None:
    """Runs the test that the order in sys.argv names; exits as pytest does."""
    with open(sys.argv[1]) as file:
        order: dict[str, Any] = json.load(file)
    os.chdir(order["folder"])
    sys.path[:] = order["path"]
    folder = os.path.dirname(sys.argv[1])
    options = order["options"] | {"basetemp": os.path.join(folder, f"node-{node_id}")}
    config = pytest.Config.fromdictargs(options, [order["test"]])
    config.pluginmanager.register(_InNode(os.path.join(folder, f"{node_id}.jsonl")), IN_NODE)
    sys.exit(int(config.hook.pytest_cmdline_main(config=config)))
