"""From a model and a scheme to a .pte with a manifest, in the cache."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lowering.artifact import Artifact, Manifest, MethodFacts, read_artifact, write_manifest
from lowering.backend import Backend, Proof
from lowering.backends import make_backend
from lowering.cache import cache_key, cache_root, source_hash, versions
from lowering.memory import reset_peak, rss_bytes
from lowering.reference import ReferenceSpec, model_limits, read_recording, read_reference
from model.choice import ModelChoice
from model.config import SAMPLE_RATE_HZ
from model.entries import publish, require
from model.errors import StageFailedError
from quantization.scheme_files import file_of, find_scheme

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from model.methods import Method


@dataclass(frozen=True)
class LoweringSpec:
    """One model under one scheme for one backend.

    Attributes:
        choice: The model.
        scheme: Name that `find_scheme` takes.
        backend: Entry of `BACKENDS`.
        options: Its compile options that differ from their defaults, by name.
        calibration: References whose recorded inputs static ranges are taken from.
        verification: Reference that the lowered methods are checked on.
        sources: Hash of the code that lowers it, as it is when the spec is made.
    """

    choice: ModelChoice
    scheme: str
    backend: str
    calibration: tuple[ReferenceSpec, ...]
    verification: ReferenceSpec
    options: tuple[tuple[str, Any], ...] = ()
    sources: str = field(default_factory=lambda: source_hash("model", "quantization", "lowering"))

    def packages(self) -> dict[str, str]:
        """Versions of what makes it: of the inputs that it was checked on, and of its compiler."""
        return {**self.verification.packages(), **versions(self.made_backend().packages)}

    def folder(self) -> Path:
        """Name its folder in the cache."""
        parts = {
            "sources": self.sources,
            "packages": self.packages(),
            "model": self.choice.identity(),
            "scheme": self.scheme,
            "scheme_file": file_of(self.scheme),
            "backend": self.backend,
            "options": self.made_backend().options(),
            "inputs": [ref.folder().name for ref in (*self.calibration, self.verification)],
        }
        return cache_root() / "artifacts" / cache_key(parts)

    def refused(self) -> str:
        """Say why this pair cannot be, or return an empty string."""
        backend = self.made_backend()
        return backend.refuses(find_scheme(self.scheme)) or backend.unavailable()

    def made_backend(self) -> Backend:
        """Make the backend with its options."""
        return make_backend(self.backend, self.options)

    def read(self) -> Artifact:
        """Read the artifact that `lower` has put into the cache.

        Raises:
            CacheError: It has gone, or is broken.
        """
        return read_artifact(require(self.folder()))


class StageClock:
    """Wall seconds and peak memory of the stages of making an artifact.

    A stage inside another counts for itself alone.
    """

    def __init__(self) -> None:
        self.wall_s: dict[str, float] = {}
        self.peak_rss_bytes: dict[str, int] = {}
        self.running: list[str] = []
        self.since = time.perf_counter()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what runs inside; its failure is named after the stage."""
        self.turn()
        self.running.append(name)
        try:
            yield
        except StageFailedError:
            raise
        except Exception as error:
            raise StageFailedError(f"{name} failed: {first_line(error)}") from error
        finally:
            self.turn()
            self.running.pop()

    def turn(self) -> None:
        """Credit the time and the peak since the last turn to the stage that was running."""
        now, peak = time.perf_counter(), rss_bytes("VmHWM")
        if self.running:
            name = self.running[-1]
            self.wall_s[name] = self.wall_s.get(name, 0.0) + now - self.since
            self.peak_rss_bytes[name] = max(peak, self.peak_rss_bytes.get(name, 0))
        reset_peak()
        self.since = now


def first_line(error: Exception) -> str:
    """Return an error's kind and first line, with the next where the first only announces it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    said = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return f"{type(error).__name__}: {said}"


def lower(spec: LoweringSpec) -> None:
    """Quantize, export, lower and check one model, and put the result into the cache.

    Raises:
        StageFailedError: Named after the stage that failed.
    """
    from lowering.export import export_method
    from lowering.inspect import delegation, planned_bytes
    from lowering.static import padded_call, with_lengths, within
    from lowering.verify import NO_CHECKS, verify
    from model.methods import eager, methods
    from model.pair import load_pair
    from quantization.apply import quantize
    from quantization.coverage import check_quantized, total

    clock = StageClock()
    backend = spec.made_backend()
    scheme = backend.fit(find_scheme(spec.scheme))
    with clock.stage("load"):
        model, info, codec = load_pair(spec.choice)
        table = methods(model, codec.decoder)
        check_parts(scheme.parts, table)
        limits = within(model_limits(model.config, codec.lookahead_frames), backend.lengths())
        samples = calibration_samples(spec.calibration, table, backend) if scheme.static else {}

    def export(method: "Method") -> "ExportedProgram":
        with clock.stage("export"):
            return export_method(method)

    with clock.stage("quantize"):
        quantized = {
            name: quantize(
                name,
                backend.adapt(name, with_lengths(method, backend.lengths()), scheme),
                scheme,
                export,
                quantizer=backend.quantizer(name, scheme) if scheme.static else None,
                samples=samples.get(name, ()),
            )
            for name, method in table.items()
        }
    coverage = total(part.coverage for part in quantized.values())
    check_quantized(spec.scheme, scheme.kind, coverage)
    with clock.stage("lower"):
        programs = {name: part.program for name, part in quantized.items()}
        edge = backend.lower(programs, scheme, provenance(spec))
        delegations = {name: delegation(edge.exported_program(name)) for name in table}
    with clock.stage("serialise"):
        buffer = bytes(edge.to_executorch().buffer)
        planned = planned_bytes(buffer)
    shares = {name: found.macs_share for name, found in delegations.items()}
    check_delegated(spec.backend, backend.min_delegated(scheme), shares)
    with clock.stage("read back"):
        facts = backend.read_back(buffer, scheme, programs)
    checks = NO_CHECKS
    if backend.proof() in (Proof.EXECUTED, Proof.SIMULATED):
        with clock.stage("verify"):
            recording = read_recording(spec.verification.folder())
            reference = read_reference(spec.verification)
            call = padded_call(backend.load(buffer), table, backend.lengths())
            checks = verify(call, eager(table), recording, reference, limits)
    manifest = Manifest(
        model=spec.choice.name,
        trained=info.trained,
        model_sha256=info.sha256,
        codec=spec.choice.codec,
        codec_sha256=spec.choice.identity()["codec_weights"],
        scheme=spec.scheme,
        backend=spec.backend,
        versions=spec.packages(),
        pte_sha256=hashlib.sha256(buffer).hexdigest(),
        pte_bytes=len(buffer),
        limits=limits,
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
                ranges=part.ranges,
                read_back=facts.get(name, {}),
            )
            for name, part in quantized.items()
        },
        left_out=coverage.left_out,
        logits_snr_db=checks.logits_snr_db,
        token_agreement=checks.token_agreement,
        lsd_db=checks.lsd_db,
        mcd_db=checks.mcd_db,
        stage_s=clock.wall_s,
        stage_peak_rss_bytes=clock.peak_rss_bytes,
        proof=backend.proof(),
        options=backend.options(),
        lengths=backend.lengths(),
    )

    def fill(folder: Path) -> None:
        (folder / "model.pte").write_bytes(buffer)
        write_manifest(folder / "manifest.json", manifest)

    publish(spec.folder(), fill)


def check_parts(parts: Sequence[str], table: Mapping[str, "Method"]) -> None:
    """Refuse a scheme that names parts that the model does not have.

    Raises:
        StageFailedError: It names them.
    """
    known = {
        f"{name}.{child}".rstrip(".")
        for name, method in table.items()
        for child, _ in method.module.named_modules()
    }
    if unknown := [part for part in parts if part not in known]:
        raise StageFailedError(f"the scheme names parts that the model has not: {unknown}")


def calibration_samples(
    references: Sequence[ReferenceSpec], table: Mapping[str, "Method"], backend: Backend
) -> dict[str, list[tuple[Any, ...]]]:
    """Collect recorded inputs per method, as the method that is lowered takes them."""
    import torch

    from lowering.static import pad_inputs, with_lengths

    lengths = backend.lengths()
    shaped = {name: with_lengths(method, lengths) for name, method in table.items()}
    samples: dict[str, list[tuple[Any, ...]]] = {}
    for reference in references:
        for name, calls in read_recording(reference.folder()).items():
            for inputs, _ in calls:
                flat = pad_inputs(table[name], inputs, lengths)
                tensors = [torch.from_numpy(np.array(array)) for array in flat]
                samples.setdefault(name, []).append(shaped[name].nest(tensors))
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


def check_delegated(name: str, least: float, shares: Mapping[str, float]) -> None:
    """Refuse a program of which too little went to the backend that was asked for.

    Args:
        name: Of the backend.
        least: Share of a method's multiply-adds that it must have taken.
        shares: What it took, per method.

    Raises:
        StageFailedError: It names the methods and their shares.
    """
    short = {method: share for method, share in shares.items() if share < least}
    if short:
        listed = ", ".join(f"{method} {share:.1%}" for method, share in short.items())
        raise StageFailedError(
            f"lower failed: {name} took less than {least:.0%} of the multiply-adds of {listed}"
        )
