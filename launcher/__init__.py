"""What puts programs on machines: the command `distrcomp`, and a run as a Python call.

import launcher

result = launcher.run("ring.py", n=4)
print(result.exit_code, result.nodes[0].output)
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import run as _package

if TYPE_CHECKING:
    from .calling import Node as Node
    from .calling import Program as Program
    from .calling import Result as Result
    from .calling import run as run
    from .errors import RunFailed as RunFailed

_LATER = ("Node", "Program", "Result", "RunFailed")


class _Run(ModuleType):
    """The package `launcher.run`, which can be called: `launcher.run("prog.py", n=4)`."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from .calling import run

        return run(*arguments, **options)


_package.__class__ = _Run


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from . import calling

        return getattr(calling, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
