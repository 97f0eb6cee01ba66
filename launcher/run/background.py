"""A run in a thread of its own, begun and ended from another one.

Who calls may have an event loop in its thread, as a notebook has; the run needs one of its own. So
it gets a thread, and everything that is asked of it from outside goes to that thread's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

from ..errors import Interrupted
from .launch import Launch
from .programs import bundled
from .request import Display, Preparation, Request
from .results import RunResult


class BackgroundRun:
    """One run; nothing of it is begun before `start`.

    Args:
        request: what to run, and where.
        display: where it is shown. It is called in the run's thread.
        on_end: called in the run's thread when it is over.

    Attributes:
        launch: the launch, once there is one.
        preparation: what is known before anything is shipped, once it is.
    """

    def __init__(
        self, request: Request, display: Display, on_end: Callable[[], None] = lambda: None
    ) -> None:
        self._request = request
        self._display = display
        self._on_end = on_end
        self._ended = threading.Event()
        self._begun = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self.launch: Launch | None = None
        self._outcome: tuple[RunResult, list[str]] | None = None
        self._error: BaseException | None = None
        self.preparation: Preparation | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the run is over and cleaned up."""
        return self._ended.is_set()

    def start(self) -> None:
        """Begins it, and returns at once."""
        threading.Thread(target=self._work, name="distrcomp run", daemon=True).start()
        self._begun.wait()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits until it is over; whether it is."""
        return self._ended.wait(timeout_s)

    def wait_out(self) -> None:
        """Waits until it is over; Ctrl-C ends it, and is raised when all is cleaned up."""
        is_interrupted = False
        while not self.has_ended:
            try:
                self.wait()
            except KeyboardInterrupt:
                is_interrupted = True
                self.interrupt()
        if is_interrupted:
            raise KeyboardInterrupt

    def interrupt(self) -> None:
        """Ends it as Ctrl-C does; another time at once."""
        self._call(self._interrupt)

    def interrupt_programs(self) -> None:
        """SIGINT for all nodes, and no end of the run."""
        self._call(self._interrupt_programs)

    def has_finished(self, node: int) -> bool:
        """Whether a node has ended, and well."""
        if self.launch is None or self.launch.controller is None:
            return False
        return self.launch.controller.machine.ledger.nodes[node].state == "finished"

    def outcome(self) -> tuple[RunResult, list[str]]:
        """How it went and what each node printed, once it is over.

        Raises:
            LauncherError: it could not begin, or was interrupted before it did.
        """
        if self._error is not None:
            raise self._error
        if self._outcome is None:
            raise RuntimeError("the run goes on")
        return self._outcome

    def _call(self, act: Callable[[], None]) -> None:
        if self._loop is not None and not self.has_ended:
            with contextlib.suppress(RuntimeError):  # it has ended just now
                self._loop.call_soon_threadsafe(act)

    def _interrupt(self) -> None:
        if self.launch is not None and self.launch.controller is not None:
            self.launch.controller.interrupt()
        elif self._task is not None:
            self._task.cancel()

    def _interrupt_programs(self) -> None:
        if self.launch is not None and self.launch.controller is not None:
            self.launch.controller.interrupt_programs()

    def _work(self) -> None:
        try:
            asyncio.run(self._run())
        except asyncio.CancelledError:
            self._error = Interrupted("interrupted before the program started")
        except BaseException as error:  # noqa: BLE001  it is raised where the outcome is asked for
            self._error = error
        finally:
            self._begun.set()
            self._ended.set()
            self._on_end()

    async def _run(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._begun.set()
        request, bundle = bundled(self._request)
        async with Launch(request) as launch:
            self.launch = launch
            self.preparation = await launch.prepare(bundle)
            self._outcome = await launch.run(self.preparation, self._display)
