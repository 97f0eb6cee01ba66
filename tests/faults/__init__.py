"""Faults: processes killed or stopped in every phase of a run, connections slowed, held and cut."""
