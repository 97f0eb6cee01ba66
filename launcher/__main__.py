"""`python -m launcher` is `distrcomp`."""

from __future__ import annotations

from .entry import main

main()
