"""A cold `bench run` up to its first measurement: one scheme after the other, and as `bench` does.

One after the other: the references in a process of their own, then a process per scheme that
imports, exports, lowers and checks. `bench`: the same steps by `lowering.build`. Both begin with an
empty cache in a folder of their own, and must come to the same .pte files byte for byte.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goals import Goal, Report, at_most

from bench.pipeline import Plan
from lowering.artifact import Artifact
from lowering.build import workers
from model.choice import ModelChoice
from model.utterance import built_in_utterances, used_for

SCHEMES = ("fp32", "8da8w", "8da4w", "int8-static")
UTTERANCES = ("short", "medium")  # those of the default suite
LARGEST_SHARE = 0.5  # of what one scheme after the other takes
# What children run. They find this module through PYTHONPATH.
REFERENCES = """
import sys
from harness_cold import plan_of, references_of
from lowering.reference import make_references
make_references(references_of(plan_of(sys.argv[1])))
"""
ONE = """
import sys
from harness_cold import plan_of
from lowering.lower import lower
lower(plan_of(sys.argv[1]).lowering(sys.argv[2], "xnnpack"))
"""
ALL = """
import json, sys, time
from harness_cold import plan_of, references_of
from lowering.build import build_artifacts, build_references
plan, start = plan_of(sys.argv[1]), time.perf_counter()
build_references(references_of(plan))
references_s = time.perf_counter() - start
built = list(build_artifacts([plan.lowering(scheme, "xnnpack") for scheme in sys.argv[2:]]))
reasons = [one.reason for one in built if one.reason]
print(json.dumps({"references_s": references_s, "reasons": reasons}))
"""


@dataclass(frozen=True)
class Cold:
    """What making everything took.

    Attributes:
        wall_s: Of all steps together.
        references_s: Of the fp32 references.
        artifacts: What came of it, by scheme.
    """

    wall_s: float
    references_s: float
    artifacts: Mapping[str, Artifact]


def plan_of(model: str) -> Plan:
    """Plan what the default suite measures, of another model if need be."""
    utterances = tuple(built_in_utterances()[name] for name in UTTERANCES)
    return Plan("host", ModelChoice(model), SCHEMES, ("xnnpack",), utterances)


def references_of(plan: Plan) -> list[Any]:
    """List the references that a run needs, each once."""
    beside = [one for use in ("calibrate", "verify") for one in used_for(use)]
    specs = [plan.reference(one) for one in (*plan.utterances, *beside)]
    return list({spec.folder(): spec for spec in specs}.values())


def environment(cache: Path) -> dict[str, str]:
    """Give children a cache of their own, and Python's cache of bytecode as users have it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "MOBILESPEECH_CACHE": str(cache), "PYTHONPATH": str(Path(__file__).parent)}


def child(code: str, *arguments: str, cache: Path) -> str:
    """Run code in a fresh process; returns what it printed last."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment(cache),
    )
    if done.returncode:
        sys.exit(f"a child failed: {done.stderr[-2000:]}")
    return "".join(done.stdout.splitlines()[-1:])


def artifacts_in(cache: Path, model: str, schemes: Sequence[str]) -> dict[str, Artifact]:
    """Read what children have put into a cache."""
    os.environ["MOBILESPEECH_CACHE"] = str(cache)
    plan = plan_of(model)
    return {scheme: plan.lowering(scheme, "xnnpack").read() for scheme in schemes}


def one_by_one(model: str, schemes: Sequence[str], cache: Path) -> Cold:
    """Make everything with one fresh process after the other."""
    start = time.perf_counter()
    child(REFERENCES, model, cache=cache)
    references_s = time.perf_counter() - start
    for scheme in schemes:
        child(ONE, model, scheme, cache=cache)
    wall_s = time.perf_counter() - start
    return Cold(wall_s, references_s, artifacts_in(cache, model, schemes))


def as_bench_does(model: str, schemes: Sequence[str], cache: Path) -> Cold:
    """Make everything as `bench run` does."""
    start = time.perf_counter()
    found = json.loads(child(ALL, model, *schemes, cache=cache))
    wall_s = time.perf_counter() - start
    if found["reasons"]:
        sys.exit(f"lowering failed: {found['reasons'][0]}")
    return Cold(wall_s, found["references_s"], artifacts_in(cache, model, schemes))


def compare(model: str, schemes: Sequence[str], folder: Path) -> Report:
    """Make everything both ways; the cache of the second way is left in `folder`/bench."""
    child(
        "import lowering.preload", cache=folder / "imports"
    )  # its bytecode is written, files read
    naive = one_by_one(model, schemes, folder / "one_by_one")
    ours = as_bench_does(model, schemes, folder / "bench")
    rows: list[dict[str, Any]] = [row_of("one after the other", naive)]
    rows.append(row_of("bench run", ours))
    rows += [scheme_row(scheme, found) for scheme, found in naive.artifacts.items()]
    return Report(f"Cold run of `{model}`", rows, goals(model, naive, ours))


def row_of(name: str, cold: Cold) -> dict[str, Any]:
    return {"step": name, "wall (s)": cold.wall_s, "references (s)": cold.references_s}


def scheme_row(scheme: str, artifact: Artifact) -> dict[str, Any]:
    """Say where the time of one scheme goes when nothing else runs."""
    stages = artifact.manifest.stage_s
    peak = max(artifact.manifest.stage_peak_rss_bytes.values())
    stage_cells = {f"{name} (s)": seconds for name, seconds in stages.items()}
    total = {"wall (s)": sum(stages.values()), "peak (MB)": peak / 1e6}
    return {"step": f"{scheme}, alone", **total, **stage_cells}


def goals(model: str, naive: Cold, ours: Cold) -> list[Goal]:
    """Hold the two ways against each other."""
    differing = [
        scheme
        for scheme, artifact in naive.artifacts.items()
        if artifact.manifest.pte_sha256 != ours.artifacts[scheme].manifest.pte_sha256
    ]
    stages = [artifact.manifest.stage_s for artifact in naive.artifacts.values()]
    exporting = sum(stage["export"] for stage in stages) / sum(sum(s.values()) for s in stages)
    count = len(naive.artifacts)
    return [
        at_most(
            f"cold run of {count} schemes in at most {LARGEST_SHARE:.0%} of one after the other",
            100 * ours.wall_s / naive.wall_s,
            100 * LARGEST_SHARE,
            "%",
            f"`{model}`, {workers()} at a time, forks of one server that has imported ExecuTorch."
            f" No graph is exported once for all: dynamic schemes replace modules before the"
            f" export, the static one exports what was calibrated, and all of exporting is"
            f" {exporting:.0%} of the work",
        ),
        at_most(
            "schemes whose .pte differs between the two ways: none",
            float(len(differing)),
            0,
            "schemes",
            ", ".join(differing),
        ),
    ]
