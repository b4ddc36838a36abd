"""From a model and a scheme to a .pte with a manifest, in the cache."""

import hashlib
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lowering.artifact import Artifact, Manifest, MethodFacts, read_artifact, write_manifest
from lowering.backends import BACKENDS, Backend
from lowering.cache import cache_key, cache_root, pins, publish, source_hash
from lowering.reference import ReferenceSpec, model_limits, read_recording, read_reference
from model.choice import ModelChoice
from model.config import SAMPLE_RATE_HZ
from model.errors import StageFailedError
from quantization.schemes import SCHEMES


@dataclass(frozen=True)
class LoweringSpec:
    """One model under one scheme for one backend.

    Attributes:
        choice: The model.
        scheme: Entry of `SCHEMES`.
        backend: Entry of `BACKENDS`.
        calibration: References whose recorded inputs static ranges are taken from.
        verification: Reference that the lowered methods are checked on.
        sources: Hash of the code that lowers it, as it is when the spec is made.
    """

    choice: ModelChoice
    scheme: str
    backend: str
    calibration: tuple[ReferenceSpec, ...]
    verification: ReferenceSpec
    sources: str = field(default_factory=lambda: source_hash("model", "quantization", "lowering"))

    def folder(self) -> Path:
        """Name its folder in the cache."""
        parts = {
            "sources": self.sources,
            "pins": pins(),
            "model": self.choice.identity(),
            "scheme": self.scheme,
            "backend": self.backend,
            "inputs": [ref.folder().name for ref in (*self.calibration, self.verification)],
        }
        return cache_root() / "artifacts" / cache_key(parts)

    def refused(self) -> str:
        """Say why this pair cannot be, or return an empty string."""
        backend = BACKENDS[self.backend]()
        return backend.refuses(SCHEMES[self.scheme]()) or backend.unavailable()

    def read(self) -> Artifact:
        """Read the artifact that `lower` has put into the cache."""
        return read_artifact(self.folder())


class StageClock:
    """Wall seconds and peak memory of the stages of making an artifact."""

    def __init__(self) -> None:
        self.wall_s: dict[str, float] = {}
        self.peak_rss_bytes: dict[str, int] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what runs inside; its failure is named after the stage."""
        start = time.perf_counter()
        try:
            yield
        except Exception as error:
            raise StageFailedError(f"{name} failed: {first_line(error)}") from error
        finally:
            self.wall_s[name] = self.wall_s.get(name, 0.0) + time.perf_counter() - start
            peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            self.peak_rss_bytes[name] = peak_kib * 1024


def first_line(error: Exception) -> str:
    """Return an error's kind and first line."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def lower(spec: LoweringSpec) -> None:
    """Quantize, export, lower and check one model, and put the result into the cache.

    Raises:
        StageFailedError: Named after the stage that failed.
    """
    from executorch.exir import to_edge_transform_and_lower

    from lowering.export import export_method
    from lowering.inspect import delegation, planned_bytes
    from lowering.runtime import LoadedProgram
    from lowering.verify import verify
    from model.codec.providers import load_codec
    from model.loading import load_model
    from model.methods import eager, methods
    from quantization.apply import quantize
    from quantization.coverage import total

    clock = StageClock()
    scheme, backend = SCHEMES[spec.scheme](), BACKENDS[spec.backend]()
    with clock.stage("load"):
        model, info = load_model(spec.choice.name, spec.choice.checkpoint)
        codec = load_codec(spec.choice.codec, spec.choice.codec_checkpoint)
        table = methods(model, codec.decoder)
        samples = calibration_samples(spec.calibration) if scheme.graph else {}
        recording = read_recording(spec.verification.folder())
        reference = read_reference(spec.verification)
    with clock.stage("quantize and export"):
        quantized = {
            name: quantize(
                name,
                method,
                scheme,
                export_method,
                quantizer=backend.quantizer(name) if scheme.graph else None,
                samples=[method.nest(flat) for flat in samples.get(name, ())],
            )
            for name, method in table.items()
        }
    with clock.stage("lower"):
        edge = to_edge_transform_and_lower(
            {name: part.program for name, part in quantized.items()},
            partitioner={name: backend.partitioners() for name in table},
            constant_methods=provenance(spec),
        )
        delegations = {name: delegation(edge.exported_program(name)) for name in table}
    with clock.stage("serialise"):
        buffer = edge.to_executorch().buffer
        planned = planned_bytes(buffer)
    check_delegated(spec.backend, backend, {n: d.macs_share for n, d in delegations.items()})
    with clock.stage("verify"):
        checks = verify(LoadedProgram(buffer).call, eager(table), recording, reference)
    manifest = Manifest(
        model=spec.choice.name,
        trained=info.trained,
        model_sha256=info.sha256,
        codec=spec.choice.codec,
        codec_sha256=spec.choice.identity()["codec_weights"],
        scheme=spec.scheme,
        backend=spec.backend,
        versions=pins(),
        pte_sha256=hashlib.sha256(buffer).hexdigest(),
        pte_bytes=len(buffer),
        limits=model_limits(model.config, codec.lookahead_frames),
        methods={
            name: MethodFacts(
                delegates=delegations[name].delegates,
                delegated_nodes=delegations[name].delegated_nodes,
                other_operators=delegations[name].other_operators,
                delegated_macs_share=delegations[name].macs_share,
                planned_bytes=planned[name],
                quantized_params=part.coverage.quantized_params,
                total_params=part.coverage.total_params,
                quantized_macs=part.coverage.quantized_macs,
                total_macs=part.coverage.total_macs,
                calibration_samples=part.calibration_samples,
                snr_db=checks.snr_db.get(name),
                max_abs_error=checks.max_abs_error.get(name),
            )
            for name, part in quantized.items()
        },
        left_out=total(part.coverage for part in quantized.values()).left_out,
        token_agreement=checks.token_agreement,
        lsd_db=checks.lsd_db,
        mcd_db=checks.mcd_db,
        stage_s=clock.wall_s,
        stage_peak_rss_bytes=clock.peak_rss_bytes,
    )

    def fill(folder: Path) -> None:
        (folder / "model.pte").write_bytes(buffer)
        write_manifest(folder / "manifest.json", manifest)

    publish(spec.folder(), fill)


def calibration_samples(references: Sequence[ReferenceSpec]) -> dict[str, list[list[Any]]]:
    """Collect recorded inputs per method, as tensors."""
    import torch

    samples: dict[str, list[list[Any]]] = {}
    for reference in references:
        for name, calls in read_recording(reference.folder()).items():
            tensors = ([torch.from_numpy(np.array(array)) for array in ins] for ins, _ in calls)
            samples.setdefault(name, []).extend(tensors)
    return samples


def provenance(spec: LoweringSpec) -> dict[str, Any]:
    """Name what a .pte is from within: constant methods that come back at run time."""
    identity = {f"model_{key}": value for key, value in spec.choice.identity().items()}
    return {
        **identity,
        "scheme": spec.scheme,
        "backend": spec.backend,
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "sources": spec.sources,
    }


def check_delegated(name: str, backend: Backend, shares: dict[str, float]) -> None:
    """Refuse a program of which too little went to the backend that was asked for.

    Raises:
        StageFailedError: It names the methods and their shares.
    """
    short = {method: share for method, share in shares.items() if share < backend.min_delegated}
    if short:
        listed = ", ".join(f"{method} {share:.1%}" for method, share in short.items())
        raise StageFailedError(
            f"lower failed: {name} took less than {backend.min_delegated:.0%} of the"
            f" multiply-adds of {listed}"
        )
