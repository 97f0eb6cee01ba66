"""distrcomp.request_kinds: what a request of a receive gives to those who wait for it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.distrcomp.kit import TIMEOUT_S, nodes


def test_several_threads_wait_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gets the object, which is made once, though both were waiting when it came."""
    both = threading.Barrier(2, timeout=TIMEOUT_S)
    with nodes(2) as two, ThreadPoolExecutor(2) as threads:
        request: Any = two.worlds[1].irecv(0)
        wait_receive = request._engine.wait_receive

        def wait_for_both(*arguments: Any) -> Any:
            is_matched = wait_receive(*arguments)
            both.wait()
            return is_matched

        monkeypatch.setattr(request._engine, "wait_receive", wait_for_both)
        two.send(0, 1, ["the object"])
        waiting = [threads.submit(request.wait) for _ in range(2)]
        one, other = [each.result() for each in waiting]
    assert ["the object"] == one
    assert one is other
