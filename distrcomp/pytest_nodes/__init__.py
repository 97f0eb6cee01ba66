"""The pytest plugin and what it does: `plugin` in every session, the rest when a test needs it."""
