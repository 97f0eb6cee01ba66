"""From any bytes one documented exception: every parser of what strangers can send, under fire.

`pytest` replays the corpora and mutates them by the plain mutator of `mutations`; CONTRIBUTING.md
has the long command, which is guided by coverage where Atheris is installed.
"""
