"""The attacks and faults that distrcomp is held against: a name and a line for each.

A test names the cases that it proves, in the first line of its docstring or by the marker `case`;
`tests/case_report.py` collects what became of them, `tests/case_table.py` writes that into the
documentation.
"""

from __future__ import annotations

from typing import NamedTuple

ATTACK, FAULT = "S", "F"
KINDS = {ATTACK: "attacks", FAULT: "faults"}

_HUB = "the hub and its web page, which there are not yet"


class Case(NamedTuple):
    """One attack or fault.

    Attributes:
        title: what is done to distrcomp.
        limit: the part of it that is not held or not tried, and why; empty where there is none.
        waits_for: what has to exist before the case means anything; empty where it does.
    """

    title: str
    limit: str = ""
    waits_for: str = ""


CASES = {
    "S-01": Case("Connect and say nothing, or one byte a second"),
    "S-02": Case("Random bytes, HTTP, an SSH banner, TLS for another protocol"),
    "S-03": Case("A pickle as first bytes and in each later state"),
    "S-04": Case("Plain bytes and an instant close before TLS (CVE-2023-40217)"),
    "S-05": Case("No certificate, a foreign one, a self-signed one, one out of date"),
    "S-06": Case(
        "An operation that the role in the certificate may not call",
        "there are operators and agents; submitters and the hub don't exist yet",
    ),
    "S-07": Case("A machine of the cluster that answers in another one's place"),
    "S-08": Case(
        "A machine that was removed from the cluster comes back",
        "a run that is on goes on; an operator's certificate ends with its cluster only",
    ),
    "S-09": Case("Downgrade: older TLS, or no TLS"),
    "S-10": Case("Bytes injected or altered on the way"),
    "S-11": Case(
        "Replay of a recorded session, or of one message of it",
        "nothing is queued yet, so nothing can be submitted twice",
    ),
    "S-12": Case("A message that may not come in this state"),
    "S-13": Case(
        "A join line used twice, too late, altered, guessed; a wrong authority",
        "a line is bound to no machine: whoever has it first joins, under any free name",
    ),
    "S-14": Case("Lengths of 0, -1, 2^32-1, 2^63-1 and one above the bound"),
    "S-15": Case(
        "Hundreds of connections that never finish their handshake",
        "handshakes cost the agent time: how many it can shed tells `benchmarks/strangers.py`",
    ),
    "S-16": Case("A message that announces a million items, or is nested 100,000 deep"),
    "S-17": Case("A compressed message that inflates without end"),
    "S-18": Case("A shipped program of too many files or bytes"),
    "S-19": Case(
        "A flood of output, of work, of results",
        "a run has no quota of processor, memory or disk",
    ),
    "S-20": Case("Shipped names that climb, are absolute, or fall together"),
    "S-21": Case("Shipped links, pipes, devices and sockets"),
    "S-22": Case("Shipped modes with setuid, foreign owners, times to come"),
    "S-23": Case("Names and arguments that a shell would obey"),
    "S-24": Case("An agent that returns files that were not asked for"),
    "S-25": Case("A program puts links in the place of its folder and files"),
    "S-26": Case("A stranger connects to a node"),
    "S-27": Case("A node passes itself off as another one, or connects twice"),
    "S-28": Case("A node of another run, or of an earlier one, connects"),
    "S-29": Case("A node speaks to agent and launcher as it may not"),
    "S-30": Case(
        "Ids of other people's runs are guessed",
        "there is one operator, so runs of others don't exist yet",
    ),
    "S-31": Case("Script in names and output, shown on a web page", waits_for=_HUB),
    "S-32": Case("Logs and files opened in a browser", waits_for=_HUB),
    "S-33": Case("Requests that another site makes the browser send", waits_for=_HUB),
    "S-34": Case("A foreign name that resolves to this machine", waits_for=_HUB),
    "S-35": Case("A token in a URL", waits_for=_HUB),
    "S-36": Case("Fields that make the hub fetch an address", waits_for=_HUB),
    "S-37": Case("Control characters in names, hosts and errors on a terminal"),
    "S-38": Case(
        "Line breaks and false times in what is logged",
        "a log is lines of text, one an event, not JSON",
    ),
    "S-39": Case(
        "Secrets in arguments, environments, descriptors and logs",
        "`--join LINE` shows a line to the machine's users until it is used; `--join -` doesn't",
    ),
    "S-40": Case("Descriptors of the agent in its nodes"),
    "S-41": Case("Credential files that others may read or write, links, pipes"),
    "S-42": Case("A folder or link that another user has put where ours would be"),
    "S-43": Case("Another user holds the agent's port"),
    "S-44": Case("Another user connects to a Unix socket of ours"),
    "S-45": Case(
        "A listener that is open to the network without having been asked for",
        "an agent with credentials listens on all interfaces unless `--listen` says otherwise",
    ),
    "S-46": Case(
        "Running without credentials",
        "there is no such mode; `--data-plane plain` proves both ends, and its runs say so",
    ),
    "S-47": Case(
        "A program reads the key of the agent that runs it",
        "the program can read it; what it then can be is its own machine, and nothing else",
    ),
    "F-01": Case("kill -9 of a node"),
    "F-02": Case("kill -9 of an agent"),
    "F-03": Case("kill -9 of the launcher"),
    "F-04": Case("kill -9 of the hub", waits_for=_HUB),
    "F-05": Case(
        "A node, agent or launcher is stopped, and goes on later",
        limit="a launcher on one machine may be stopped and go on: nobody else waits for it",
    ),
    "F-06": Case("Ctrl-C once and twice, SIGTERM, SIGHUP, a closed terminal"),
    "F-07": Case("A node crashes, or exits while others wait for it"),
    "F-08": Case("An exception in one node while another waits for it"),
    "F-09": Case("Ends without closing, calls after the end, fork, threads"),
    "F-10": Case("Packets vanish without a word", limit="the bound of 8 s can't be set"),
    "F-11": Case("A cut between some hosts, in one or both directions"),
    "F-12": Case("The cut heals after the verdict"),
    "F-13": Case("Connections reset, or cut after any number of bytes"),
    "F-14": Case(
        "Delay, loss, duplicates, another order",
        limit="duplicates and another order below TCP are not tried, for want of netem; where a "
        "fifth of all packets is lost both ways, TCP itself may need longer than a link may be "
        "silent",
    ),
    "F-15": Case("Bytes one by one, slow lines, a pause"),
    "F-16": Case("A port in use"),
    "F-17": Case("Refused, filtered, no route, no such name, the wrong host"),
    "F-18": Case(
        "IPv6 in all its forms",
        limit="link-local addresses with a zone are read and not tried",
    ),
    "F-19": Case(
        "256 nodes, all linked",
        limit="256 nodes are tried by `--full-matrix` only, on one machine",
    ),
    "F-20": Case("A full or read-only disk"),
    "F-21": Case("Descriptors run out"),
    "F-22": Case(
        "Memory runs out",
        limit="the kernel's own killer for want of memory is not provoked",
    ),
    "F-23": Case(
        "A fork bomb, daemons, grandchildren that hold the output",
        limit="a process with an empty environment in a session of its own is not found",
    ),
    "F-24": Case("A thousand short runs", limit="a hundred runs, not a thousand"),
    "F-25": Case("A slow receiver; two that send each other a gigabyte at once"),
    "F-26": Case("A flood of output, without line ends, binary"),
    "F-27": Case(
        "Messages of nothing, and above 2 and 4 GiB",
        limit="above 1 GiB only in the codec, with sparse memory",
    ),
    "F-28": Case("An object that can't be pickled"),
    "F-29": Case("An object that can't be rebuilt"),
    "F-30": Case(
        "Different versions of Python, numpy, distrcomp",
        limit="versions of libraries are not compared",
    ),
    "F-31": Case("Collectives in another order, of another size or root"),
    "F-32": Case(
        "Clocks that are wrong, or jump",
        limit="no test sets the date; that limits are monotonic is seen in the sources",
    ),
    "F-33": Case("Mistakes in the peers file"),
    "F-34": Case(
        "A certificate runs out during a run",
        limit="certificates are not renewed: after 30 days a run gets no new links",
    ),
    "F-35": Case("An agent starts anew; two launchers, two agents at once"),
    "F-36": Case("A cancel that races start, finish or a cut", waits_for=_HUB),
    "F-37": Case("A worker dies after its work, before the word of it", waits_for=_HUB),
    "F-38": Case("Work that kills its agent again and again", waits_for=_HUB),
    "F-39": Case("kill -9 in the midst of a commit", waits_for=_HUB),
    "F-40": Case("No home, no temporary folder, long and odd paths"),
    "F-41": Case("A folder that can't be removed"),
    "F-42": Case("A laptop sleeps, an address translation forgets"),
}
