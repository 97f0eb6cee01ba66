"""The report of attacks and faults, and the tables in the documentation that come from it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.case_report import FAILED, HELD, NOT_TRIED, VERDICTS, CaseReport, merged, named_in
from tests.case_table import PAGES, begin_mark, main, not_held, table, with_table
from tests.cases import ATTACK, CASES, KINDS

ROOT = Path(__file__).parents[1]
TESTS = '''
import pytest

def test_named(record_property):
    """A good one (S-01, F-01)."""
    record_property("figure", "1,000 of them weigh 9 MiB")
    record_property("seconds", ("to the end", 0.5))

@pytest.mark.case("S-02")
def test_marked():
    """Another one."""

def test_fails():
    """A bad one (S-03), and S-01 again in its first paragraph.

    S-09 stands below it.
    """
    raise ValueError

@pytest.mark.xfail(strict=True)
def test_expected_to_fail():
    """What is known not to hold (S-04)."""
    raise ValueError

@pytest.mark.parametrize("number", [1, pytest.param(2, marks=pytest.mark.case("S-05"))])
def test_parameters(number):
    """Some parameters are skipped (S-06)."""
    if number == 2:
        pytest.skip("not today")
'''
RESULTS = {
    "S-01": FAILED,
    "S-02": HELD,
    "S-03": FAILED,
    "S-04": FAILED,
    "S-05": NOT_TRIED,
    "S-06": HELD,
    "S-09": NOT_TRIED,
    "S-31": "waiting",
    "F-01": HELD,
}


def run_pytest(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs pytest with the plugin and nothing else of ours over a file with this text."""
    (folder / "test_it.py").write_text(text, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = case(name): names a case\n")
    words = [sys.executable, "-m", "pytest", "-p", "tests.case_report", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)


def report_of(**outcomes: str) -> dict[str, Any]:
    """A report in which these cases, `S_01` and so on, have one test with this outcome."""
    made = CaseReport(Path("unused"))
    for name, outcome in outcomes.items():
        made.note(name.replace("_", "-"), f"tests/test_{name}.py::test_it[1]", outcome)
    return made.report()


@pytest.mark.parametrize("options", [[], ["-n", "1"]], ids=["one process", "a worker"])
@pytest.mark.processes
def test_report_of_a_run(tmp_path: Path, options: list[str]) -> None:
    """Each case has its verdict and its tests, also where a worker runs them."""
    ended = run_pytest(tmp_path, TESTS, "--case-report", "out.json", *options)
    report = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert {name: report["cases"][name]["verdict"] for name in RESULTS} == RESULTS
    assert report["cases"]["S-01"]["tests"] == {
        "test_it.py::test_fails": "failed",
        "test_it.py::test_named": "passed",
    }
    figures, seconds = ["1,000 of them weigh 9 MiB"], [["to the end", 0.5]]
    assert {"attacks": figures, "faults": figures} == report["figures"]
    assert {"attacks": seconds, "faults": seconds} == report["seconds"]
    assert "attacks: 2 held, 3 failed, " in ended.stdout
    assert "faults: 1 held, 0 failed, " in ended.stdout


@pytest.mark.processes
def test_unknown_case_is_a_mistake(tmp_path: Path) -> None:
    """A test that names a case which there is not is told so at once."""
    ended = run_pytest(tmp_path, 'def test_it():\n    """S-99."""\n')
    assert "test_it.py::test_it names S-99, which tests/cases.py lacks" in ended.stderr
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR


def test_names_in_a_docstring() -> None:
    """Cases are named in the first paragraph, as whole words."""
    assert named_in("S-01: this,\nand that (F-42).\n\nNot S-02.") == ["S-01", "F-42"]
    assert named_in("PS-01 and S-011") == []


def test_counts() -> None:
    """Attacks and faults are counted by verdict; all of them, once."""
    counts = report_of(S_01="passed", S_02="failed", S_03="skipped", F_01="passed")["counts"]
    assert counts["attacks"] | {"waiting": 0} == {
        "held": 1, "failed": 1, "not tried": 39, "waiting": 0,
    }  # fmt: skip
    assert sum(counts["attacks"].values()) == 47
    assert sum(counts["faults"].values()) == 42
    assert counts["faults"]["held"] == 1


def test_table() -> None:
    """A row for each case: title, verdict, the files of its tests that ran, what is known."""
    text = table(ATTACK, report_of(S_01="passed", S_02="skipped"))
    rows = [line for line in text.splitlines() if line.startswith("| S-")]
    assert len(rows) == 47
    assert (
        rows[0]
        == f"| S-01 | {CASES['S-01'].title} | held | `tests/test_S_01` | {CASES['S-01'].limit} |"
    )
    assert f"| {CASES['S-02'].title} | not tried |  |" in rows[1]
    assert "the hub" in rows[30]


def test_several_runs_are_one() -> None:
    """What passed in one run and failed in another has failed; what was skipped in one has not."""
    first = report_of(S_01="passed", S_02="skipped", S_03="passed") | {
        "figures": {"attacks": ["a"], "faults": []}
    }
    both = merged([first, report_of(S_01="failed", S_02="passed")])
    assert [FAILED, HELD, HELD, NOT_TRIED] == [
        both["cases"][f"S-0{number}"]["verdict"] for number in range(1, 5)
    ]
    assert ["a"] == both["figures"]["attacks"]
    assert merged([first]) == first


def test_figures() -> None:
    """Figures that tests have measured stand above the table, a line each."""
    report = report_of(S_01="passed") | {"figures": {"attacks": ["b", "a"], "faults": ["c"]}}
    assert "\n- a\n- b\n\n| case" in table(ATTACK, report)
    assert "- c" not in table(ATTACK, report)


def test_table_is_put_between_the_marks() -> None:
    """What stands around a table stays; a page without marks is refused."""
    page = f"above\n{begin_mark(ATTACK)}\nold\n<!-- end of the table -->\nbelow\n"
    assert with_table(page, ATTACK, "new\n") == page.replace("old", "new")
    with pytest.raises(ValueError, match="no table between"):
        with_table("nothing", ATTACK, "new\n")


def test_what_wants_attention() -> None:
    """A case that failed is told, and one that was not tried, unless its limit tells why."""
    everything = {name: "passed" for name in CASES if not CASES[name].waits_for}
    everything |= {"S-01": "failed", "S-02": "skipped", "S-06": "failed", "S-13": "skipped"}
    assert CASES["S-06"].limit
    assert CASES["S-13"].limit
    report = report_of(**{name.replace("-", "_"): word for name, word in everything.items()})
    assert not_held(report) == ["S-01", "S-02", "S-06"]


def test_tables_are_not_made_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a report, or with one of a part of the tests, the pages stay as they are."""
    part = tmp_path / "part.json"
    part.write_text(json.dumps(report_of(S_01="passed")), "utf-8")
    for words, said in (([], "--case-report cases.json makes"), ([str(part)], "not tried: S-02")):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert 2 == ended.value.code
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
def test_documented_table_is_complete(kind: str) -> None:
    """Each case stands in the documentation, with the title and the limit of the list here."""
    page = (ROOT / PAGES[kind]).read_text("utf-8")
    if begin_mark(kind) not in page:
        pytest.skip(f"{PAGES[kind]} has no table yet")
    rows = [re.split(r"\s*\|\s*", line) for line in page.splitlines()]
    shown = {row[1]: row for row in rows if len(row) == 7}
    for name, case in CASES.items():
        if name.startswith(kind):
            assert case.title == shown[name][2]
            assert shown[name][3] in VERDICTS
            assert case.limit in shown[name][5]
