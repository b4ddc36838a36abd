"""Injects every fault that the tests know, and writes down how each ended: docs/faults.md.

The faults and how they must end stand in tests/devices/test_faults.py (a real adbd behind a relay
that spoils the connection), tests/devices/test_hostile_daemon.py (a daemon that means harm),
tests/model/test_entries.py (the cache), tests/bench/stores/test_journal.py (runs under way) and
tests/bench/test_faults_here.py (this machine, its files, and what a user names).

    python benchmarks/faults.py > docs/faults.md
"""

import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLES = {
    "test_every_fault_ends_in_its_named_error_or_in_a_finished_run": (
        "A phone behind a bad link, or with a bad runner",
        "A real adbd, natively, behind a relay; its runner is a script with the real one's flags.",
    ),
    "test_every_answer_that_is_none_ends_in_its_named_error": (
        "A daemon that means harm",
        "A program that speaks ADB, up to the point where it does not.",
    ),
    "test_every_fault_of_an_entry_is_named_and_it_is_made_anew": (
        "A cache that was damaged",
        "What somebody else, a full disk or a copy that was cut short does to an entry.",
    ),
    "test_every_fault_of_a_journal_is_named": (
        "A journal that was edited",
        "Done to the lines of a run under way, each of which is whole.",
    ),
    "test_every_fault_of_this_machine_is_one_line_and_an_exit_code": (
        "This machine, its files, and what a user names",
        "The command line in a folder with one good run, which stays as it was.",
    ),
}
FILES = (
    "tests/devices/test_faults.py",
    "tests/devices/test_hostile_daemon.py",
    "tests/model/test_entries.py",
    "tests/bench/stores/test_journal.py",
    "tests/bench/test_faults_here.py",
)
# What differs from run to run.
VOLATILE = (
    (re.compile(r"127\.0\.0\.1:\d+"), "PHONE"),
    (re.compile(r"/tmp/[\w./-]+"), "FOLDER"),
    (re.compile(r"\b[0-9a-f]{8,64}\b"), "HASH"),
)
LONGEST = 160


def run_tests(report: Path) -> None:
    # The newer form of JUnit's file has no properties, in which the tests say how each ended.
    form = ["-o", "junit_family=xunit1", f"--junitxml={report}"]
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *FILES, *form],
        cwd=ROOT,
        stdout=sys.stderr,
        check=False,
    )


def plain(words: str) -> str:
    """Make a message the same in every run, short, and harmless in a table."""
    for pattern, stands_for in VOLATILE:
        words = pattern.sub(stands_for, words)
    words = words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
    return words.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def line_of(case: ET.Element) -> tuple[str, str, str, str]:
    found = re.search(r"\[(.*)\]", case.get("name", ""))
    properties = {
        item.get("name", ""): item.get("value", "") for item in case.iterfind("properties/property")
    }
    if case.find("skipped") is not None:
        outcome = "not injected here"
    elif case.find("failure") is not None or case.find("error") is not None:
        outcome = "**not as designed**"
    else:
        outcome = "as designed"
    fault = (found.group(1) if found else "").replace("_", " ")
    designed = properties.get("designed", "")
    designed = designed if " " in designed else f"`{designed}`"
    return fault, designed, outcome, plain(properties.get("said", ""))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        run_tests(report)
        cases = list(ET.parse(report).iter("testcase"))
    tables = {
        name: [line_of(case) for case in cases if case.get("name", "").startswith(name)]
        for name in TABLES
    }
    lines = [line for table in tables.values() for line in table]
    good = sum(outcome == "as designed" for _, _, outcome, _ in lines)
    print("# Faults\n\nMade by `python benchmarks/faults.py > docs/faults.md`; do not edit.\n")
    print(f"{len(lines)} faults were injected; {good} ended as designed.")
    for name, table in tables.items():
        heading, how = TABLES[name]
        print(f"\n## {heading}\n\n{how}\n")
        print("| fault | must end in | ended | what was said |\n| --- | --- | --- | --- |")
        for fault, designed, outcome, said in table:
            print(f"| {fault} | {designed} | {outcome} | {said} |")


if __name__ == "__main__":
    main()
