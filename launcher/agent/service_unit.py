"""The systemd unit that keeps an agent running: its text; no I/O.

What is forbidden to the agent is forbidden to the programs that it runs, so only that is which no
program needs: to gain rights, to write to the system's folders, to change the kernel. Devices stay,
for there are GPUs; so does memory that is written and executed, which compilers at run time need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import BadUsage
from ..records import record

UNIT_NAME = "distrcomp-agent.service"
# By this line a unit is known to be ours to change.
MARK = "# Made by `distrcomp agent --install`, which replaces it; changes belong into a drop-in."
SYSTEM_HOME = "/var/lib/distrcomp"

# A node has a descriptor for each other machine's node, an agent five for each node that it starts.
_DESCRIPTORS = 65536
# What an agent may take to end its runs in order, before systemd kills what is left.
_STOP_S = 30


@record
class Service:
    """An agent that is to be kept running.

    Attributes:
        command: what starts it, with absolute paths.
        environment: variables that it needs.
        user: whom it runs as, by the system's manager; empty: by the user's own.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    user: str = ""


def unit_text(service: Service) -> str:
    """The unit file; raises BadUsage for a line break in a path."""
    program, *arguments = service.command
    lines = [
        MARK,
        "[Unit]",
        "Description=distrcomp agent: runs the programs of its cluster's operator",
        *(("Wants=network-online.target", "After=network-online.target") if service.user else ()),
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={' '.join([_quoted(program), *map(_argument, arguments)])}",
        *(
            f"Environment={_quoted(f'{name}={value}')}"
            for name, value in service.environment.items()
        ),
        "Restart=on-failure",
        "RestartSec=5",
        "KillMode=mixed",
        f"TimeoutStopSec={_STOP_S}",
        f"LimitNOFILE={_DESCRIPTORS}",
        "UMask=0077",
        "NoNewPrivileges=yes",
        "LockPersonality=yes",
        "RestrictSUIDSGID=yes",
        *(_of_the_system(service.user) if service.user else ()),
        "",
        "[Install]",
        f"WantedBy={wanted_by(service.user)}",
    ]
    return "\n".join(lines) + "\n"


def _of_the_system(user: str) -> tuple[str, ...]:
    """What the system's manager can do; a user's own mostly can't."""
    return (
        f"User={user}",
        "StateDirectory=distrcomp",
        "StateDirectoryMode=0700",
        "ProtectSystem=full",
        "PrivateTmp=yes",
        "ProtectClock=yes",
        "ProtectHostname=yes",
        "ProtectKernelTunables=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelLogs=yes",
        "ProtectControlGroups=yes",
    )


def wanted_by(user: str) -> str:
    """With what the service is started."""
    return "multi-user.target" if user else "default.target"


def is_ours(text: str) -> bool:
    """Whether we have made this unit."""
    return text.startswith(f"{MARK}\n")


def _quoted(word: str) -> str:
    """A word as systemd takes it for one (systemd.service(5), systemd.syntax(7))."""
    if not word.isprintable():
        raise BadUsage(f"{word!a} cannot stand in a service unit")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("%", "%%") + '"'


def _argument(word: str) -> str:
    """The same where variables are put in."""
    return _quoted(word).replace("$", "$$")
