"""Every bound of the launcher and the agent, each with its reason."""

from __future__ import annotations

KIB, MIB, GIB = 2**10, 2**20, 2**30

# --- launcher.control, and whoever calls ---
# A stranger has this long, in all, to become a known peer (S-01).
HANDSHAKE_TIMEOUT_S = 5.0
# Connections not yet authenticated that an agent keeps, in all and from one source; the oldest one
# gives way (S-15). They are below half of the usual 1,024 descriptors, and one source may be a
# machine of which each node dials at once.
STRANGERS_MAX = 512
STRANGERS_PER_SOURCE_MAX = 256
# Those of them that are at a TLS handshake, for which Python and OpenSSL keep 350 KiB each.
HANDSHAKES_MAX = 128
HANDSHAKES_PER_SOURCE_MAX = 32
# Control frames: before the other end is known (DESIGN.md), and after. A manifest of the largest
# allowed bundle takes about 12 MiB.
STRANGER_FRAME_BYTES_MAX = 64 * KIB
FRAME_BYTES_MAX = 16 * MIB
# How long the launcher tries to reach one peer.
CONNECT_TIMEOUT_S = 10.0
# An idle control channel says so this often; one silent for the second figure is dead, so that a
# silent machine has ended its run within 10 s of its last word (DESIGN.md).
HEARTBEAT_INTERVAL_S = 2.0
SILENCE_TIMEOUT_S = 8.0
SECOND_LOOK_S = 0.1
# A launcher that stood still for so long has been taken for dead, its last word being one interval
# old; connections that end so soon afterwards have ended because of that.
STOOD_STILL_S = SILENCE_TIMEOUT_S - HEARTBEAT_INTERVAL_S
STOOD_STILL_TOLD_S = 5.0
PULSE_INTERVAL_S = 1.0
# Bytes a channel may hold for a slow reader before `send` waits.
CHANNEL_BUFFER_BYTES = 1 * MIB
# How long `close` waits until the other end has taken what was sent before.
CHANNEL_CLOSE_TIMEOUT_S = 1.0
# Messages one end of an in-memory channel may be ahead of the other.
CHANNEL_MESSAGES_MAX = 64

# --- launcher.run: plan, output, report, table ---
# Nodes of one run. THREATS.md F-19 asks for 256; a slip of the finger (-n 100000) must not start.
NODES_MAX = 4096
# A longer line is handed on in pieces of this size, so a node that never ends its line (F-26) holds
# no more than this in any splitter. As large as a pipe: what was written at once stays whole.
LINE_BYTES_MAX = 64 * KIB
# What the report keeps of one node: its beginning and its end. More is not read by people, and
# `--output-dir` keeps all; 64 nodes hold at most 96 MiB (the end may double between two trims).
OUTPUT_HEAD_BYTES = 512 * KIB
OUTPUT_TAIL_BYTES = 512 * KIB
# Names listed in one sentence before "and 12 more".
NAMES_SHOWN_MAX = 10
# The live table: rows before nodes fold into counts, redraws a second, characters of a last line.
TABLE_ROWS_MAX = 20
TABLE_REFRESHES_PER_S = 8
TABLE_LINE_CHARS_MAX = 400
# A node that has printed nothing for so long while it waits shows what it waits for instead.
TABLE_SILENCE_S = 5.0

# --- launcher.ship, and the ways of what is shipped ---
# A bundle (S-18): files, bytes of their names together, bytes of their contents together. A file
# costs at most 64 bytes of manifest beside its name, so the largest manifest stays below
# FRAME_BYTES_MAX; the contents fit the disk of a small machine.
BUNDLE_FILES_MAX = 50_000
BUNDLE_PATH_BYTES_MAX = 8 * MIB
BUNDLE_BYTES_MAX = 4 * GIB
# One path and one part of it, in UTF-8: what Linux takes, PATH_MAX counting the closing NUL (S-20).
PATH_BYTES_MAX = 4095
PATH_PART_BYTES_MAX = 255
# Files are hashed, sent and copied in pieces of this size, well below FRAME_BYTES_MAX.
SHIP_CHUNK_BYTES = 256 * KIB
# A larger source file is shipped without being searched for imports: the parser needs some 100
# bytes of memory per byte of source.
SCANNED_SOURCE_BYTES_MAX = 4 * MIB
# Files looked at for "did you mean ...?".
SUGGESTION_FILES_MAX = 1000
# Contents an agent keeps after a run, so that the next one need not send them: one largest bundle.
STORE_BYTES_MAX = 4 * GIB
# The beginning of a content that was cut off is kept from this size on: below it, sending it again
# costs no more than going on. Of a run so many are gone on with, for each is an open file.
RESUMED_BYTES_MIN = 256 * KIB
RESUMED_MAX = 16
# How often one agent may say what it lacks of a run, or of its environment: at first, then of what
# came or lay damaged.
MISSING_MAX = 4
# Peers pass files on where more than so many lack them, and each lacks so much: below that a
# connection more costs what it saves. A peer that has all gives to so many at once.
DIRECT_MAX = 4
PASSED_BYTES_MIN = 4 * MIB
PASSED_AT_ONCE_MAX = 2
# Other peers that an agent serves at once in one run, whoever sends them.
GIVEN_AT_ONCE_MAX = 16
# Contents for which a peer asks another one before the first of them has come.
WANTED_AHEAD = 32
# A peer that gives nothing for so long is given up; the launcher sends the rest.
FETCH_STALL_TIMEOUT_S = 30.0
# How often an agent tells how much it has fetched.
FETCH_TOLD_BYTES = 4 * MIB
# Characters of a file's name that a message shows.
PATH_SHOWN_CHARACTERS_MAX = 80
# Tries for an unpredictable name that nobody else holds; a second one is already rare.
NAME_TRIES_MAX = 16
# Folders of a sandbox nested deeper than this are not searched for files that the program wrote.
SANDBOX_DEPTH_MAX = 128

# --- launcher.cluster ---
# Connections that wait to be accepted; the kernel cuts it to its own bound.
LISTEN_BACKLOG = 512
# When descriptors run out, accepting pauses this long instead of spinning (F-21).
ACCEPT_PAUSE_S = 0.2
# A peers file longer than this is a mistaken path; DESIGN.md is made for some dozens of machines.
PEERS_FILE_BYTES_MAX = 1 * MIB
PEERS_MAX = 10_000
# Slots of one peer: above any machine's cores, below what a slip of the hand writes.
SLOTS_MAX = 4096
# A file of secrets: the list of members is the largest, about 500 bytes each.
PRIVATE_FILE_BYTES_MAX = 8 * MIB
# An invite waits this long at most: a join line is a secret that lies in a terminal's history.
JOIN_TTL_S_MAX = 7 * 24 * 3600.0
# Wrong tokens: a person pastes wrongly a few times; a guesser gets one try in two seconds. The
# token has 128 bits; when this many wrong ones came in all, somebody is at work: the invite ends.
JOIN_TRIES_PER_SOURCE_MAX = 5
JOIN_TRY_INTERVAL_S = 2.0
JOIN_TRIES_MAX = 10_000
# Sources whose tries are remembered, and connections an invite keeps, in all and from one source;
# the oldest one gives way, so whoever joins (50 ms) gets in while strangers hold theirs open.
JOIN_SOURCES_MAX = 1024
JOIN_STRANGERS_MAX = 128
JOIN_STRANGERS_PER_SOURCE_MAX = 32
# A line has about 150 characters; more is no line, and is not decoded.
JOIN_LINE_CHARACTERS_MAX = 1000
# Agents that are heard of on one network, by whoever announces them: each is asked for its
# addresses and dialled.
ANNOUNCEMENTS_MAX = 256
# How long an agent that was heard of has to tell its addresses.
ANNOUNCEMENT_DETAILS_S = 1.0
# How often an agent looks whether its addresses are still those that it announces.
ANNOUNCED_LOOK_S = 10.0
# How long the end of a TLS connection may take that is closed in order.
TLS_SHUTDOWN_TIMEOUT_S = 1.0
# Addresses one machine may put into its certificate: more than any machine's interfaces.
JOIN_ADDRESSES_MAX = 64
# A sentence from the other end of a join, shown to a person.
JOIN_REASON_CHARACTERS_MAX = 500

# --- launcher.agent ---
# Addresses of its own that an agent tells a launcher: containers and virtual machines may have made
# many; nodes try ADDRESSES_TRIED_MAX of them.
INTERFACES_TOLD_MAX = 16
# Ends of nodes are told to the others at once, or as many together as there are in this time.
ENDS_GATHERED_S = 0.02
# What one read of a node's output or notices takes: as much as a pipe holds.
OUTPUT_PART_BYTES = 64 * KIB
# Names of files that a program left in its sandbox, told at the end of the run.
LOST_FILES_MAX = 20
# The longest notice of a node: an error and a traceback of distrcomp.limits.TOLD_CHARS_MAX each, in
# UTF-8.
NOTICE_FROM_NODE_BYTES_MAX = MIB
# Notices that wait for a node that doesn't read them: 4,096 ends of others with long reasons take
# 8 MiB. Beyond this it is killed.
NOTICES_WAITING_BYTES_MAX = 32 * MIB
# Connections that wait for one node to take them; more are refused. Each is a descriptor of the
# agent's, and who has learnt a run's id can make them (S-26).
LINKS_WAITING_MAX = 256
# When a node has ended, what it started has this long to end by itself before it is killed:
# Python's resource tracker removes shared memory then.
GROUP_GRACE_S = 0.3
# At the end of a run its nodes are dead; how long their last output may take to be handed on.
CLOSE_TIMEOUT_S = 5.0
# How long a fork server may take to answer: a millisecond, and while it starts as long as an
# interpreter needs on a busy machine. One that is stopped is given up then.
FORK_ANSWER_TIMEOUT_S = 20.0
# An answer of a fork server: a name and three numbers, some 50 bytes.
FORK_ANSWER_BYTES_MAX = KIB
# Arguments and environment of a node that is forked: where the kernel would refuse them to a
# program (128 KiB in one word), a program shall be started, and refused.
FORKED_WORDS_BYTES_MAX = 100 * KIB
# Nodes that are being forked at the same time: enough that the server has always one to fork, and
# few descriptors on their way to it.
FORKS_AT_ONCE_MAX = 16
# Descriptors that an agent holds for each node while it starts them (a control socket, two pipes, a
# doorbell, the file of its stacks), and some more: the segment, those of starting a process, and
# who calls meanwhile.
NODE_START_DESCRIPTORS = 5
SPARE_DESCRIPTORS = 32
# The stacks of one node: Python writes 100 frames of 100 threads at most, and a person reads less.
STACKS_BYTES_MAX = 64 * KIB
# ... of all nodes of a peer together, well below FRAME_BYTES_MAX.
STACKS_OF_PEER_BYTES_MAX = 8 * MIB
# How long a node may take to write them: some milliseconds, and longer where cores are busy. It is
# looked at so often, and taken for done when nothing came for the last of these times.
STACKS_WAIT_S = 1.0
STACKS_LOOK_S = 0.01
STACKS_SETTLED_S = 0.05
# How long a node may take to say how much it has received and sent: its control thread is quick
# unless the program holds the interpreter's lock.
TRAFFIC_WAIT_S = 0.3
# Nodes of which one answer tells how they fare, and characters of a run's program.
NODES_TOLD_MAX = 50_000
PROGRAM_CHARACTERS_MAX = 200
# Commands of the same user that look at one process at the same time.
VIEWERS_MAX = 16
# ... and how long one of them may say nothing; it asks others meanwhile, who may take 3 s.
VIEWER_SILENCE_S = 10.0
# Looks at what a node uses, where that is recorded: the first are close together.
SAMPLE_PAUSE_S_MIN, SAMPLE_PAUSE_S_MAX = 0.1, 1.0
# A killed process that used this share of what it could have is believed to have lacked memory; the
# smaller one where the kernel has killed somebody for that meanwhile.
MEMORY_SHARE_NEAR_LIMIT = 0.9
MEMORY_SHARE_SUSPICIOUS = 0.1
# A run's id is random, 128 bits.
RUN_ID_BYTES = 16
# ... of which people are shown so many hexadecimal digits.
RUN_ID_SHOWN = 8
# Sources whose refusals are counted.
REFUSED_SOURCES_MAX = 10_000
# Lines about refusals in an agent's log: so many at once, and then one in so long. An hour of
# strangers makes 720 of them.
REFUSAL_LINES_MAX = 100
REFUSAL_LINE_INTERVAL_S = 5.0
# A service unit that stands where ours shall: ours has 1 KiB.
SERVICE_UNIT_BYTES_MAX = 64 * KIB
# A new release of an agent has to listen within this time, and then to be said to have answered;
# loading it takes a second, on a machine that is busy ten.
RELEASE_START_TIMEOUT_S = 30.0
RELEASE_ANSWER_TIMEOUT_S = 30.0
# What an agent may take to end the trial and become its new release, as its operator sees it.
RELEASE_TAKE_TIMEOUT_S = 60.0
# What a release may hold: ten times what the first one did.
RELEASE_FILES_MAX = 5_000
RELEASE_BYTES_MAX = 32 * MIB
# Tries to remove a release that has not answered, and the time between two: what it has started may
# just be writing bytecode there.
RELEASE_DROPS_MAX = 20
RELEASE_DROP_INTERVAL_S = 0.1
# What is read of the words in which a release has ended: its last line is told.
RELEASE_WORDS_BYTES_MAX = 8 * KIB

# --- launcher.environment ---
# Environments that a machine keeps: a handful of the largest, which take 6 GiB each.
ENVIRONMENTS_BYTES_MAX = 20 * GIB
# Wheels that a launcher keeps for agents without a package index: one largest environment.
WHEELS_BYTES_MAX = 4 * GIB
# Modules whose versions are compared between peers, and characters of a version.
COMPARED_MODULES_MAX = 200
VERSION_CHARACTERS_MAX = 40
# How often one who waits for another's building looks whether it is done.
ENVIRONMENT_LOOK_S = 0.1
# A lock is taken again for so long: PyPI, too, tells uv to ask again no sooner.
LOCK_REMEMBERED_S = 600.0
# A server that a wheel comes from may be silent so long.
WHEEL_TIMEOUT_S = 30.0
# ... so one of which nothing has come for so long is fetched by nobody any more.
WHEEL_ABANDONED_S = 10 * WHEEL_TIMEOUT_S
# Of what uv says: the lines kept of a failure, and what a person is shown of it.
UV_LINES_MAX = 200
UV_WORDS_CHARACTERS_MAX = 4000

# --- launcher.run: a run and its conversations ---
# Addresses of one peer that are tried side by side: more than the interfaces of a machine that
# others can reach.
ADDRESSES_TRIED_MAX = 8
# How long a run listens for a peer that is not where it was: an answer takes some 100 ms.
FIND_AGAIN_S = 1.5
# Agents that were heard of and are dialled at once, with a TLS handshake each.
DISCOVERED_AT_ONCE_MAX = 16
# Anybody can announce as many as they like: so how long all proofs take together, and what is said
# of those that failed under one name, has a bound.
DISCOVERED_PROVE_S = 10.0
DISCOVERED_TOLD_MAX = 3
# Each of the two runs of `distrcomp doctor`: a pair measures for a second or so, a pair that breaks
# takes half a minute, and 64 machines have 63 rounds.
EXAMINATION_TIMEOUT_S = 600.0
# From the order to start the nodes until all are ready: interpreters start in 0.1 s, but 128 of
# them on two busy cores take a while.
START_TIMEOUT_S = 120.0
# Shipping may take long, on a slow line, but not this long without a part of SHIP_CHUNK_BYTES gone
# to any peer; a slow disk may take as long to lay the largest bundle (14 MiB a second).
SHIP_STALL_TIMEOUT_S = 300.0
# A link that fails before the start may be the news of a node's end: how long to wait for that.
LAST_WORD_S = 1.0
# A run that must stop: told first, SIGTERM after this long, SIGKILL after as long again.
STOP_STEP_S = 2.0
# Files that one run brings back (S-24): as many as it may ship, and bytes that a disk may have room
# for. So long may nothing come, while there is more: a large file is looked for in a large folder.
COLLECTED_FILES_MAX = 50_000
COLLECTED_BYTES_MAX = 64 * GIB
COLLECT_STALL_TIMEOUT_S = 60.0
# Files, and reasons why some could not be brought back, of which a report in text tells.
COLLECTED_SHOWN_MAX = 20
PROBLEMS_TOLD_MAX = 20
# How long an agent may take to remove a run's last trace.
CLOSE_RUN_TIMEOUT_S = 20.0
# Events that wait for the launcher; a flood of output waits at the agents instead.
EVENTS_MAX = 256
# Places where nodes were, and lines of one of them, that a report in text shows; JSON has all.
STACKS_SHOWN_MAX = 8
STACK_LINES_SHOWN_MAX = 60
# How long a command that looks at a run waits for the agents.
LOOK_WAIT_S = 2.0
# The last lines of a failed node that the report repeats, and failed nodes that it tells of at
# length.
LAST_LINES_MAX = 20
POST_MORTEMS_SHOWN_MAX = 8
# Characters of a program and its arguments in a line of the report, and of why a node failed in the
# table of a page: more is no line any more.
PROGRAM_SHOWN_CHARACTERS_MAX = 60
REASON_SHOWN_CHARACTERS_MAX = 160
# A page opens the output of all nodes where it has no more lines: two screens. Of output that is
# folded it shows the end of the last line.
PAGE_OPENED_LINES_MAX = 60
PAGE_LAST_LINE_CHARACTERS_MAX = 300
# Marks in a phase's bar, of 1,000 points; fields of a side of the heat map, beyond which nodes
# share them; pairs of nodes that are told by their amount, the busiest first.
PAGE_MARKS_MAX = 500
PAGE_HEAT_FIELDS_MAX = 64
PAGE_PAIRS_SHOWN_MAX = 8
# How often the live table is looked at while nothing happens.
SHOW_INTERVAL_S = 0.25
# Nodes that wait, and may wait for each other: when one tells, the others that tell at the same
# moment are waited for so long before somebody is asked; a node is asked again after a pause that
# grows from the second to the third, while something is on its way or one of its threads runs.
DEADLOCK_LOOK_S = 0.05
DEADLOCK_PAUSE_S_MIN, DEADLOCK_PAUSE_S_MAX = 0.2, 2.0
# Nodes that have waited for each other for so long are told of though there is no verdict.
STALL_TOLD_AFTER_S = 10.0
# Threads of one node whose waits are remembered.
WAITS_PER_NODE_MAX = 1000
# Nodes, and near misses, that a verdict names.
DEADLOCK_LINES_MAX = 20
# Remarks of agents in one report.
NOTES_MAX = 100
# What nodes leave behind: so many kinds of messages, and of requests, are told one by one.
LEAVINGS_MAX = 20
LEAVINGS_CHARACTERS_MAX = 8000
# What the report and the other nodes are told of one failure: longer is no sentence, and an error
# that holds an array would go to every node. A traceback of 1,000 frames takes about this much.
SENTENCE_CHARACTERS_MAX = 2000
TRACEBACK_CHARACTERS_MAX = 128 * KIB
# Looks at what a node uses (SAMPLE_PAUSE_S_MIN) that a launcher keeps: more points than a picture
# has room for.
SAMPLES_MAX = 400
# While something is recorded, clocks are compared so often; of the answers of one clock so many are
# kept, to know how it drifts: one every two minutes of a run of two hours.
CLOCK_INTERVAL_S = 2.0
CLOCK_ANSWERS_MAX = 64
# Calls that all nodes of a run record together for a trace, and each node at least. A call becomes
# some 200 bytes of JSON with its arrow, of which Perfetto opens some hundred megabytes.
CALLS_RECORDED_MAX = 500_000
CALLS_OF_NODE_MIN = 1_000
# How long mpiexec, told to end, may take before it is killed: it ends its nodes meanwhile.
MPIEXEC_END_S = 5.0

# --- launcher.notebook ---
# How long a notebook's nodes may take to come back from an interrupted cell, and to end; how
# often a cell that goes on is shown anew; how much of the beginning, and of the end, of a node's
# output in one cell is shown.
CELL_HEED_S = 5.0
CELLS_STOP_S = 10.0
CELL_SHOW_S = 0.4
CELL_OUTPUT_BYTES = 64 * KIB
# One node's answer, in which may be a value that is pulled or figures.
CELL_ANSWER_BYTES_MAX = 2 * GIB

# --- launcher.cli ---
# How long a person looks at nothing before a line says what is waited for.
SAID_AFTER_S = 1.5
# The longest array of `distrcomp bench`: below, nothing is measured; above, not every machine has
# room for the copies.
BENCH_BYTES_MIN, BENCH_BYTES_MAX = KIB, GIB
