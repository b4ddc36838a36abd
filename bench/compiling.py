"""Lower many pairs of scheme and backend, and keep what came of each: no pair without a word."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.pipeline import Plan, prepare_references
from bench.progress import Progress, Show
from bench.results import Outcome
from lowering.artifact import Manifest
from lowering.build import TIME_LIMIT_S, Built, build_artifacts
from lowering.lower import LoweringSpec


@dataclass(frozen=True)
class Compiled:
    """What came of one pair.

    Attributes:
        scheme: Entry of `SCHEMES`.
        backend: Entry of `BACKENDS`.
        outcome: OK, SKIPPED or LOWER.
        reason: Why it is not OK.
        wall_s: Of making it, all stages; of the attempt where it failed.
        stage_s: Wall seconds per stage.
        stage_peak_rss_bytes: Peak memory per stage.
        pte_bytes: Size of the .pte.
        delegates: Delegated subgraphs of all methods.
        other_operators: Operators outside them, with how many of each.
        delegated_macs_share: Of all methods' multiply-adds, inside delegates.
        proof: How far it was verified.
        snr_db: Per method, of its outputs against fp32; empty where it was not executed.
        logits_snr_db: Of the logits that codes are chosen by, against fp32.
        token_agreement: Share of codes chosen as fp32 chooses them, over all codebooks.
        lsd_db: Log-spectral distance of the speech from fp32's.
    """

    scheme: str
    backend: str
    outcome: Outcome
    reason: str = ""
    wall_s: float = 0.0
    stage_s: Mapping[str, float] = field(default_factory=dict)
    stage_peak_rss_bytes: Mapping[str, int] = field(default_factory=dict)
    pte_bytes: int = 0
    delegates: int = 0
    other_operators: Mapping[str, int] = field(default_factory=dict)
    delegated_macs_share: float = 0.0
    proof: str = ""
    snr_db: Mapping[str, float] = field(default_factory=dict)
    logits_snr_db: float | None = None
    token_agreement: float | None = None
    lsd_db: float | None = None


def compile_pairs(
    plan: Plan, show: Show, *, jobs: int = 0, limit_s: float = TIME_LIMIT_S
) -> list[tuple[LoweringSpec, Compiled]]:
    """Lower every pair of a plan in processes of their own, and say of each what came of it.

    Args:
        plan: Names schemes and backends.
        show: Is told of progress.
        jobs: Pairs side by side; 0 for as many as cores and memory allow.
        limit_s: Wall seconds after which a pair, or the fp32 reference, is given up.
    """
    specs = [plan.lowering(scheme, backend) for backend in plan.backends for scheme in plan.schemes]
    refused = {number: reason for number, spec in enumerate(specs) if (reason := spec.refused())}
    wanted = [spec for number, spec in enumerate(specs) if number not in refused]
    if wanted:
        prepare_references(plan, show, limit_s)
    show(Progress("lower", 0, len(wanted)))
    done = {}
    for count, built in enumerate(build_artifacts(wanted, jobs=jobs, limit_s=limit_s), 1):
        spec = built.spec
        done[spec.scheme, spec.backend] = outcome_of(built)
        show(Progress("lower", count, len(wanted), f"{spec.scheme} x {spec.backend}"))
    return [
        (
            spec,
            Compiled(spec.scheme, spec.backend, Outcome.SKIPPED, refused[number])
            if number in refused
            else done[spec.scheme, spec.backend],
        )
        for number, spec in enumerate(specs)
    ]


def outcome_of(built: Built) -> Compiled:
    """Say what came of a lowering that was tried."""
    spec = built.spec
    if built.reason:
        return Compiled(spec.scheme, spec.backend, Outcome.LOWER, built.reason, wall_s=built.wall_s)
    return compiled(spec.read().manifest)


def compiled(manifest: Manifest) -> Compiled:
    """Sum up a manifest over its methods."""
    methods = manifest.methods.values()
    outside: Counter[str] = Counter()
    for facts in methods:
        outside.update(facts.other_operators)
    return Compiled(
        manifest.scheme,
        manifest.backend,
        Outcome.OK,
        wall_s=sum(manifest.stage_s.values()),
        stage_s=manifest.stage_s,
        stage_peak_rss_bytes=manifest.stage_peak_rss_bytes,
        pte_bytes=manifest.pte_bytes,
        delegates=sum(facts.delegates for facts in methods),
        other_operators=dict(outside),
        delegated_macs_share=sum(facts.delegated_macs_share * facts.total_macs for facts in methods)
        / max(1, sum(facts.total_macs for facts in methods)),
        proof=manifest.proof,
        snr_db={
            name: facts.snr_db
            for name, facts in manifest.methods.items()
            if facts.snr_db is not None
        },
        logits_snr_db=manifest.logits_snr_db,
        token_agreement=mean(manifest.token_agreement),
        lsd_db=manifest.lsd_db,
    )


def mean(values: Sequence[float]) -> float | None:
    """Average some values; None where there are none."""
    return sum(values) / len(values) if values else None
