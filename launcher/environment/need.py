"""What a run asks its environment to hold; no I/O."""

from __future__ import annotations

from pathlib import Path

from ..records import record

OURS = "distrcomp"
OWN_FOLDER = "distrcomp-own"
"""In an environment, the folder of what it takes from the agent's installation."""


@record
class Need:
    """What an environment is asked to hold.

    Attributes:
        programs: Python files whose inline metadata names packages.
        requirements: files of requirements.
        packages: single requirements.
        requires_python: what Python's version must fulfil; "" for any.
        folder: relative paths in it start here.
    """

    programs: tuple[Path, ...]
    requirements: tuple[Path, ...]
    packages: tuple[str, ...]
    requires_python: str
    folder: Path

    @property
    def is_empty(self) -> bool:
        """Whether no package is asked for."""
        return not self.programs and not self.requirements and not self.packages
