"""The text of the service unit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from launcher.agent.service_unit import UNIT_NAME, Service, is_ours, unit_text
from launcher.errors import BadUsage

COMMAND = [sys.executable, "-m", "launcher", "agent"]


def parsed(service: Service) -> ConfigParser:
    """The unit, read."""
    parser = ConfigParser(strict=True, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(unit_text(service))
    return parser


def test_a_users_unit() -> None:
    """It starts the agent anew when it fails, lets it open many files and gain no rights."""
    unit = parsed(Service(COMMAND, {}))
    assert ["Unit", "Service", "Install"] == unit.sections()
    service = unit["Service"]
    expected = {"Restart": "on-failure", "NoNewPrivileges": "yes", "LimitNOFILE": "65536"}
    assert expected == {name: service[name] for name in expected}
    assert "User" not in service
    assert "default.target" == unit["Install"]["WantedBy"]


def test_a_units_of_the_system() -> None:
    """It runs as its user, may not write to the system's folders, and keeps devices and memory that
    is executed, which programs need."""
    unit = parsed(Service(COMMAND, {"DISTRCOMP_HOME": "/var/lib/distrcomp"}, "distrcomp"))
    service = unit["Service"]
    expected = {"User": "distrcomp", "ProtectSystem": "full", "StateDirectoryMode": "0700"}
    assert expected == {name: service[name] for name in expected}
    assert not {"PrivateDevices", "MemoryDenyWriteExecute"} & set(service)
    assert "multi-user.target" == unit["Install"]["WantedBy"]


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("/a b", '"/a b"'),
        ('a"b', r'"a\"b"'),
        ("a\\b", r'"a\\b"'),
        ("100%h", '"100%%h"'),
        ("$HOME", '"$$HOME"'),
        (";", '";"'),
    ],
)
def test_words(word: str, written: str) -> None:
    """A path with whatever characters stays one word and means itself (S-23)."""
    service = parsed(Service([*COMMAND, word], {}))["Service"]
    assert service["ExecStart"].endswith(f' "agent" {written}')


def test_environment_takes_no_variables() -> None:
    """In a value a dollar stands for itself."""
    service = parsed(Service(COMMAND, {"DISTRCOMP_HOME": "/a $b"}))["Service"]
    assert '"DISTRCOMP_HOME=/a $b"' == service["Environment"]


@pytest.mark.parametrize("word", ["a\nExecStart=/bin/sh", "a\0b", "\x1b[2J"])
def test_what_can_not_stand_there(word: str) -> None:
    """A line break would make a line of its own (S-23)."""
    with pytest.raises(BadUsage, match="cannot stand in a service unit"):
        unit_text(Service([*COMMAND, word], {}))


def test_ours() -> None:
    """What we made is known again, anything else is not."""
    assert is_ours(unit_text(Service(COMMAND, {})))
    assert not is_ours("[Unit]\n")
    assert not is_ours("")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("user", ["", "daemon"])
def test_systemd_takes_it(tmp_path: Path, user: str) -> None:
    """systemd itself finds nothing wrong with it."""
    path = tmp_path / UNIT_NAME
    path.write_text(unit_text(Service(COMMAND, {"DISTRCOMP_HOME": "/a b"}, user)))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, timeout=60
    )
    told = [line for line in done.stderr.splitlines() if UNIT_NAME in line]
    assert (0, []) == (done.returncode, told)
