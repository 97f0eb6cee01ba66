"""What is taken of uv's lock, and what of it travels."""

from __future__ import annotations

import pytest

from launcher.environment.lock import Wheel, is_locked, key_of, parse_lock
from launcher.errors import BadUsage

ONE, TWO = "1" * 64, "2" * 64
LOCK = f"""
lock-version = "1.0"

[[packages]]
name = "six"
version = "1.17.0"
marker = "python_full_version >= '3.11' and sys_platform == 'linux'"
sdist = {{ url = "https://me:secret@host/six-1.17.0.tar.gz", hashes = {{ sha256 = "{TWO}" }} }}
wheels = [{{ url = "https://me:secret@host/six-1.17.0-py3-none-any.whl", hashes = {{ sha256 = "{ONE}" }} }}]

[[packages]]
name = "mine"
archive = {{ path = "dist/mine-2.0-py3-none-any.whl", hashes = {{ sha256 = "{TWO}" }} }}
"""  # noqa: E501


def package(text: str) -> str:
    """A lock of one package."""
    return f'[[packages]]\nname = "x"\n{text}\n'


def test_what_travels() -> None:
    """Names, versions, markers and hashes, and no address."""
    marker = "python_full_version >= '3.11' and sys_platform == 'linux'"
    lines = [
        f"mine==2.0 --hash=sha256:{TWO}",
        f"six==1.17.0 ; {marker} --hash=sha256:{ONE} --hash=sha256:{TWO}",
    ]
    lock = parse_lock(LOCK)
    assert lines == lock.requirements.splitlines()
    assert is_locked(lock.requirements)
    assert frozenset({"six", "mine"}) == lock.names


def test_wheels() -> None:
    """The launcher keeps where each is; one that lies here only makes the lock local."""
    mine, six = parse_lock(LOCK).packages
    name = "six-1.17.0-py3-none-any.whl"
    assert (Wheel(name, f"https://me:secret@host/{name}", bytes.fromhex(ONE)),) == six.wheels
    assert "mine-2.0-py3-none-any.whl" == mine.wheels[0].name
    assert parse_lock(LOCK).is_local
    assert not parse_lock(LOCK[: LOCK.rindex("[[packages]]")]).is_local


def test_nothing() -> None:
    """A lock without packages asks for none."""
    assert "" == parse_lock('lock-version = "1.0"\n').requirements
    assert is_locked("")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('directory = { path = "x" }', "is a folder"),
        ('vcs = { type = "git", url = "u" }', "is a repository"),
        ('version = "1"', "no file of it"),
        ('version = "1"\nwheels = [{ url = "http://h/x-1-py3-none-any.whl" }]', "without a hash"),
        ('version = "1"\nsdist = { url = "x", hashes = { sha256 = "G" } }', "without a hash"),
        (f'archive = {{ url = "h/x.tar.gz", hashes = {{ sha256 = "{ONE}" }} }}', "no file of it"),
        (
            f'version = "1 --pre"\nsdist = {{ url = "x", hashes = {{ sha256 = "{ONE}" }} }}',
            "is not understood",
        ),
    ],
)  # fmt: skip
def test_what_others_cannot_have(text: str, why: str) -> None:
    """A folder, a repository, a file without a hash: said with the package's name."""
    with pytest.raises(BadUsage, match=f"^x.*{why}"):
        parse_lock(package(text))


@pytest.mark.parametrize(
    "line",
    [
        "six",
        "six==1",
        "six>=1 --hash=sha256:" + ONE,
        "--index-url http://evil/",
        f"six==1 --hash=sha256:{ONE} --index-url=x",
        f"six==1 ; x --pre --hash=sha256:{ONE}",
        f"-r /etc/passwd --hash=sha256:{ONE}",
        f"six @ http://evil/six.whl --hash=sha256:{ONE}",
        f"six==1 --hash=md5:{ONE}",
        "-e .",
        "\\",
        " ",
    ],
)
def test_what_an_agent_refuses(line: str) -> None:
    """Whatever is not one version with its hashes, options above all."""
    assert not is_locked(f"six==1 --hash=sha256:{ONE}\n{line}\n")


def test_keys() -> None:
    """A key depends on each part, and on where one ends."""
    keys = [key_of("a"), key_of("b"), key_of("a", "b"), key_of("a", "b", ""), key_of("ab")]
    assert 5 == len(set(keys))
    assert key_of("a", "b") == key_of("a", "b")
