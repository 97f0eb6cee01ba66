"""Environments of programs: what they ask for, the lock, and how one is built and kept."""
