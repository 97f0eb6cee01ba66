"""What a soak has seen, in numbers; pure."""

from __future__ import annotations

from collections import Counter

from tests.soak.judge import Case, faults, lines_of_nodes, seconds_to_verdict, verdict_of

_LATE_S = 3.0


class Tally:
    """The sums over all runs.

    Attributes:
        n_fault: how many things were wrong.
    """

    def __init__(self) -> None:
        self.n_fault = 0
        self._runs: Counter[tuple[str, str]] = Counter()
        self._killed: Counter[str] = Counter()
        self._waits_s: list[float] = []
        self._begun = self._received = self._nbytes = self._strays = 0
        self._in_full = 0

    def add(self, case: Case, left: list[str]) -> list[str]:
        """A run is over; what was wrong with it.

        Args:
            left: what it has left behind.
        """
        found = [*faults(case), *left]
        self.n_fault += len(found)
        verdict = verdict_of(case)
        self._runs[case.plan.kind, verdict] += 1
        for killed in case.killed:
            self._killed[killed.victim] += 1
        lines = lines_of_nodes(case).values()
        self._begun += sum(sum(line["begun"].values()) for line in lines)
        self._received += sum(sum(line["received"].values()) for line in lines)
        self._nbytes += sum(line["nbytes"] for line in lines)
        if verdict == "finished":
            self._strays += case.n_stray
            self._in_full += sum(case.expected.values())
        if (seconds := seconds_to_verdict(case)) is not None:
            self._waits_s.append(seconds)
        return found

    def report(self) -> str:
        """All of it as lines."""
        n_run = sum(self._runs.values())
        lines = [f"{n_run:,} runs"]
        for (kind, verdict), count in sorted(self._runs.items()):
            lines.append(f"  {kind:8} {verdict:10} {count:6,}")
        killed = ", ".join(
            f"{count:,} x {victim}" for victim, count in sorted(self._killed.items())
        )
        lines.append(f"killed: {killed or 'nobody'}")
        lines.append(
            f"messages: {self._begun:,} sent and {self._received:,} received by nodes that came to "
            f"tell ({self._nbytes / 1e9:.3f} GB), {self._in_full:,} of them in runs that ended "
            "well, all of these accounted for"
        )
        lines.append(f"strays: {self._strays:,} sent on purpose, to be named by the reports")
        if self._waits_s:
            waits = sorted(self._waits_s)
            late = sum(seconds > _LATE_S for seconds in waits)
            lines.append(
                f"deadlock verdicts: {len(waits):,}, after {waits[len(waits) // 2]:.2f} s "
                f"(median), {waits[-1]:.2f} s at most; {late:,} later than {_LATE_S:g} s"
            )
        lines.append(f"faults: {self.n_fault:,}")
        return "\n".join(lines)
