"""The agent: what serves a machine's share of runs, listening or inside the launcher."""
