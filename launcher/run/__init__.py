"""One run of a program: its plan, its course, its output and its report."""
