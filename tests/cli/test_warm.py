"""A node that was forked from a warm server cannot be told from one that was started plainly."""

from __future__ import annotations

import json
import re
import shutil
from typing import Any

import pytest

from tests.command import Machine, Result
from tests.pages import Typed, sessions, without_times, write_programs

pytestmark = pytest.mark.processes

ABOUT_ITSELF = """
import atexit, faulthandler, gc, locale, os, resource, signal, sys, threading, time
before = set(sys.modules)
import json
def status(*names):
    with open("/proc/self/status") as file:
        return [line.split() for line in file if line.startswith(names)]
def words(name):
    with open(f"/proc/self/{name}", "rb") as file:
        return [word.decode() for word in file.read().split(b"\\0") if word]
def stream(file):
    raw = getattr(file.buffer, "raw", file.buffer)
    return [file.name, file.mode, file.encoding, file.errors, file.newlines, file.line_buffering,
            file.write_through, file.isatty(), file.seekable(), type(file.buffer).__name__,
            raw.name, raw.mode, raw.closefd, raw.fileno(), os.get_inheritable(raw.fileno())]
here = os.getcwd()
def known(text):
    return text.replace(here, "HERE")
def settings(pairs):
    own = ("DISTRCOMP_RUN_ID", "DISTRCOMP_CONTROL_FD", "DISTRCOMP_COLD", "_")
    return sorted(known(pair) for pair in pairs if pair.partition("=")[0] not in own)
def started(command):
    with os.popen(command) as output:
        return output.read()
def descriptors():
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{name}").partition(":[")[0])
        except OSError:
            pass
    return sorted(found)
about = {
    "argv": sys.argv, "orig_argv": sys.orig_argv, "path": list(map(known, sys.path)),
    "flags": str(sys.flags), "warnings": sys.warnoptions, "xoptions": sys._xoptions,
    "executable": sys.executable, "prefix": sys.prefix,
    "environ": settings(f"{name}={value}" for name, value in os.environ.items()),
    "of what it starts": settings(started("env").split("\\n")),
    "shown environ": settings(words("environ")), "shown words": words("cmdline"),
    "folder": os.path.basename(here)[:4], "umask": os.umask(0o22),
    "groups": [os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid()],
    "handlers": [str(signal.getsignal(number)) for number in signal.valid_signals()],
    "signals": status("SigQ", "SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd", "NoNewPrivs")[1:],
    "name": status("Name"), "threads": sorted(thread.name for thread in threading.enumerate()),
    "main thread": threading.main_thread().native_id == os.getpid(),
    "tasks": len(os.listdir("/proc/self/task")), "descriptors": descriptors(),
    "streams": [stream(file) for file in (sys.stdin, sys.stdout, sys.stderr)],
    "streams before": [sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__,
                       sys.stderr is sys.__stderr__],
    "limits": [resource.getrlimit(number) for number in range(16)], "nice": os.nice(0),
    "cores": sorted(os.sched_getaffinity(0)), "oom": open("/proc/self/oom_score_adj").read(),
    "faulthandler": faulthandler.is_enabled(), "recursion": sys.getrecursionlimit(),
    "garbage": [gc.isenabled(), gc.get_threshold(), gc.get_debug()],
    "switch": sys.getswitchinterval(), "locale": locale.setlocale(locale.LC_ALL),
    "encodings": [sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()],
    "zone": time.tzname, "main": sorted(globals()),
    "at exit": atexit._ncallbacks() - ("distrcomp.fork_orders" in sys.modules),  # the server's
    "main is": [__name__, known(__file__), sys.modules["__main__"].__dict__ is globals(),
                type(__builtins__).__name__, str(globals().get("__spec__"))],
    "finders": [str(finder).partition(" at ")[0] for finder in sys.meta_path],
    "trace": [sys.gettrace(), sys.getprofile()], "hooks": [sys.excepthook is sys.__excepthook__],
}
print(json.dumps({"about": about, "modules": sorted(before)}))
"""
# What only a forked node has loaded before its program begins.
MODULES_OF_THE_SERVER = {
    "distrcomp.node",
    "distrcomp.fork_server",
    "distrcomp.fork_orders",
    "distrcomp.fresh_start",
    "distrcomp.short_end",
}


def told(result: Result) -> Any:
    """What the program has said of itself."""
    assert 0 == result.code, result
    return json.loads(result.out)


def test_same_as_cold(machine: Machine) -> None:
    """Arguments, environment, descriptors, signals, streams, limits: all as in a plain start."""
    words = ("-n", "2", "--output", "raw", "--stdin", "none", "-q")
    once = "import distrcomp as dc\nif dc.node_id: raise SystemExit(dc.recv())\n"
    (machine.work_dir / "prog.py").write_text(f"{once}{ABOUT_ITSELF}\ndc.send(1, 0)\n")
    warm = told(machine.run("run", *words, "prog.py", "one", "-two"))
    cold = told(machine.run("run", "--cold", *words, "prog.py", "one", "-two"))
    for what, said in cold["about"].items():
        assert said == warm["about"][what], what
    assert set() == set(cold["modules"]) - set(warm["modules"])
    assert set(warm["modules"]) - set(cold["modules"]) <= MODULES_OF_THE_SERVER


AT_ITS_END = {
    "nothing special": "print('there')",
    "what Python's end does, in its order": """
import atexit, sys, threading, weakref
import other
class Last:
    def __del__(self):
        print("taken apart", other is None, flush=True)
def generate():
    try:
        yield
    finally:
        print("a generator's end", flush=True)
last, generator, circle = Last(), generate(), [Last()]
circle.append(circle)
del circle
next(generator)
atexit.register(lambda: print("at exit", "threading" in sys.modules))
weakref.finalize(last, print, "finalized")
threading.Thread(target=lambda: (threading.Event().wait(0.1), print("a thread"))).start()
sys.exit(3)
""",
    "files that nobody has closed": """
import builtins, logging, other, signal, sys, threading
names = iter("one two three four five six".split())
def opened():
    file = open(f"{sys.argv[1]}/{next(names)}", "w")
    file.write("written at the end")
    return file
mine, other.file, builtins.file, logging.file = opened(), opened(), opened(), opened()
signal.signal(signal.SIGUSR1, lambda *_, file=opened(): None)
threading.local().file = opened()
""",
    "a thread that goes on": """
import threading, time
threading.Thread(target=time.sleep, args=(99,), daemon=True).start()
print("there")
""",
    "what a library holds": """
import ctypes
ctypes.CDLL(None).printf(b"by the library\\n")
""",
    "no room for the last words": "import sys\nsys.stdout = open('/dev/full', 'w')\nprint('x')\n",
    "an error in a finalizer": """
class Last:
    def __del__(self):
        raise ValueError("of no use")
last = Last()
""",
    "modules of its own making": """
import sys, types
class Proxy(types.ModuleType):
    def __getattribute__(self, name):
        print("asked for", name, flush=True)
        return super().__getattribute__(name)
sys.modules["proxy"], sys.modules["none"], sys.modules["text"] = Proxy("proxy"), None, "text"
""",
    "another process": """
import os, sys
print("before", flush=True)
if (child := os.fork()) == 0:
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
sys.exit(5)
""",
}
# Where the sandbox is, where objects are, and a line of source for which Python no longer looks.
NOT_THE_SAME = r'0x[0-9a-f]+|"?/[^" ]*/|pid=\d+|\n    raise .*'
AT_THE_END_OF_ANOTHER = """
class End:
    def __del__(self):
        print("the other module's end", flush=True)
end = End()
"""


@pytest.mark.parametrize("what", AT_ITS_END)
def test_ends_as_cold(what: str, machine: Machine) -> None:
    """What is written, and to where, the exit code and the words about it are those of Python."""
    (machine.work_dir / "other.py").write_text(AT_THE_END_OF_ANOTHER)
    (machine.work_dir / "prog.py").write_text(AT_ITS_END[what])
    ends = []
    for words in (("--cold",), ()):
        folder = machine.work_dir / "written"
        folder.mkdir()
        result = machine.run("run", *words, "-n", "1", "--output", "raw", "prog.py", str(folder))
        said = [re.sub(NOT_THE_SAME, "", text) for text in (result.out, result.err)]
        files = {path.name: path.read_text() for path in folder.iterdir()}
        ends.append((result.code, said, files))
        shutil.rmtree(folder)
    assert ends[0] == ends[1]


@pytest.mark.parametrize("typed", sessions("docs/launching.md"), ids=lambda each: each.words[2])
def test_the_page(machine: Machine, typed: Typed) -> None:
    """What docs/launching.md shows is what is printed."""
    write_programs("docs/launching.md", machine.work_dir)
    result = machine.run(*typed.words)
    assert 0 == result.code, result
    assert without_times(typed.printed) == without_times(result.out)
