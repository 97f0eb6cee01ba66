"""`python -m launcher` is `distrcomp`."""

from __future__ import annotations

from .cli import main

main()
