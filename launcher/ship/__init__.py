"""What a run ships: which files, how they are listed, and where an agent keeps their contents."""
