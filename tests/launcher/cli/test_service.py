"""`distrcomp agent --install`: what it writes where, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launcher.agent import service_files
from launcher.agent.service_unit import UNIT_NAME
from launcher.cli import service
from launcher.errors import BadUsage, CannotStart

OPTIONS = {
    "listen": ":6969",
    "slots": 4,
    "credentials": None,
    "announce": True,
    "system": False,
    "run_as": None,
}


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's unit belongs."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("DISTRCOMP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(service_files, "_SYSTEM_FOLDER", tmp_path / "system")
    monkeypatch.setattr(service_files, "_RUNS_HERE", tmp_path)
    return tmp_path / "config" / "systemd" / "user" / UNIT_NAME


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was printed."""
    return capsys.readouterr().out.splitlines()


def test_install_and_uninstall(unit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The unit starts the agent with the options given, and what to type next is told; removing it
    takes its link along, too."""
    service.install(OPTIONS)
    wrote, following, _ = said(capsys)
    assert f"wrote {unit}" == wrote
    assert "next: systemctl --user enable --now distrcomp-agent.service" == following
    text = unit.read_text()
    assert '"agent" "--listen" ":6969" "--slots" "4" "--announce"' in text
    assert f'Environment="DISTRCOMP_HOME={unit.parents[3] / "home"}"' in text
    assert 0o644 == unit.stat().st_mode & 0o777
    link = unit.parent / "default.target.wants" / UNIT_NAME
    link.parent.mkdir()
    link.symlink_to(unit)
    service.uninstall(OPTIONS)
    assert f"removed {unit}" == said(capsys)[0]
    assert (False, False) == (unit.exists(), link.is_symlink())


def test_a_machine_without_systemd(
    unit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The unit is written, as into an image; nothing is told to type that can't work there."""
    monkeypatch.setattr(service_files, "_RUNS_HERE", unit / "nowhere")
    service.install(OPTIONS)
    told = capsys.readouterr()
    assert f"wrote {unit}\n" == told.out
    assert "systemd does not run this machine" in told.err
    assert "`distrcomp agent --listen :6969 --slots 4 --announce`" in told.err
    assert unit.exists()


def test_once_more(unit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A unit of ours is replaced, and that is said; one that is right already stays."""
    service.install(OPTIONS)
    service.install(OPTIONS)
    service.install({**OPTIONS, "slots": 8})
    lines = said(capsys)
    assert f"{unit} is what it should be already" in lines
    assert f"replaced {unit}" in lines
    assert '"--slots" "8"' in unit.read_text()


def test_a_foreign_unit(unit: Path) -> None:
    """A unit that somebody else wrote, or a link in its place, is neither replaced nor removed."""
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\n")
    for act in (service.install, service.uninstall):
        with pytest.raises(BadUsage, match="it is left alone"):
            act(OPTIONS)
    assert "[Service]\n" == unit.read_text()
    unit.unlink()
    unit.symlink_to("/dev/null")  # as `systemctl mask` does
    with pytest.raises(BadUsage, match="it is left alone"):
        service.install(OPTIONS)


def test_a_unit_of_the_system(unit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It runs as a user that exists, never as root, and has its own folder."""
    service.install({**OPTIONS, "system": True, "run_as": "nobody"})
    text = (unit.parents[3] / "system" / UNIT_NAME).read_text()
    assert "User=nobody\n" in text
    assert 'Environment="DISTRCOMP_HOME=/var/lib/distrcomp"' in text
    assert "next: systemctl enable --now distrcomp-agent.service" in said(capsys)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"system": True, "run_as": "root"}, "would run as root"),
        ({"system": True, "run_as": "no-such-user"}, "there is no user 'no-such-user'"),
        ({"run_as": "nobody"}, "--run-as is for --system"),
    ],
)
def test_wrong_users(unit: Path, changed: dict[str, Any], why: str) -> None:
    """Whom it can't run as is a mistake of the command line."""
    with pytest.raises(BadUsage, match=why):
        service.install({**OPTIONS, **changed})


def test_nothing_to_remove(unit: Path) -> None:
    """Where there is no unit, that is said."""
    with pytest.raises(BadUsage, match="there is no "):
        service.uninstall(OPTIONS)


def test_a_place_that_can_not_be_written(unit: Path) -> None:
    """A folder that can't be made is one sentence."""
    unit.parents[2].mkdir(parents=True)
    (unit.parents[1]).write_text("a file where a folder should be")
    with pytest.raises(CannotStart, match=r"cannot be (read|written)"):
        service.install(OPTIONS)
