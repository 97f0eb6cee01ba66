"""The list of members."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.cluster.home import write_private
from launcher.cluster.members import FILE_NAME, Member, Members
from launcher.errors import BadUsage, CannotStart

H1 = Member("h1", ("10.0.0.1", "h1.example.org"), ("a1",), 100)
H2 = Member("h2", ("10.0.0.2",), ("a2",), 200)


@pytest.fixture
def members(tmp_path: Path) -> Members:
    """A list without members."""
    found = Members(tmp_path)
    found.create()
    return found


def test_add(members: Members, tmp_path: Path) -> None:
    """Members are kept in order, in a file that nobody else may read."""
    members.add(H1)
    members.add(H2)
    assert (H1, H2) == members.all()
    assert 0o600 == (tmp_path / FILE_NAME).stat().st_mode & 0o777


def test_issued(members: Members, tmp_path: Path) -> None:
    """Whose credentials were carried over stays known; a list of before knew of nobody."""
    issued = dataclasses.replace(H1, issued=True)
    members.add(issued)
    members.add(H2)
    assert (issued, H2) == members.all()
    document = json.loads((tmp_path / FILE_NAME).read_text())
    for entry in document["members"]:
        del entry["issued"]
    write_private(tmp_path / FILE_NAME, json.dumps(document).encode())
    assert (H1, H2) == members.all()


def test_remove(members: Members) -> None:
    """A removed member stays listed, its serials are refused, its name and addresses are free."""
    members.add(H1)
    assert not members.is_removed("a1")
    assert 300 == members.remove("H1", 300).removed_unix_s
    assert members.is_removed("a1")
    again = Member("h1", ("10.0.0.1",), ("a3",), 400)
    members.add(again)
    assert ["h1", "h1"] == [member.name for member in members.all()]
    assert members.is_removed("a1")
    assert not members.is_removed("a3")
    assert again == members.holder("10.0.0.1")


def test_remove_unknown(members: Members) -> None:
    """Removing nobody is a mistake, as is removing twice."""
    members.add(H1)
    members.remove("h1")
    for name in ("h1", "h9", "\x1b"):
        with pytest.raises(BadUsage, match=r"no member is called") as raised:
            members.remove(name)
        assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("member", "said"),
    [
        (Member("h1", (), ("b",), 1), "the name h1 belongs to member h1"),
        (Member("x", ("10.0.0.1",), ("b",), 1), "the address 10.0.0.1 belongs to member h1"),
        (Member("x", ("h1",), ("b",), 1), "the address h1 belongs to member h1"),
    ],
)
def test_taken(members: Members, member: Member, said: str) -> None:
    """No two members answer to one name or address (S-07)."""
    members.add(H1)
    with pytest.raises(BadUsage, match=said):
        members.refuse_taken(member.name, member.addresses)
    with pytest.raises(BadUsage, match=said):
        members.add(member)
    assert (H1,) == members.all()


def test_loopback_is_shared(members: Members) -> None:
    """An address that every machine has belongs to none."""
    members.add(Member("a", ("127.0.0.1",), ("1",), 1))
    members.add(Member("b", ("127.0.0.1",), ("2",), 1))
    assert ("b",) == members.all()[1].certified


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "{", '{"members": [{}]}', '{"members": 3}', "[" * 100_000, "\xff"],
)
def test_damaged(members: Members, tmp_path: Path, text: str) -> None:
    """A damaged or missing list is an error, never an empty list."""
    write_private(tmp_path / FILE_NAME, text.encode("latin-1"))
    with pytest.raises(CannotStart, match=r"is damaged"):
        members.is_removed("a1")
    (tmp_path / FILE_NAME).unlink()
    with pytest.raises(CannotStart, match=r"there is no file"):
        members.is_removed("a1")


def test_two_commands_at_once(members: Members, tmp_path: Path) -> None:
    """Processes that add members at the same time lose none."""
    code = (
        "import sys; from pathlib import Path\n"
        "from launcher.cluster.members import Member, Members\n"
        "for i in range(20):\n"
        "    name = f'n{sys.argv[2]}-{i}'\n"
        "    Members(Path(sys.argv[1])).add(Member(name, (), (name,), 1))\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(number)])
        for number in range(3)
    ]
    assert [0, 0, 0] == [process.wait(60) for process in running]
    assert 60 == len(members.all())
