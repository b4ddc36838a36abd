"""The documentation names everything there is, and shows the command line as it is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli import bench
from bench.metrics import METRICS
from bench.warnings import REMEDIES
from devices.kinds import KINDS
from lowering.backends import BACKENDS
from model.codec.providers import CODECS
from model.text.languages import LANGUAGES
from quantization.schemes import SCHEMES
from reports.formats import FORMATS

ROOT = Path(__file__).resolve().parent.parent
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md")))
NAMES = [
    *SCHEMES, *BACKENDS, *METRICS, *KINDS, *FORMATS, *CODECS, *LANGUAGES, *bench.commands,
    *REMEDIES,
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_documented(name):
    stem, _, number = name.rpartition("_")
    described = f"`{stem}_0`" if number.isdigit() else f"`{name}`"
    assert described in TEXT or f"`bench {name}`" in TEXT, f"docs/ does not name {name}"


def test_the_command_line_reference_is_up_to_date():
    # In a process of its own: click keeps what a command was first invoked with.
    command = [sys.executable, "-m", "bench.cli_docs"]
    made = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    said = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert said == made, "run: python -m bench.cli_docs > docs/cli.md"


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
