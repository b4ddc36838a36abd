"""What most benchmarks time: MobileSpeech lowered for XNNPACK, in the native runner of this host.

Also the arguments and the ending that they share.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from goals import Report

from bench.pipeline import Plan
from bench.say import request_for
from devices.base import Job, Repeat
from devices.host_native import HostNative
from devices.schedule import Schedule
from lowering.artifact import Artifact
from lowering.build import build_artifacts, build_references
from model.choice import ModelChoice
from model.generate import Request
from model.utterance import Utterance, built_in_utterances

SCHEMES = ("fp32", "8da8w", "8da4w", "int8-static")


@dataclass(frozen=True, eq=False)
class ModelUnderTest:
    """A model that is lowered.

    Attributes:
        choice: Model and codec.
        plan: How they are decoded.
        artifacts: Per scheme.
    """

    choice: ModelChoice
    plan: Plan
    artifacts: Mapping[str, Artifact]

    def request(self, utterance: Utterance) -> Request:
        """Prepare an utterance."""
        return request_for(self.choice, utterance, self.plan.options)

    def measure(self, scheme: str, request: Request, schedule: Schedule) -> Repeat:
        """Say a request in a fresh process of the native runner."""
        return HostNative().measure(self.job(scheme, request), schedule)

    def job(self, scheme: str, request: Request) -> Job:
        """Put a request to the model of a scheme."""
        artifact = self.artifacts[scheme]
        return Job(artifact.pte, artifact.manifest.limits, request)


def lowered(choice: ModelChoice, schemes: Sequence[str]) -> ModelUnderTest:
    """Take a model of some schemes from the cache, or lower it; what cannot be ends the program."""
    utterances = (built_in_utterances()["short"],)
    plan = Plan("host-native", choice, tuple(schemes), ("xnnpack",), utterances)
    specs = [plan.lowering(scheme, "xnnpack") for scheme in schemes]
    build_references([ref for spec in specs for ref in (*spec.calibration, spec.verification)])
    for built in build_artifacts(specs):
        if built.reason:
            sys.exit(f"{built.spec.scheme}: {built.reason}")
    return ModelUnderTest(choice, plan, {spec.scheme: spec.read() for spec in specs})


def parser_of(doc: str, *, schemes: Sequence[str] = SCHEMES) -> argparse.ArgumentParser:
    """Make a parser of the arguments that all of them take."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--model", default="base")
    parser.add_argument("--checkpoint", type=Path, help="by default the shipped one")
    parser.add_argument("--schemes", nargs="+", default=list(schemes), choices=SCHEMES)
    parser.add_argument("--json", type=Path, help="write table and goals there")
    return parser


def choice_of(arguments: argparse.Namespace) -> ModelChoice:
    return ModelChoice(arguments.model, arguments.checkpoint)


def core_counts() -> list[int]:
    """Count threads worth trying: 1, 2, 4, all that this process may use."""
    cores = len(os.sched_getaffinity(0))
    return sorted({1, cores, *(count for count in (2, 4) if count <= cores)})


def finish(report: Report, arguments: argparse.Namespace) -> None:
    """Print a report, and save it where that was asked for."""
    if arguments.json:
        report.save(arguments.json)
    print(report.markdown())
