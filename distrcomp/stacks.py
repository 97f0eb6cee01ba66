"""Where each thread of this process is, written by a signal into a file that the agent has given.

The handler is faulthandler's: C code that needs neither the interpreter's lock nor a turn of its
evaluation loop, so it also works while the program is inside a C library or in a tight loop. It
reads the frames of threads that run on meanwhile, so what it writes may be off by a step.
"""

from __future__ import annotations

import faulthandler
import os
import signal

# Real-time signals have no meaning of their own. The last are taken by tools, the first by glibc.
_BELOW_THE_LAST = 3


class StackWriter:
    """Writes the stacks of all threads whenever the signal comes.

    Args:
        descriptor: of the file, which is from now on not inherited by what the program starts.

    Attributes:
        signal: its number; 0 where there is no such signal.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_inheritable(descriptor, False)
        last = getattr(signal, "SIGRTMAX", None)
        self.signal = 0 if last is None else int(last) - _BELOW_THE_LAST
        if self.signal:
            faulthandler.register(self.signal, file=descriptor, all_threads=True, chain=False)

    def write_crashes(self) -> None:
        """From now on a crash (SIGSEGV and its like) writes there, too."""
        faulthandler.enable(file=self._descriptor, all_threads=True)

    def disown(self) -> None:
        """In a forked child: what it does is nobody's business."""
        if self._descriptor < 0:
            return
        if self.signal:
            faulthandler.unregister(self.signal)
        faulthandler.disable()
        os.close(self._descriptor)
        self._descriptor = -1
