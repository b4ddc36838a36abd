"""A .pte and the manifest beside it: what is in it, what it took to make, how far it is off."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from model.errors import StageFailedError, reason_of
from model.files import read_regular, write_whole
from model.generate import Limits
from model.hashing import file_sha256

FORMAT = 1
LARGEST_BYTES = 2**28  # of a manifest


@dataclass(frozen=True)
class MethodFacts:
    """One method of a .pte.

    Attributes:
        delegates: Delegated subgraphs.
        delegated_nodes: Operators inside them.
        other_operators: Operators outside, with how many of each.
        delegated_macs_share: Of the method's multiply-adds, inside delegates.
        planned_bytes: Activation memory that the program plans outside the delegates.
        quantized_params: Parameters held in the scheme's integers.
        total_params: All parameters.
        quantized_macs: Multiply-adds on quantized weights, for the example inputs.
        total_macs: All multiply-adds.
        calibration_samples: Inputs that activation ranges were taken from.
        snr_db: Of the outputs against fp32 eager on the same real inputs; None where the backend
            cannot run here.
        max_abs_error: Largest difference of an output, likewise.
        ranges: Smallest and largest value that calibration saw, per quantized activation.
        read_back: What the backend found in the compiled method.
    """

    delegates: int
    delegated_nodes: int
    other_operators: Mapping[str, int]
    delegated_macs_share: float
    planned_bytes: int
    quantized_params: int
    total_params: int
    quantized_macs: int
    total_macs: int
    calibration_samples: int
    snr_db: float | None = None
    max_abs_error: float | None = None
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    read_back: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """Everything worth knowing about a .pte.

    Attributes:
        model: Name in `model.config.CONFIGS`.
        trained: False where the weights are random.
        model_sha256: Of the weights' checkpoint; empty for random ones.
        codec: Name of the codec.
        codec_sha256: Of its checkpoint; empty for random weights.
        scheme: Name of the quantization scheme.
        backend: Name of the backend.
        versions: Pins that it was made with.
        pte_sha256: Of the .pte.
        pte_bytes: Its size.
        limits: What its methods take.
        methods: Facts per method.
        left_out: (module, reason) of what the scheme left in float.
        logits_snr_db: Of the logits that codes are chosen by, in passes over fp32's own grids; None
            where the backend cannot run here.
        token_agreement: Per codebook, share of cells where a pass over fp32's own grid chooses
            fp32's code; empty where the backend cannot run here.
        lsd_db: Log-spectral distance of the speech made so from fp32's; None likewise.
        mcd_db: Mel-cepstral distortion of it; None likewise.
        stage_s: Wall seconds per stage of making it.
        stage_peak_rss_bytes: Peak memory of the making process during each stage.
        proof: How far the result was verified (`lowering.backend.Proof`).
        options: Compile options of the backend.
        lengths: Static length per axis; empty where methods take any length.
    """

    model: str
    trained: bool
    model_sha256: str
    codec: str
    codec_sha256: str
    scheme: str
    backend: str
    versions: Mapping[str, str]
    pte_sha256: str
    pte_bytes: int
    limits: Limits
    methods: Mapping[str, MethodFacts]
    left_out: tuple[tuple[str, str], ...]
    token_agreement: tuple[float, ...]
    lsd_db: float | None
    mcd_db: float | None
    stage_s: Mapping[str, float]
    stage_peak_rss_bytes: Mapping[str, int]
    proof: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    lengths: Mapping[str, int] = field(default_factory=dict)
    logits_snr_db: float | None = None


@dataclass(frozen=True)
class Artifact:
    """A lowered model on disk."""

    pte: Path
    manifest: Manifest

    def check(self) -> None:
        """Make sure that the .pte is the one that the manifest describes.

        Raises:
            StageFailedError: It is another, was changed, or has gone.
        """
        try:
            found = file_sha256(self.pte)
        except OSError as error:
            raise StageFailedError(
                f"{self.pte} cannot be read ({error.strerror or error}): lower it again"
            ) from error
        if found != self.manifest.pte_sha256:
            raise StageFailedError(
                f"{self.pte} is not the .pte of its manifest, {self.manifest.scheme} x"
                f" {self.manifest.backend}: its SHA-256 is {found[:12]}…, not"
                f" {self.manifest.pte_sha256[:12]}…; lower it again"
            )


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest as JSON."""
    write_whole(path, json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1))


def read_artifact(folder: Path) -> Artifact:
    """Read `model.pte` and `manifest.json` of a folder.

    Raises:
        StageFailedError: A file is missing, not of this format, or not the other's.
    """
    try:
        document: object = json.loads(read_regular(folder / "manifest.json", LARGEST_BYTES))
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise StageFailedError(f"{folder / 'manifest.json'} is not of format {FORMAT}")
        artifact = Artifact(folder / "model.pte", manifest_from_json(document))
    except (OSError, ValueError, RecursionError) as error:
        raise StageFailedError(
            f"the artifact in {folder} cannot be read: {reason_of(error)}"
        ) from error
    artifact.check()
    return artifact


def manifest_from_json(document: Mapping[str, Any]) -> Manifest:
    """Read a manifest back from what `asdict` made of it.

    Raises:
        ValueError: A field is missing, or of another type.
    """
    return msgspec.convert(document, Manifest)
